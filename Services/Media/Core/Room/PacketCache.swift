/// The last packets of one encoding, without their encryption, to answer NACKs of all its subscribers
/// (RFC 4585 §6.2.1). It belongs to the source: a copy a subscriber would cost megabytes each.
///
/// Memory comes with the first packet. Owned by the publication.
final class PacketCache {
    /// Packets kept at most: 1.8 s of a 2.5 Mbit/s video.
    static let packetCount = 512
    /// Bytes of a packet that is kept, payload and dependency descriptor; senders of WebRTC keep below.
    static let payloadByteCount = 1280

    private struct Slot {
        var sequence: Int64 = .min
        var packet = ForwardedPacket()
        var byteCount = 0
    }

    private let packetCount: Int
    private var slots: [Slot] = []
    // SAFETY: allocated and freed by this object alone; a pointer into it is lent for the time of a call.
    private var memory: UnsafeMutableRawBufferPointer?

    /// - Parameter packetCount: a power of two.
    init(packetCount: Int = PacketCache.packetCount) {
        precondition(packetCount.nonzeroBitCount == 1, "The index is a mask.")
        self.packetCount = packetCount
    }

    deinit { memory?.deallocate() }

    func store(_ packet: ForwardedPacket, _ payload: UnsafeRawBufferPointer) {
        guard payload.count + (packet.descriptor?.bytes.count ?? 0) <= Self.payloadByteCount else { return }
        let memory = memory ?? allocate()
        let index = Int(truncatingIfNeeded: packet.sequence) & (packetCount - 1)
        let start = index * Self.payloadByteCount
        UnsafeMutableRawBufferPointer(rebasing: memory[start...]).copyMemory(from: payload)
        var packet = packet
        if let descriptor = packet.descriptor?.bytes {
            let place = memory[(start + payload.count)..<(start + payload.count + descriptor.count)]
            UnsafeMutableRawBufferPointer(rebasing: place).copyMemory(from: descriptor)
            packet.descriptor?.bytes = UnsafeRawBufferPointer(rebasing: place)
        }
        slots[index] = Slot(sequence: packet.sequence, packet: packet, byteCount: payload.count)
    }

    /// Gives the packet with this unwrapped number to `body`; `false` if it is not here.
    func withPacket(_ sequence: Int64, _ body: (ForwardedPacket, UnsafeRawBufferPointer) -> Void) -> Bool {
        let index = Int(truncatingIfNeeded: sequence) & (packetCount - 1)
        guard let memory, slots[index].sequence == sequence else { return false }
        let start = index * Self.payloadByteCount
        body(
            slots[index].packet,
            UnsafeRawBufferPointer(rebasing: memory[start..<(start + slots[index].byteCount)]))
        return true
    }

    /// Forgets all packets: the stream begins anew, and its numbers may come again.
    func removeAll() {
        for index in slots.indices { slots[index].sequence = .min }
    }

    private func allocate() -> UnsafeMutableRawBufferPointer {
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: packetCount * Self.payloadByteCount, alignment: 16)
        memory = block
        slots = Array(repeating: Slot(), count: packetCount)
        return block
    }
}
