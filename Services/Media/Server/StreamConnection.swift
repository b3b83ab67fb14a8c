import CDatagrams
import Glibc
import MediaCore
import MediaSecurity

/// One TCP connection of a peer. Owned by its ``StreamSockets``, which closes it.
final class StreamConnection {
    /// What the kernel may hold that is not sent yet: more would only be late.
    private static let unsentByteCount: Int32 = 64 * 1024
    /// Bytes of a packet that has not come whole.
    static let partialByteCount = StreamFraming.headerByteCount + StreamFraming.packetByteCount

    let descriptor: Int32
    let address: TransportAddress
    let openedAt: MediaTime
    /// An authenticated check came by it.
    var isProven = false
    var queue = StreamQueue()
    var isWatchedForWriting = false
    /// Something was put into the queue this turn.
    var isTouched = false
    private var partial: [UInt8] = []

    init(descriptor: Int32, address: TransportAddress, openedAt: MediaTime) {
        self.descriptor = descriptor
        self.address = address
        self.openedAt = openedAt
        Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        Self.set(descriptor, Int32(IPPROTO_TCP), Int32(CStreamUnsentLimitOption), Self.unsentByteCount)
    }

    static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The address of this machine that a connection has reached.
    static func localAddress(of descriptor: Int32) -> in6_addr? {
        var address = sockaddr_in6()
        var byteCount = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &byteCount) }
        }
        return result == 0 ? address.sin6_addr : nil
    }

    /// Puts the beginning of a packet that was kept before what will be read. Answers its length.
    func takePartial(into memory: UnsafeMutableRawBufferPointer) -> Int {
        defer { partial.removeAll(keepingCapacity: true) }
        memory.copyBytes(from: partial)
        return partial.count
    }

    /// Keeps the beginning of a packet: at most ``partialByteCount`` bytes.
    func keepPartial(_ bytes: UnsafeRawBufferPointer) { partial.append(contentsOf: bytes) }

    /// Writes what the kernel takes.
    func flush() {
        queue.write { bytes in
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return count }
            // Broken: what waits is worth nothing, and reading will tell the end.
            return errno == EAGAIN || errno == EINTR ? 0 : bytes.count
        }
    }
}
