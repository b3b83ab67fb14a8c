/// Takes OBUs out of payloads (AV1 RTP specification §4.3 to §4.5) and writes them as files have them: each with its size,
/// those of one temporal unit one behind the other, without what only separates or fills (AV1 in Matroska, "Block Data").
///
/// | offset | field |
/// |---|---|
/// | 0 | Z (0x80) begins with the rest of an OBU, Y (0x40) ends with a part of one, W (0x30) how many elements or 0, N (0x08) begins a coded video sequence |
/// | then | elements, each an OBU or a part of one behind its size in LEB128, which the last of a number W does not have |
///
/// | offset | OBU (AV1 bitstream specification §5.3) |
/// |---|---|
/// | 0 | a zero bit, type (4 bits), X (0x04) extended, S (0x02) has a size, a reserved bit |
/// | 1, if X | layers |
/// | then, if S | size of the content in LEB128 |
/// | then | content |
struct AV1Depacketizer: Sendable {
    /// What an OBU is, as far as it matters here (§6.2.2).
    private enum Kind: UInt8 {
        case sequenceHeader = 1
        case temporalDelimiter = 2
        case frameHeader = 3
        case frame = 6
        case tileList = 8
        case padding = 15
    }

    /// The beginning of an OBU that goes on in the next packet; empty while there is none.
    private var fragment: [UInt8] = []
    private(set) var hasFragment = false
    /// The last sequence header as it stands in files, and what it says.
    private var sequenceHeader: (bytes: [UInt8], header: AV1SequenceHeader)?
    /// Of the temporal unit so far.
    private var hasSequenceHeader = false
    private var beginsWithKeyFrame: Bool?

    /// Another temporal unit.
    mutating func reset() {
        fragment.removeAll(keepingCapacity: true)
        hasFragment = false
        hasSequenceHeader = false
        beginsWithKeyFrame = nil
    }

    /// Whether the temporal unit so far can be decoded without an earlier one: a sequence header, and a key frame first.
    var isKeyFrame: Bool { hasSequenceHeader && beginsWithKeyFrame == true }

    /// Whether a coded video sequence begins with this packet.
    static func beginsSequence(_ payload: [UInt8]) -> Bool { payload.first.map { $0 & 0x88 == 0x08 } ?? false }

    /// Appends the OBUs that a payload ends. `false` for what is no payload of AV1, continues what did not begin, or begins
    /// where something else would have to continue.
    mutating func append(_ payload: [UInt8], to unit: inout [UInt8]) -> Bool {
        guard let head = payload.first, payload.count > 1, (head & 0x80 != 0) == hasFragment else { return false }
        let count = Int(head >> 4 & 0x03)
        var offset = 1
        var number = 0
        while offset < payload.count {
            number += 1
            var end = payload.count
            if number != count {
                guard let size = Self.readSize(payload, &offset), size <= payload.count - offset else { return false }
                end = offset + size
            }
            fragment += payload[offset..<end]
            offset = end
            guard unit.count + fragment.count <= FrameAssembler.frameByteCount else { return false }
            hasFragment = offset == payload.count && head & 0x40 != 0
            guard hasFragment || takeFragment(to: &unit) else { return false }
        }
        return count == 0 || number == count
    }

    private mutating func takeFragment(to unit: inout [UInt8]) -> Bool {
        defer { fragment.removeAll(keepingCapacity: true) }
        guard let head = fragment.first, head & 0x80 == 0 else { return false }
        var start = head & 0x04 != 0 ? 2 : 1
        guard fragment.count >= start else { return false }
        var end = fragment.count
        if head & 0x02 != 0 {
            guard let size = Self.readSize(fragment, &start), size <= fragment.count - start else { return false }
            end = start + size
        }
        let kind = Kind(rawValue: head >> 3 & 0x0F)
        switch kind {
        case .temporalDelimiter, .tileList, .padding: return true
        default: break
        }
        let place = unit.count
        unit.append(head | 0x02)
        if head & 0x04 != 0 { unit.append(fragment[1]) }
        Self.append(size: end - start, to: &unit)
        unit += fragment[start..<end]
        switch kind {
        case .sequenceHeader:
            guard let header = AV1SequenceHeader(Array(fragment[start..<end])) else { return false }
            sequenceHeader = (Array(unit[place...]), header)
            hasSequenceHeader = true
        case .frameHeader, .frame:
            guard start < end else { return false }
            // Not one that was decoded before, of the first type, and shown (§5.9.2).
            beginsWithKeyFrame = beginsWithKeyFrame ?? (fragment[start] & 0xF0 == 0x10)
        default: break
        }
        return true
    }

    /// A number of at most eight bytes, seven bits each, the lowest first (§4.10.5), that is below 2^32. `nil` for another.
    private static func readSize(_ bytes: [UInt8], _ offset: inout Int) -> Int? {
        var value = 0
        for index in 0..<8 {
            guard offset < bytes.count else { return nil }
            let byte = bytes[offset]
            offset += 1
            value |= Int(byte & 0x7F) << (7 * index)
            if byte & 0x80 == 0 { return value <= Int(UInt32.max) ? value : nil }
        }
        return nil
    }

    private static func append(size: Int, to bytes: inout [UInt8]) {
        var rest = size
        while rest > 0x7F {
            bytes.append(0x80 | UInt8(rest & 0x7F))
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// The stream as its sequence header describes it; `nil` before there is one.
    var format: RecordedFormat? {
        sequenceHeader.map { bytes, header in
            .av1(width: header.width, height: header.height, configuration: header.configuration + bytes)
        }
    }
}
