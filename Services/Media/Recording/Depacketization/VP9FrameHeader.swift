/// The uncompressed header of a frame of VP9 (bitstream specification §6.2), profile 0: what a recording has to know of it.
struct VP9FrameHeader: Hashable, Sendable {
    struct Size: Hashable, Sendable {
        let width: Int
        let height: Int
    }

    /// What earlier frames left: the sizes of the pictures that others may refer to.
    typealias Slots = [Size?]
    static let emptySlots = Slots(repeating: nil, count: 8)

    let isKeyFrame: Bool
    /// Whether it is a picture that is shown; others only help with those.
    let isShown: Bool
    /// Whether it is nothing but an order to show an earlier one.
    let isRepetition: Bool
    let size: Size
    /// Which slots it fills, a bit each.
    let refreshed: Int
    /// Bits in front of `show_frame`, and of the whole header without the padding of its last byte.
    private let shownOffset: Int
    private let bitCount: Int

    /// More than a header has: bytes.
    private static let longest = 256
    private static let syncCode = 0x498342

    /// `nil` for another profile, for what is cut short, and for what refers to a picture that is not known.
    init?(_ frame: [UInt8], slots: Slots) {
        var reader = ContentReader(Array(frame.prefix(Self.longest)))
        // The frame marker, 2, and profile 0.
        guard reader.bits(2) == 2, reader.bits(2) == 0 else { return nil }
        isRepetition = reader.flag()
        if isRepetition {
            guard let size = slots[reader.bits(3)], !reader.isPastEnd else { return nil }
            (isKeyFrame, isShown, self.size, refreshed) = (false, true, size, 0)
            (shownOffset, bitCount) = (0, reader.position)
            return
        }
        isKeyFrame = !reader.flag()
        shownOffset = reader.position
        isShown = reader.flag()
        let isResilient = reader.flag()
        var isIntra = isKeyFrame
        if isKeyFrame {
            guard let size = Self.readKeyFrame(&reader) else { return nil }
            (self.size, refreshed) = (size, 0xFF)
        } else {
            if !isShown { isIntra = reader.flag() }
            if !isResilient { reader.skip(2) }
            guard let (size, slots) = Self.readFrame(&reader, isIntra: isIntra, slots) else { return nil }
            (self.size, refreshed) = (size, slots)
        }
        // Whether the probabilities are kept, and where.
        if !isResilient { reader.skip(2) }
        reader.skip(2)
        Self.skipLoopFilter(&reader)
        Self.skipQuantization(&reader)
        Self.skipSegmentation(&reader)
        Self.skipTiles(&reader, width: size.width)
        // The size of the compressed header.
        reader.skip(16)
        guard !reader.isPastEnd else { return nil }
        bitCount = reader.position
    }

    private static func readKeyFrame(_ reader: inout ContentReader) -> Size? {
        guard reader.bits(24) == syncCode else { return nil }
        // The color space, and its range but with sRGB, which is not of profile 0.
        guard reader.bits(3) != 7 else { return nil }
        reader.skip(1)
        return readSizes(&reader)
    }

    /// Answers the size, and the slots that are filled.
    private static func readFrame(
        _ reader: inout ContentReader, isIntra: Bool, _ slots: Slots
    ) -> (Size, Int)? {
        if isIntra {
            guard reader.bits(24) == syncCode else { return nil }
            let refreshed = reader.bits(8)
            return (readSizes(&reader), refreshed)
        }
        let refreshed = reader.bits(8)
        var references: [Int] = []
        for _ in 0..<3 {
            references.append(reader.bits(3))
            // The sign.
            reader.skip(1)
        }
        var size: Size?
        for reference in references where reader.flag() {
            guard let known = slots[reference] else { return nil }
            size = known
            break
        }
        if size == nil { size = readSize(&reader) }
        skipRenderSize(&reader)
        // Precise motion; then the filter, unless it changes from block to block.
        reader.skip(1)
        if !reader.flag() { reader.skip(2) }
        return size.map { ($0, refreshed) }
    }

    private static func readSizes(_ reader: inout ContentReader) -> Size {
        let size = readSize(&reader)
        skipRenderSize(&reader)
        return size
    }

    private static func readSize(_ reader: inout ContentReader) -> Size {
        let width = reader.bits(16) + 1
        return Size(width: width, height: reader.bits(16) + 1)
    }

    private static func skipRenderSize(_ reader: inout ContentReader) {
        if reader.flag() { reader.skip(32) }
    }

    private static func skipLoopFilter(_ reader: inout ContentReader) {
        reader.skip(6 + 3)
        guard reader.flag(), reader.flag() else { return }
        // Four deltas by reference and two by mode, of six bits and a sign.
        for _ in 0..<6 where reader.flag() { reader.skip(7) }
    }

