import Foundation
import MediaRecording

/// Real pictures as packets, as a browser cuts them.
enum PacketSource {
    /// A picture's packets, the last with the marker.
    typealias Picture = [(payload: [UInt8], hasMarker: Bool)]

    private static let mtu = 1_100

    /// The frames of an IVF file: after 32 bytes of header each with its size in 4 bytes, little-endian, and 8 of time.
    static func frames(ivf path: String) -> [[UInt8]] {
        let bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
        var frames: [[UInt8]] = []
        var offset = 32
        while offset + 12 <= bytes.count {
            let size = (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
            frames.append(Array(bytes[(offset + 12)..<(offset + 12 + size)]))
            offset += 12 + size
        }
        return frames
    }

    /// With a picture id of 15 bits (RFC 7741 §4.2).
    static func vp8(_ frame: [UInt8], number: Int) -> Picture {
        pieces(frame) { isFirst, _ in
            [isFirst ? 0x90 : 0x80, 0x80, 0x80 | UInt8(number >> 8 & 0x7F), UInt8(number & 0xFF)]
        }
    }

    /// In flexible mode without references (RFC 9628 §4.2).
    static func vp9(_ frame: [UInt8], number: Int) -> Picture {
        // Frame type: the third bit of the uncompressed header after the marker and the profile.
        let isPredicted: UInt8 = frame[0] & 0x04 != 0 ? 0x40 : 0
        return pieces(frame) { isFirst, isLast in
            [0x80 | isPredicted | (isFirst ? 0x08 : 0) | (isLast ? 0x04 : 0), 0x80 | UInt8(number >> 8 & 0x7F)]
                + [UInt8(number & 0xFF)]
        }
    }

    private static func pieces(_ frame: [UInt8], _ head: (_ isFirst: Bool, _ isLast: Bool) -> [UInt8]) -> Picture {
        stride(from: 0, to: frame.count, by: mtu).map { start in
            let end = min(start + mtu, frame.count)
            return (head(start == 0, end == frame.count) + frame[start..<end], end == frame.count)
        }
    }

    /// The pictures of an Annex B stream: NAL units behind 00 00 01, grouped so that each picture ends with its slice.
    static func pictures(annexB path: String) -> [[[UInt8]]] {
        let bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
        var starts: [Int] = []
        for index in 0..<max(0, bytes.count - 3) where bytes[index...].prefix(3).elementsEqual([0, 0, 1]) {
            starts.append(index + 3)
        }
        var pictures: [[[UInt8]]] = []
        var units: [[UInt8]] = []
        for (index, start) in starts.enumerated() {
            var end = index + 1 < starts.count ? starts[index + 1] - 3 : bytes.count
            while end > start, bytes[end - 1] == 0 { end -= 1 }
            let unit = Array(bytes[start..<end])
            units.append(unit)
            if [1, 5].contains(unit[0] & 0x1F) {
                pictures.append(units)
                units = []
            }
        }
        return pictures
    }

    /// Parameter sets together as STAP-A, small units by themselves, large ones as FU-A (RFC 6184).
    static func h264(_ units: [[UInt8]]) -> Picture {
        var payloads: [[UInt8]] = []
        let parameters = units.filter { [7, 8].contains($0[0] & 0x1F) }
        if !parameters.isEmpty {
            payloads.append(
                [0x78] + parameters.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xFF)] + $0 })
        }
        for unit in units where ![7, 8].contains(unit[0] & 0x1F) {
            guard unit.count > mtu else {
                payloads.append(unit)
                continue
            }
            for start in stride(from: 1, to: unit.count, by: mtu) {
                let end = min(start + mtu, unit.count)
                let flags: UInt8 = (start == 1 ? 0x80 : 0) | (end == unit.count ? 0x40 : 0)
                payloads.append([unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F] + unit[start..<end])
            }
        }
        return payloads.enumerated().map { ($1, $0 == payloads.count - 1) }
    }
}
