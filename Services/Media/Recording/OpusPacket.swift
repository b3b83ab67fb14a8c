/// What the first bytes of an Opus packet tell (RFC 6716 §3.1, §3.2).
enum OpusPacket {
    /// How long the sound in a packet lasts. Zero for an empty one.
    ///
    /// | bits of the first byte | meaning |
    /// |---|---|
    /// | 0xF8 | configuration: mode, bandwidth, length of a frame |
    /// | 0x04 | stereo |
    /// | 0x03 | 0: one frame; 1 and 2: two; 3: as many as the lower 6 bits of the next byte say |
    static func duration(of packet: [UInt8]) -> Duration {
        guard let first = packet.first else { return .zero }
        let configuration = Int(first >> 3)
        let frame: Int
        switch configuration {
        case 0..<12: frame = [10_000, 20_000, 40_000, 60_000][configuration % 4]
        case 12..<16: frame = [10_000, 20_000][configuration % 2]
        default: frame = [2_500, 5_000, 10_000, 20_000][configuration % 4]
        }
        let count: Int
        switch first & 0x03 {
        case 0: count = 1
        case 1, 2: count = 2
        default: count = packet.count > 1 ? Int(packet[1] & 0x3F) : 0
        }
        return .microseconds(min(frame * count, 120_000))
    }
}
