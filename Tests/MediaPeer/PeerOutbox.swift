/// Datagrams that wait to be taken, one behind the other in one buffer.
struct PeerOutbox {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    mutating func append(_ datagram: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: datagram)
        ends.append(bytes.count)
    }

    mutating func append(_ datagram: [UInt8]) { datagram.withUnsafeBytes { append($0) } }

    /// Hands over all datagrams in order and keeps the memory.
    mutating func take(_ send: (UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { bytes in
            var start = 0
            for end in ends {
                send(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                start = end
            }
        }
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }
}
