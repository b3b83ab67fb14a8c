package import MediaSecurity

/// One picture of VP9 or AV1 in spatial layers (L2T3, L3T3): each refers to the one below and to an earlier picture of its own.
///
/// Temporal layers repeat as 0 2 1 2 from a key frame on.
package struct LayeredPicture: Sendable {
    private static let temporals: [UInt8] = [0, 2, 1, 2]

    /// The number of pictures since the key frame; 0 is one.
    package let position: Int
    /// Bytes by spatial layer, the lowest first.
    package let byteCounts: [Int]

    package init(position: Int, byteCounts: [Int]) {
        self.position = position
        self.byteCounts = byteCounts
    }

    package var isKeyFrame: Bool { position == 0 }
    package var temporal: UInt8 { Self.temporals[position % 4] }

    /// How many pictures back the one is that a picture at this position refers to.
    static func reference(at position: Int) -> Int { [4, 1, 2, 1][position % 4] }

    /// The numbers of frames are those of pictures, with the spatial layer in the lowest bits.
    static let layerBits: UInt32 = 2
}

extension PublishedTrack {
    /// The packets of one picture, frame by frame; the marker is on the last of all (RFC 9628 §4.1).
    mutating func packets(of picture: LayeredPicture, now: MediaTime) -> [[UInt8]] {
        guard let codec else { return [] }
        var packets: [[UInt8]] = []
        for (spatial, byteCount) in picture.byteCounts.enumerated() {
            let count = max(1, (byteCount + Self.payloadByteCount - 15) / (Self.payloadByteCount - 14))
            for part in 0..<count {
                let isEnd = part == count - 1
                var (payload, descriptor): ([UInt8], [UInt8]) = ([], [])
                if codec.name == "AV1" {
                    // N, a coded video sequence begins, and Z, a fragment goes on (AV1 RTP specification §4.4).
                    payload.append(part > 0 ? 0x80 : picture.isKeyFrame && spatial == 0 ? 0x08 : 0)
                    let number = frameCount &* UInt32(picture.byteCounts.count) &+ UInt32(spatial)
                    descriptor =
                        PeerDescriptor(
                            picture: picture, spatial: spatial, isFirst: part == 0, isLast: isEnd,
                            number: UInt16(truncatingIfNeeded: number &+ ssrc)
                        ).bytes
                } else {
                    VP9PeerDescriptor(
                        picture: picture, spatial: UInt8(spatial), isFirst: part == 0, isLast: isEnd,
                        pictureID: pictureID
                    ).append(to: &payload)
                }
                PayloadPattern(
                    origin: ssrc, frame: frameCount << LayeredPicture.layerBits | UInt32(spatial), part: UInt16(part),
                    partCount: UInt16(count)
                ).append(to: &payload, byteCount: max(PayloadPattern.headerByteCount, byteCount / count))
                let isLast = isEnd && spatial == picture.byteCounts.count - 1
                packets.append(layeredPacket(codec, payload, isLast: isLast, descriptor: descriptor, now: now))
            }
        }
        finishPicture(isKeyFrame: picture.isKeyFrame)
        return packets
    }
}

/// The payload descriptor of such a picture (RFC 9628 §4.2), in non-flexible mode.
struct VP9PeerDescriptor {
    static let byteCount = 5

    let picture: LayeredPicture
    let spatial: UInt8
    let isFirst: Bool
    let isLast: Bool
    let pictureID: UInt16

    func append(to packet: inout [UInt8]) {
        let flags: UInt8 =
            0xA0 | (picture.isKeyFrame ? 0 : 0x40) | (isFirst ? 0x08 : 0) | (isLast ? 0x04 : 0)
        packet += [flags, 0x80 | UInt8(pictureID >> 8), UInt8(pictureID & 0xFF)]
        // Who gets the pictures up to this one can go up: with 0 and 1 all that follow refer to these alone.
        let isSwitch = picture.temporal < 2
        packet.append(picture.temporal << 5 | (isSwitch ? 0x10 : 0) | spatial << 1 | (spatial > 0 ? 1 : 0))
        packet.append(UInt8(truncatingIfNeeded: picture.position / 4))
    }
}

/// What a decoder of such pictures makes of the frames that are complete.
package struct LayeredReception: Sendable {
    /// Complete frames by spatial layer, and pictures by temporal layer.
    package private(set) var frameCounts = [0, 0, 0, 0]
    package private(set) var pictureCounts = [0, 0, 0, 0]
    /// Frames that refer to one that was not complete.
    package private(set) var undecodable = 0
    /// Pictures whose last packet had no marker.
    package private(set) var unmarked = 0
    /// What their dependency descriptors say, of AV1.
    package internal(set) var descriptors = DescriptorReception()
    /// Packets without payload, which only keep a number.
    package private(set) var emptyPackets = 0
    private var keyPicture: UInt32?
    private var decoded: Set<UInt32> = []
    private var last: (timestamp: UInt32, hasMarker: Bool)?

    /// Every packet in its order.
    mutating func receive(timestamp: UInt32, hasMarker: Bool, isEmpty: Bool) {
        if isEmpty {
            emptyPackets += 1
            return
        }
        if let last, last.timestamp != timestamp, !last.hasMarker { unmarked += 1 }
        last = (timestamp, hasMarker)
    }

    mutating func complete(_ frame: UInt32, isKeyFrame: Bool) {
        let (picture, spatial) = (frame >> LayeredPicture.layerBits, frame & (1 << LayeredPicture.layerBits - 1))
        if isKeyFrame, spatial == 0 {
            keyPicture = picture
            decoded = []
        }
        frameCounts[Int(spatial)] += 1
        guard let keyPicture else {
            undecodable += 1
            return
        }
        let position = Int(picture) - Int(keyPicture)
        if spatial == 0, position >= 0 {
            let temporal = LayeredPicture(position: position, byteCounts: []).temporal
            pictureCounts[Int(temporal)] += 1
        }
        let reference = UInt32(max(0, position - LayeredPicture.reference(at: max(0, position)))) + keyPicture
        let hasReference = position == 0 || decoded.contains(reference << LayeredPicture.layerBits | spatial)
        let hasLower = spatial == 0 || decoded.contains(frame - 1)
        guard position >= 0, hasReference, hasLower else {
            undecodable += 1
            return
        }
        decoded.insert(frame)
    }
}
