import Contracts
import NIOCore

extension BusEnvelope {
    /// The envelope as it is published: its header, a line feed, the body.
    func payload(with body: ByteBuffer) -> ByteBuffer {
        let header = header
        var payload = ByteBufferAllocator().buffer(capacity: header.utf8.count + 1 + body.readableBytes)
        payload.writeString(header)
        payload.writeInteger(UInt8(ascii: "\n"))
        payload.writeImmutableBuffer(body)
        return payload
    }

    /// Reads what was published; the rest of the payload is the body. `nil` if it begins with no envelope.
    static func read(_ payload: ByteBuffer) -> (envelope: BusEnvelope, body: ByteBuffer)? {
        var body = payload
        let start = payload.readableBytesView.prefix(Limits.busHeaderByteCount + 1)
        guard let end = start.firstIndex(of: UInt8(ascii: "\n")),
            let header = body.readString(length: end - start.startIndex),
            let envelope = BusEnvelope(header: header)
        else { return nil }
        body.moveReaderIndex(forwardBy: 1)
        return (envelope, body)
    }
}