    private static func skipQuantization(_ reader: inout ContentReader) {
        reader.skip(8)
        for _ in 0..<3 where reader.flag() { reader.skip(5) }
    }

    private static func skipSegmentation(_ reader: inout ContentReader) {
        guard reader.flag() else { return }
        if reader.flag() {
            for _ in 0..<7 where reader.flag() { reader.skip(8) }
            if reader.flag() {
                for _ in 0..<3 where reader.flag() { reader.skip(8) }
            }
        }
        guard reader.flag() else { return }
        reader.skip(1)
        // Of each segment: quantizer and loop filter with a sign, the reference, and whether it is skipped.
        for _ in 0..<8 {
            for bits in [9, 7, 2, 0] where reader.flag() { reader.skip(bits) }
        }
    }

    /// As many bits for columns as a picture so wide can have more of them than it must, up to the first that is 0.
    private static func skipTiles(_ reader: inout ContentReader, width: Int) {
        let blocks = (width + 63) / 64
        var (least, most) = (0, 1)
        while 64 << least < blocks { least += 1 }
        while blocks >> most >= 4 { most += 1 }
        for _ in least..<max(least, most - 1) where !reader.flag() { break }
        if reader.flag() { reader.skip(1) }
    }

    /// The frame with `show_frame` 0: it is decoded, and not shown. One that is not of a key picture says then whether it
    /// refers to none (`intra_only`): it does, and all that follows in the header moves by this bit.
    func hiding(_ frame: [UInt8]) -> [UInt8] {
        guard isShown, !isRepetition else { return frame }
        var frame = frame
        frame[shownOffset / 8] &= ~(0x80 >> UInt8(shownOffset % 8))
        guard !isKeyFrame else { return frame }
        // Behind `error_resilient_mode`.
        let offset = shownOffset + 2
        let end = (bitCount + 7) / 8
        var header = [UInt8](repeating: 0, count: (bitCount + 8) / 8)
        for bit in 0..<bitCount where frame[bit / 8] & 0x80 >> UInt8(bit % 8) != 0 {
            let moved = bit < offset ? bit : bit + 1
            header[moved / 8] |= 0x80 >> UInt8(moved % 8)
        }
        return header + frame[end...]
    }
}

/// Makes of the frames of a picture in spatial layers one that players show: of all but the last it says that they are not
/// shown, and at the end where each is (bitstream specification, annex B). Players that split it would show each of them.
struct VP9Picture: Sendable {
    /// Frames of one picture at most.
    private static let frameCount = 8

    private var slots = VP9FrameHeader.emptySlots
    /// Where each frame begins.
    private var starts: [Int] = []
    /// That of the last picture, the size of its highest layer; `nil` if it could not be read.
    private(set) var size: VP9FrameHeader.Size?

    /// A frame begins behind so many bytes.
    mutating func begin(at offset: Int) { starts.append(offset) }

    /// The picture is left out.
    mutating func discard() { starts.removeAll(keepingCapacity: true) }

    /// All of its frames have come.
    mutating func finish(_ bytes: [UInt8]) -> [UInt8] {
        defer { discard() }
        size = nil
        var frames: [[UInt8]] = []
        for (index, start) in starts.enumerated() {
            let isLast = index == starts.count - 1
            let frame = Array(bytes[start..<(isLast ? bytes.count : starts[index + 1])])
            let header = VP9FrameHeader(frame, slots: slots)
            if let header { note(header) } else { slots = VP9FrameHeader.emptySlots }
            size = header?.size
            frames.append(isLast ? frame : header?.hiding(frame) ?? frame)
        }
        guard (2...Self.frameCount).contains(frames.count) else { return bytes }
        return Self.joined(frames)
    }

    private mutating func note(_ header: VP9FrameHeader) {
        for slot in slots.indices where header.refreshed >> slot & 1 == 1 { slots[slot] = header.size }
    }

    /// The frames, then an index: a marker, their sizes, the lowest byte first, and the marker again.
    private static func joined(_ frames: [[UInt8]]) -> [UInt8] {
        let longest = frames.reduce(0) { max($0, $1.count) }
        let width = max(1, (Int.bitWidth - longest.leadingZeroBitCount + 7) / 8)
        let marker = 0xC0 | UInt8(width - 1) << 3 | UInt8(frames.count - 1)
        var index = [marker]
        for frame in frames {
            for byte in 0..<width { index.append(UInt8(truncatingIfNeeded: frame.count >> (8 * byte))) }
        }
        return frames.flatMap(\.self) + index + [marker]
    }
}
