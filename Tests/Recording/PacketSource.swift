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

    /// A picture in spatial layers (RFC 9628 §4.2, non-flexible mode), of frames that all but that of a key picture refer to
    /// earlier ones.
    static func vp9(layers: [[UInt8]], isKeyPicture: Bool, number: Int) -> Picture {
        var picture: Picture = []
        for (spatial, frame) in layers.enumerated() {
            picture += pieces(frame) { isFirst, isLast in
                [0xA0 | (isKeyPicture ? 0 : 0x40) | (isFirst ? 0x08 : 0) | (isLast ? 0x04 : 0)]
                    + [0x80 | UInt8(number >> 8 & 0x7F), UInt8(number & 0xFF)]
                    + [UInt8(spatial << 1) | (spatial > 0 ? 1 : 0), UInt8(number & 0xFF)]
            }
        }
        return picture.enumerated().map { ($0.element.payload, $0.offset == picture.count - 1) }
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

    /// The OBUs of a temporal unit, without the delimiter and without their sizes, in as few packets as they fit; the larger
    /// ones cut (AV1 RTP specification §4.4, §4.5).
    /// - Parameter counts: whether a packet of up to three elements says how many they are, and so spares the last one's size.
    static func av1(_ unit: [UInt8], counts: Bool) -> Picture {
        let units = obus(unit).filter { $0[0] >> 3 & 0x0F != 2 }
        let isKeyFrame = units.contains { $0[0] >> 3 & 0x0F == 1 }
        var packets: [[(bytes: [UInt8], isRest: Bool, isCut: Bool)]] = [[]]
        var room = mtu
        for unit in units {
            var start = 0
            while start < unit.count {
                if room < 40 {
                    packets.append([])
                    room = mtu
                }
                let end = min(unit.count, start + room - 2)
                packets[packets.count - 1].append((Array(unit[start..<end]), start > 0, end < unit.count))
                room -= end - start + 2
                start = end
            }
        }
        return packets.enumerated().map { number, elements in
            let count = counts && elements.count <= 3 ? elements.count : 0
            var payload: [UInt8] = [UInt8(count) << 4 | (isKeyFrame && number == 0 ? 0x08 : 0)]
            if elements.first?.isRest == true { payload[0] |= 0x80 }
            if elements.last?.isCut == true { payload[0] |= 0x40 }
            for (index, element) in elements.enumerated() {
                if index + 1 != count { payload += leb128(element.bytes.count) }
                payload += element.bytes
            }
            return (payload, number == packets.count - 1)
        }
    }

    /// The OBUs of a temporal unit of a file, each without its size.
    private static func obus(_ bytes: [UInt8]) -> [[UInt8]] {
        var units: [[UInt8]] = []
        var offset = 0
        while offset < bytes.count {
            let header = Array(bytes[offset..<(offset + (bytes[offset] & 0x04 != 0 ? 2 : 1))])
            offset += header.count
            var (size, shift) = (0, 0)
            repeat {
                size |= Int(bytes[offset] & 0x7F) << shift
                shift += 7
                offset += 1
            } while bytes[offset - 1] & 0x80 != 0
            units.append([header[0] & ~0x02] + header.dropFirst() + bytes[offset..<(offset + size)])
            offset += size
        }
        return units
    }

    static func leb128(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + leb128(value >> 7)
    }
}
