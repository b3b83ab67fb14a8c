import MediaCore

/// Bytes from hexadecimal digits; everything between the digits is left out.
func packetBytes(_ hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    precondition(digits.count % 2 == 0, "half a byte in \(hex)")
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Every packet of a compound, `nil` if it is malformed.
func packets(of compound: [UInt8]) -> [RTCPPacket]? {
    var packets: [RTCPPacket] = []
    return RTCPPacket.forEach(in: compound.span) { packets.append($0) } ? packets : nil
}

// The parsers over arrays: an expectation cannot hold a span.

extension DatagramKind {
    init(bytes: [UInt8]) { self.init(bytes.span) }
}

extension STUNMessage {
    init?(bytes: [UInt8]) { self.init(bytes.span) }

    func isAuthentic(bytes: [UInt8], password: String) -> Bool { isAuthentic(bytes.span, password: password) }
}

extension RTPHeader {
    init?(bytes: [UInt8]) { self.init(bytes.span) }

    func forEachExtension(bytes: [UInt8], _ body: (_ id: UInt8, _ content: Range<Int>) -> Void) -> Bool {
        forEachExtension(in: bytes.span, body)
    }
}

extension KeyFrame {
    static func isVP8(bytes: [UInt8]) -> Bool { isVP8(bytes.span) }

    static func isH264(bytes: [UInt8]) -> Bool { isH264(bytes.span) }

    static func isAV1(bytes: [UInt8]) -> Bool { isAV1(bytes.span) }
}

extension VP8Descriptor {
    init?(bytes: [UInt8]) { self.init(bytes.span) }
}

extension VP9Descriptor {
    init?(bytes: [UInt8]) { self.init(bytes.span) }
}

extension DependencyReader {
    mutating func read(bytes: [UInt8]) -> DependencyDescriptor? { read(bytes.span) }
}
