/// Elements of EBML as bytes (RFC 8794): an id, a size, and the content. Ids are written as they stand in the
/// specification, with their length marker.
struct EBMLWriter {
    private(set) var bytes: [UInt8] = []

    /// A size that is not known yet, in eight bytes (RFC 8794 §6.2): what follows ends where an element of an upper level
    /// begins, so that a file that was cut anywhere still is one.
    static let unknownSize: [UInt8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]

    /// A size in eight bytes, to be written over ``unknownSize``.
    static func wideSize(_ count: Int64) -> [UInt8] {
        [0x01] + (0..<7).map { UInt8(truncatingIfNeeded: count >> (8 * (6 - $0))) }
    }

    mutating func id(_ id: MatroskaID) {
        let value = id.rawValue
        for shift in stride(from: 24, through: 0, by: -8) where value >> UInt32(shift) != 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
    }

    /// A size in as few bytes as it takes (RFC 8794 §4). All ones would mean unknown.
    mutating func size(_ count: Int) {
        var length = 1
        while count >= 1 << (7 * length) - 1 { length += 1 }
        let value = UInt64(count) | 1 << UInt64(7 * length)
        for index in (0..<length).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    mutating func raw(_ content: some Sequence<UInt8>) { bytes.append(contentsOf: content) }

    mutating func element(_ id: MatroskaID, bytes content: some Collection<UInt8>) {
        self.id(id)
        size(content.count)
        bytes.append(contentsOf: content)
    }

    mutating func element(_ id: MatroskaID, text: String) { element(id, bytes: Array(text.utf8)) }

    /// An unsigned integer without leading zero bytes (RFC 8794 §7.2).
    mutating func element(_ id: MatroskaID, _ value: UInt64) {
        let count = max(1, (71 - value.leadingZeroBitCount) / 8)
        element(id, bytes: (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) })
    }

    /// A number of 64 bits (RFC 8794 §7.3).
    mutating func element(_ id: MatroskaID, float value: Double) { element(id, bytes: Self.content(value)) }

    static func content(_ value: Double) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * $0)) }
    }

    mutating func element(_ id: MatroskaID, _ content: (inout EBMLWriter) -> Void) {
        var inner = EBMLWriter()
        content(&inner)
        element(id, bytes: inner.bytes)
    }

    /// An element without meaning that keeps so many bytes free, header included: 2 to 128.
    mutating func void(byteCount: Int) {
        precondition((2...128).contains(byteCount), "The size of such an element is one byte.")
        element(.void, bytes: [UInt8](repeating: 0, count: byteCount - 2))
    }
}

/// The elements of Matroska that a recording has (RFC 9559 §5.1, RFC 8794 §11.2).
enum MatroskaID: UInt32 {
    case ebml = 0x1A45_DFA3
    case ebmlVersion = 0x4286
    case ebmlReadVersion = 0x42F7
    case ebmlMaxIDLength = 0x42F2
    case ebmlMaxSizeLength = 0x42F3
    case docType = 0x4282
    case docTypeVersion = 0x4287
    case docTypeReadVersion = 0x4285
    case void = 0xEC
    case segment = 0x1853_8067
    case seekHead = 0x114D_9B74
    case seek = 0x4DBB
    case seekID = 0x53AB
    case seekPosition = 0x53AC
    case info = 0x1549_A966
    case timestampScale = 0x2AD7B1
    case duration = 0x4489
    case dateUTC = 0x4461
    case muxingApp = 0x4D80
    case writingApp = 0x5741
    case tracks = 0x1654_AE6B
    case trackEntry = 0xAE
    case trackNumber = 0xD7
    case trackUID = 0x73C5
    case trackType = 0x83
    case flagLacing = 0x9C
    case codecID = 0x86
    case codecPrivate = 0x63A2
    case codecDelay = 0x56AA
    case seekPreRoll = 0x56BB
    case video = 0xE0
    case pixelWidth = 0xB0
    case pixelHeight = 0xBA
    case audio = 0xE1
    case samplingFrequency = 0xB5
    case channels = 0x9F
    case cluster = 0x1F43_B675
    case timestamp = 0xE7
    case simpleBlock = 0xA3
    case cues = 0x1C53_BB6B
    case cuePoint = 0xBB
    case cueTime = 0xB3
    case cueTrackPositions = 0xB7
    case cueTrack = 0xF7
    case cueClusterPosition = 0xF1
}
