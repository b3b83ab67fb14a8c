/// Takes NAL units out of payloads (RFC 6184 §5.6 to §5.8), each with its length before it in four bytes, and keeps the
/// parameter sets that describe the stream.
///
/// | NAL type (low 5 bits) | payload |
/// |---|---|
/// | 1–23 | one NAL unit |
/// | 24 STAP-A | then any number of: size (2 bytes), NAL unit |
/// | 28 FU-A | then start (0x80), end (0x40), type of the fragmented unit (0x1F), and a piece of it |
struct H264Depacketizer: Sendable {
    private var sequenceParameters: [UInt8] = []
    private var pictureParameters: [UInt8] = []
    /// Where the length of the fragmented unit is; `nil` while none is open.
    private var fragment: Int?
    private var hasKeyUnit = false

    mutating func reset() {
        fragment = nil
        hasKeyUnit = false
    }

    /// Whether the units since the last reset have the start of an IDR picture.
    func takesKeyFrame() -> Bool { hasKeyUnit }

    /// Whether the first unit is a sequence parameter set, as before each key frame.
    static func beginsWithParameters(_ payload: [UInt8]) -> Bool {
        guard let first = payload.first else { return false }
        if first & 0x1F == 24 { return payload.count > 3 && payload[3] & 0x1F == 7 }
        return first & 0x1F == 7
    }

    /// Appends the units of a payload. `false` for what is no payload of H.264, or continues what did not begin.
    mutating func append(_ payload: [UInt8], to frame: inout [UInt8]) -> Bool {
        guard let first = payload.first else { return false }
        switch first & 0x1F {
        case 1...23:
            append(unit: payload[...], to: &frame)
            return true
        case 24: return appendAggregate(payload, to: &frame)
        case 28: return appendFragment(payload, to: &frame)
        default: return false
        }
    }

    private mutating func append(unit: ArraySlice<UInt8>, to frame: inout [UInt8]) {
        fragment = nil
        Self.append(length: unit.count, to: &frame)
        frame += unit
        note(unit)
    }

    private mutating func appendAggregate(_ payload: [UInt8], to frame: inout [UInt8]) -> Bool {
        var offset = 1
        while offset + 2 < payload.count {
            let end = offset + 2 + (Int(payload[offset]) << 8 | Int(payload[offset + 1]))
            guard end > offset + 2, end <= payload.count else { return false }
            append(unit: payload[(offset + 2)..<end], to: &frame)
            offset = end
        }
        return offset == payload.count
    }

    private mutating func appendFragment(_ payload: [UInt8], to frame: inout [UInt8]) -> Bool {
        guard payload.count > 2 else { return false }
        if payload[1] & 0x80 != 0 {
            fragment = frame.count
            Self.append(length: 0, to: &frame)
            frame.append(payload[0] & 0xE0 | payload[1] & 0x1F)
        }
        guard let fragment else { return false }
        frame += payload[2...]
        guard payload[1] & 0x40 != 0 else { return true }
        let count = frame.count - fragment - 4
        for index in 0..<4 { frame[fragment + index] = UInt8(truncatingIfNeeded: count >> (8 * (3 - index))) }
        note(frame[(fragment + 4)...])
        self.fragment = nil
        return true
    }

    private static func append(length: Int, to frame: inout [UInt8]) {
        for shift in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }

    private mutating func note(_ unit: ArraySlice<UInt8>) {
        switch unit.first.map({ $0 & 0x1F }) {
        case 5: hasKeyUnit = true
        case 7: sequenceParameters = Array(unit)
        case 8: pictureParameters = Array(unit)
        default: break
        }
    }

    /// The stream as its parameter sets describe it; `nil` before there are any.
    var format: RecordedFormat? {
        guard sequenceParameters.count >= 4, !pictureParameters.isEmpty,
            let size = H264SequenceParameters.size(in: sequenceParameters)
        else { return nil }
        return .h264(width: size.width, height: size.height, parameters: configuration)
    }

    /// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
    ///
    /// | offset | field |
    /// |---|---|
    /// | 0 | version 1 |
    /// | 1 | profile, compatibility, level: bytes 1 to 3 of the sequence parameters |
    /// | 4 | 6 bits set; 2 bits: bytes of a length less one |
    /// | 5 | 3 bits set; 5 bits: sequence parameter sets |
    /// | 6 | for each its size (2 bytes) and itself |
    /// | then | picture parameter sets, their number (1 byte), for each its size and itself |
    private var configuration: [UInt8] {
        var record: [UInt8] = [1] + sequenceParameters[1...3] + [0xFF, 0xE1]
        record += [UInt8(sequenceParameters.count >> 8), UInt8(sequenceParameters.count & 0xFF)] + sequenceParameters
        record += [1, UInt8(pictureParameters.count >> 8), UInt8(pictureParameters.count & 0xFF)] + pictureParameters
        return record
    }
}
