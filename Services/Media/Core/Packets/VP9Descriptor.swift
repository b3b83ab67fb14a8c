/// A VP9 payload descriptor (RFC 9628 §4.2).
///
/// | offset | field |
/// |---|---|
/// | 0 | I (0x80) picture id, P (0x40) refers to earlier pictures, L (0x20) layers, F (0x10) flexible mode, B (0x08) start and E (0x04) end of a frame, V (0x02) scalability structure, Z (0x01) no reference for what is above |
/// | if I | picture id: 7 bits, or 15 when its first bit (M) is set |
/// | if L | TID (3 bits), U (1) switching up point, SID (3), D (1) refers to the spatial layer below |
/// | if L and not F | 1 byte: TL0PICIDX |
/// | if F and P | up to three bytes: P_DIFF (7 bits), N (1) another follows |
/// | if V | the scalability structure, which is not read |
package struct VP9Descriptor: Hashable, Sendable {
    package private(set) var numbers = PictureNumbers()
    package private(set) var layer = PacketLayer()

    /// The first packet of a picture that is decoded without an earlier one.
    package var isKeyFrameStart: Bool { layer.isFrameStart && layer.isIndependent && layer.spatial == 0 }

    /// `nil` for what is cut short. Allocates nothing.
    package init?(_ payload: Span<UInt8>) {
        guard !payload.isEmpty else { return nil }
        let flags = payload[0]
        var offset = 1
        if flags & 0x80 != 0 {
            guard let end = numbers.readPictureID(payload, at: offset) else { return nil }
            offset = end
        }
        var (spatial, temporal, isSwitch): (UInt8, UInt8, Bool) = (0, 0, false)
        if flags & 0x20 != 0 {
            guard payload.count > offset else { return nil }
            (temporal, isSwitch) = (payload[offset] >> 5, payload[offset] & 0x10 != 0)
            spatial = payload[offset] >> 1 & 7
            offset += 1
            if flags & 0x10 == 0 {
                guard numbers.readLayerZero(payload, at: offset) else { return nil }
            }
        }
        layer = PacketLayer(
            spatial: spatial, temporal: temporal, isFrameStart: flags & 0x08 != 0, isFrameEnd: flags & 0x04 != 0,
            isIndependent: flags & 0x40 == 0, switches: isSwitch ? .all : LayerSet())
    }
}
