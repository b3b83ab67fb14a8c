/// The numbers of pictures that VP8 and VP9 have in their payload descriptors, and where they are: a stream that goes over
/// from one encoding to another must count on, or a decoder takes the new pictures for old ones.
package struct PictureNumbers: Hashable, Sendable {
    /// Offset of the picture id in the payload; 0 if there is none.
    package private(set) var pictureIDOffset: UInt8 = 0
    /// Whether it has 15 bits rather than 7.
    package private(set) var isLong = false
    package private(set) var pictureID: UInt16 = 0
    /// Offset of TL0PICIDX in the payload, the number of the last picture of the lowest temporal layer; 0 if there is none.
    package private(set) var layerZeroOffset: UInt8 = 0
    package private(set) var layerZeroIndex: UInt8 = 0

    package init() {}

    /// The id at this offset: 7 bits, or 15 when its first bit (M) is set. Answers where it ends; `nil` if it is cut short.
    mutating func readPictureID(_ payload: Span<UInt8>, at offset: Int) -> Int? {
        guard payload.count > offset else { return nil }
        isLong = payload[offset] & 0x80 != 0
        guard !isLong || payload.count > offset + 1 else { return nil }
        pictureIDOffset = UInt8(offset)
        pictureID = isLong ? payload.uint16(at: offset) & 0x7FFF : UInt16(payload[offset])
        return offset + (isLong ? 2 : 1)
    }

    /// `false` if it is cut short.
    mutating func readLayerZero(_ payload: Span<UInt8>, at offset: Int) -> Bool {
        guard payload.count > offset else { return false }
        layerZeroOffset = UInt8(offset)
        layerZeroIndex = payload[offset]
        return true
    }

    /// Writes other numbers into a copy of the payload that these were read from.
    package func write(pictureID: UInt16, layerZeroIndex: UInt8, to payload: UnsafeMutableRawBufferPointer) {
        if pictureIDOffset != 0 {
            let offset = Int(pictureIDOffset)
            if isLong {
                payload[offset] = 0x80 | UInt8(truncatingIfNeeded: pictureID >> 8)
                payload[offset + 1] = UInt8(truncatingIfNeeded: pictureID)
            } else {
                payload[offset] = UInt8(truncatingIfNeeded: pictureID & 0x7F)
            }
        }
        if layerZeroOffset != 0 { payload[Int(layerZeroOffset)] = layerZeroIndex }
    }
}

/// Continuity of the numbers of pictures in one outgoing stream, as ``Rewriter`` is for its packets. Owned by the section.
package struct PictureRewriter: Sendable {
    /// Outgoing less incoming, modulo 2^15 and 2^8.
    private var pictureShift: Int64 = 0
    private var layerZeroShift: UInt8 = 0
    /// The newest incoming picture's id, continued past its wrap.
    private var newest: Int64 = 0
    private var highestPicture: UInt16?
    private var highestLayerZero: UInt8 = 0
    /// Pictures that are left out leave no hole: a decoder of VP8 waits for it.
    private var thinned = ThinnedSequence()

    /// A stream that has not begun.
    package init() {}

    /// Goes on with this picture of another encoding.
    package mutating func start(_ numbers: PictureNumbers) {
        newest = Int64(numbers.pictureID)
        thinned = ThinnedSequence()
        guard let highestPicture else { return }
        pictureShift = Int64(highestPicture) + 1 - newest
        layerZeroShift = highestLayerZero &+ 1 &- numbers.layerZeroIndex
    }

    /// Takes a packet that is sent into account.
    package mutating func note(_ numbers: PictureNumbers) {
        let incoming = unwrap(numbers)
        newest = max(newest, incoming)
        _ = thinned.take(incoming, isWanted: true)
        let picture = pictureID(numbers)
        if let highestPicture, (picture &- highestPicture) & 0x7FFF > 0x3FFF { return }
        highestPicture = picture
        highestLayerZero = layerZeroIndex(numbers)
    }

    /// Takes a packet that is not sent into account, nor are the others of its picture.
    package mutating func skip(_ numbers: PictureNumbers) {
        guard numbers.pictureIDOffset != 0 else { return }
        let incoming = unwrap(numbers)
        newest = max(newest, incoming)
        _ = thinned.take(incoming, isWanted: false)
    }

    package func pictureID(_ numbers: PictureNumbers) -> UInt16 {
        UInt16(truncatingIfNeeded: thinned.number(of: unwrap(numbers)) + pictureShift) & 0x7FFF
    }

    package func layerZeroIndex(_ numbers: PictureNumbers) -> UInt8 { numbers.layerZeroIndex &+ layerZeroShift }

    /// Of all numbers with these lower bits, the one nearest to the newest.
    private func unwrap(_ numbers: PictureNumbers) -> Int64 {
        let range: Int64 = numbers.isLong ? 0x8000 : 0x80
        let ahead = (Int64(numbers.pictureID) - newest) & (range - 1)
        return newest + (ahead < range / 2 ? ahead : ahead - range)
    }
}
