/// A VP8 payload descriptor (RFC 7741 §4.2), without the header of the picture behind it.
///
/// | offset | field |
/// |---|---|
/// | 0 | X (0x80): the next byte is there; S (0x10) start of a partition, PID (0x07) its number |
/// | 1 | I (0x80) picture id, L (0x40) TL0PICIDX, T (0x20) or K (0x10) layer and key index |
/// | if I | picture id: 7 bits, or 15 when its first bit (M) is set |
/// | if L | 1 byte: TL0PICIDX |
/// | if T or K | TID (2 bits), Y (1) refers to the lowest layer alone, KEYIDX (5) |
package struct VP8Descriptor: Hashable, Sendable {
    package private(set) var numbers = PictureNumbers()
    /// The temporal layer; 0 if there are none.
    package private(set) var temporal: UInt8 = 0
    /// Y: its picture refers to the lowest temporal layer alone.
    package private(set) var refersToLowest = false
    private let isStart: Bool

    /// `nil` for what is cut short. Allocates nothing.
    package init?(_ payload: Span<UInt8>) {
        guard !payload.isEmpty else { return nil }
        isStart = payload[0] & 0x17 == 0x10
        guard payload[0] & 0x80 != 0 else { return }
        guard payload.count > 1 else { return nil }
        let fields = payload[1]
        var offset = 2
        if fields & 0x80 != 0 {
            guard let end = numbers.readPictureID(payload, at: offset) else { return nil }
            offset = end
        }
        if fields & 0x40 != 0 {
            guard numbers.readLayerZero(payload, at: offset) else { return nil }
            offset += 1
        }
        if fields & 0x20 != 0 {
            guard payload.count > offset else { return nil }
            temporal = payload[offset] >> 6
            refersToLowest = payload[offset] & 0x20 != 0
        }
    }

    /// Where a packet with this descriptor stands.
    package func layer(isKeyFrame: Bool, hasMarker: Bool) -> PacketLayer {
        PacketLayer(
            spatial: 0, temporal: temporal, isFrameStart: isStart, isFrameEnd: hasMarker, isIndependent: isKeyFrame,
            isSync: refersToLowest)
    }
}
