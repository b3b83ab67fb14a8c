/// The numbers of pictures in a VP8 payload descriptor (RFC 7741 §4.2), and where they are: a stream that goes over from one
/// encoding to another must count on, or a decoder takes the new pictures for old ones.
///
/// | offset | field |
/// |---|---|
/// | 0 | X (0x80): the next byte is there |
/// | 1 | I (0x80) picture id, L (0x40) TL0PICIDX, T (0x20) or K (0x10) layer and key index |
/// | if I | picture id: 7 bits, or 15 when its first bit (M) is set |
/// | if L | 1 byte: number of the last picture of the lowest temporal layer |
package struct VP8Descriptor: Hashable, Sendable {
    /// Offset of the picture id in the payload; 0 if there is none.
    package private(set) var pictureIDOffset: UInt8 = 0
    /// Whether it has 15 bits rather than 7.
    package private(set) var isLong = false
    package private(set) var pictureID: UInt16 = 0
    /// Offset of TL0PICIDX in the payload; 0 if there is none.
    package private(set) var layerZeroOffset: UInt8 = 0
    package private(set) var layerZeroIndex: UInt8 = 0

    /// `nil` for what is cut short. Allocates nothing.
    package init?(_ payload: Span<UInt8>) {
        guard !payload.isEmpty else { return nil }
        guard payload[0] & 0x80 != 0 else { return }
        guard payload.count > 1 else { return nil }
        var offset = 2
        if payload[1] & 0x80 != 0 {
            guard payload.count > offset else { return nil }
            pictureIDOffset = UInt8(offset)
            isLong = payload[offset] & 0x80 != 0
            guard !isLong || payload.count > offset + 1 else { return nil }
            pictureID = isLong ? payload.uint16(at: offset) & 0x7FFF : UInt16(payload[offset])
            offset += isLong ? 2 : 1
        }
        if payload[1] & 0x40 != 0 {
            guard payload.count > offset else { return nil }
            layerZeroOffset = UInt8(offset)
            layerZeroIndex = payload[offset]
        }
    }
}

/// Continuity of VP8's numbers of pictures in one outgoing stream, as ``Rewriter`` is for its packets. Owned by the section.
package struct VP8Rewriter: Sendable {
    /// Outgoing less incoming, modulo 2^15 and 2^8.
    private var pictureShift: UInt16 = 0
    private var layerZeroShift: UInt8 = 0
    private var highestPicture: UInt16?
    private var highestLayerZero: UInt8 = 0

    /// A stream that has not begun.
    package init() {}

    /// Goes on with this picture of another encoding.
    package mutating func start(_ descriptor: VP8Descriptor) {
        guard let highestPicture else { return }
        pictureShift = highestPicture &+ 1 &- descriptor.pictureID
        layerZeroShift = highestLayerZero &+ 1 &- descriptor.layerZeroIndex
    }

    /// Takes a packet that is sent into account.
    package mutating func note(_ descriptor: VP8Descriptor) {
        let picture = pictureID(descriptor)
        if let highestPicture, (picture &- highestPicture) & 0x7FFF > 0x3FFF { return }
        highestPicture = picture
        highestLayerZero = layerZeroIndex(descriptor)
    }

    package func pictureID(_ descriptor: VP8Descriptor) -> UInt16 { (descriptor.pictureID &+ pictureShift) & 0x7FFF }

    package func layerZeroIndex(_ descriptor: VP8Descriptor) -> UInt8 { descriptor.layerZeroIndex &+ layerZeroShift }

    /// Writes the outgoing numbers into a copy of the payload that the descriptor was read from.
    package func apply(_ descriptor: VP8Descriptor, to payload: UnsafeMutableRawBufferPointer) {
        if descriptor.pictureIDOffset != 0 {
            let (offset, picture) = (Int(descriptor.pictureIDOffset), pictureID(descriptor))
            if descriptor.isLong {
                payload[offset] = 0x80 | UInt8(truncatingIfNeeded: picture >> 8)
                payload[offset + 1] = UInt8(truncatingIfNeeded: picture)
            } else {
                payload[offset] = UInt8(truncatingIfNeeded: picture & 0x7F)
            }
        }
        if descriptor.layerZeroOffset != 0 { payload[Int(descriptor.layerZeroOffset)] = layerZeroIndex(descriptor) }
    }
}
