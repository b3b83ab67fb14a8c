import Glibc
import NIOCore

/// Frames of one stream that leave together: joined once for all who take them plain, and once for all who take them
/// compressed.
final class FrameBatch {
    private let events: [PreparedEvent]
    private(set) lazy var plain = joined(events.map(\.frame))
    private(set) lazy var deflated = joined(events.map(\.deflated))

    init(_ events: [PreparedEvent]) { self.events = events }

    private func joined(_ frames: [ByteBuffer]) -> ByteBuffer {
        guard frames.count > 1 else { return frames[0] }
        var all = ByteBufferAllocator().buffer(capacity: frames.reduce(0) { $0 + $1.readableBytes })
        for frame in frames { all.writeImmutableBuffer(frame) }
        return all
    }
}

/// Sends as much as the socket takes now, without waiting; 0 also where it is broken, which NIO finds out by itself.
func sendNow(_ bytes: UnsafeRawBufferPointer, _ socket: CInt) -> Int {
    let sent = Glibc.send(socket, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
    return max(0, sent)
}
