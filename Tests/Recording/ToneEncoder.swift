import Foundation

/// Opus packets of a tone, made by FFmpeg: read from an Ogg file (RFC 3533), whose pages say how long each packet is.
struct ToneEncoder {
    let frequency: Double

    struct Failure: Error {}

    func packets(count: Int) throws -> [[UInt8]] {
        let path = FileManager.default.temporaryDirectory.appending(path: "tone-\(UUID().uuidString).ogg").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FFmpeg.encodeTone(frequency, seconds: Double(count) / 50 + 1, to: path)
        let packets = Self.packets(inOgg: Array(contents(path) ?? Data())).dropFirst(2)
        guard packets.count >= count else { throw Failure() }
        return Array(packets.prefix(count))
    }

    /// A page has a header of 27 bytes, the last the number of segments; a byte for each with its length; and the segments.
    /// A packet ends with a segment of less than 255 bytes.
    private static func packets(inOgg bytes: [UInt8]) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        var packet: [UInt8] = []
        var offset = 0
        while offset + 27 <= bytes.count {
            let count = Int(bytes[offset + 26])
            let lengths = bytes[(offset + 27)..<(offset + 27 + count)]
            offset += 27 + count
            for length in lengths {
                packet += bytes[offset..<(offset + Int(length))]
                offset += Int(length)
                guard length < 255 else { continue }
                packets.append(packet)
                packet = []
            }
        }
        return packets
    }
}
