/// What a section carries.
package enum MediaKind: Sendable {
    case audio
    case video
}

/// What the node forwards. H.264 is of packetization-mode 1 only, which all that have it know (RFC 7742 §6.2); each of its
/// profiles is a codec of its own, because who reads one need not read another (RFC 6184 §8.2.2). VP9 and AV1 are of
/// profile 0, 8 bits and 4:2:0.
package enum Codec: String, Hashable, Sendable {
    case opus
    /// Opus with copies of earlier packets (RFC 2198).
    case red
    case vp8
    case vp9
    case av1
    /// Constrained baseline, which every browser that has H.264 reads.
    case h264
    case h264Main
    case h264High

    /// Whether its payloads are those of H.264.
    package var isH264: Bool {
        switch self {
        case .h264, .h264Main, .h264High: true
        case .opus, .red, .vp8, .vp9, .av1: false
        }
    }
}

/// A codec both sides agreed on for one section.
package struct NegotiatedCodec: Hashable, Sendable {
    /// The client's number: 0 to 63 or 96 to 127.
    package let payloadType: UInt8
    package let codec: Codec
    /// Timestamp ticks a second.
    package let clockRate: UInt32
    /// Whether the client offered generic NACK and PLI (RFC 4585), and FIR (RFC 5104), as far as the answer accepts
    /// them.
    package let supportsNACK: Bool
    package let supportsPLI: Bool
    package let supportsFIR: Bool
    /// Whether the client offered feedback on all packets of the transport, which the answer then accepts
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    package let supportsTransportFeedback: Bool
    /// Whether the client takes an estimate of what it can send instead (draft-alvestrand-rmcat-remb).
    package let takesReceiverEstimate: Bool
    /// The client's number for packets of this codec that are sent again (RFC 4588); nil if it offered none.
    package let repairPayloadType: UInt8?
    /// The parameters as the answer states them; nil if it states none.
    package let fmtp: String?

    package init(
        payloadType: UInt8, codec: Codec, clockRate: UInt32, supportsNACK: Bool, supportsPLI: Bool, supportsFIR: Bool,
        supportsTransportFeedback: Bool = false, takesReceiverEstimate: Bool = false, repairPayloadType: UInt8? = nil,
        fmtp: String?
    ) {
        self.payloadType = payloadType
        self.codec = codec
        self.clockRate = clockRate
        self.supportsNACK = supportsNACK
        self.supportsPLI = supportsPLI
        self.supportsFIR = supportsFIR
        self.supportsTransportFeedback = supportsTransportFeedback
        self.takesReceiverEstimate = takesReceiverEstimate
        self.repairPayloadType = repairPayloadType
        self.fmtp = fmtp
    }

    /// The codec as `a=rtpmap` names it (RFC 8866 §6.6).
    var encoding: String {
        switch codec {
        case .opus: "opus/48000/2"
        case .red: "red/48000/2"
        case .vp8: "VP8/90000"
        case .vp9: "VP9/90000"
        case .av1: "AV1/90000"
        case .h264, .h264Main, .h264High: "H264/90000"
        }
    }
}

extension NegotiatedCodec {
    /// The codecs of a section that the node knows, each at most once: with one payload type a codec, what a client
    /// sends needs no second table. VP8 stands first, because a client sends what the answer lists first and VP8 is
    /// what all read, and the profiles of H.264 that not everybody reads stand last; otherwise the client's order is kept.
    static func select(
        from section: MediaDescription, kind: MediaKind, mid: String
    ) throws(SDPError) -> [NegotiatedCodec] {
        guard section.formats.count <= SDPLimits.formatCount else { throw .tooManyCodecs(mid: mid) }
        let encodings = try section.byPayloadType("rtpmap", mid: mid)
        let parameters = try section.byPayloadType("fmtp", mid: mid)
        let feedback = try section.byPayloadType("rtcp-fb", mid: mid)
        let common = section.attributes.values("rtcp-fb").map { $0.cut(at: " ") }.filter { $0.before == "*" }
            .compactMap(\.after)
        let repairs = repairPayloadTypes(section, encodings, parameters)
        var codecs: [NegotiatedCodec] = []
        let isPlain = { (format: Substring) -> Bool in
            guard let payloadType = payloadType(format), let encoding = encodings[payloadType]?.first,
                codec(encoding, kind: kind)?.0 == .h264
            else { return false }
            return H264Parameters(parameters[payloadType]?.first ?? "")?.isPlain ?? false
        }
        for format in section.formats.filter({ !isPlain($0) }) + section.formats.filter(isPlain) {
            guard let payloadType = payloadType(format) else { throw .invalidPayloadType(mid: mid) }
            guard !reservedPayloadTypes.contains(payloadType), let encoding = encodings[payloadType]?.first,
                let (named, clockRate) = codec(encoding, kind: kind),
                let agreement = agreement(on: named, offered: parameters[payloadType]?.first ?? ""),
                !codecs.contains(where: { $0.codec == agreement.codec })
            else { continue }
            let accepted = (feedback[payloadType] ?? []) + common
            codecs.append(
                NegotiatedCodec(
                    payloadType: payloadType, codec: agreement.codec, clockRate: clockRate,
                    supportsNACK: accepted.contains("nack"), supportsPLI: accepted.contains("nack pli"),
                    supportsFIR: accepted.contains("ccm fir"),
                    supportsTransportFeedback: accepted.contains("transport-cc"),
                    takesReceiverEstimate: accepted.contains("goog-remb") && !accepted.contains("transport-cc"),
                    repairPayloadType: repairs[payloadType], fmtp: agreement.fmtp))
        }
        let opus = codecs.first { $0.codec == .opus }
        codecs.removeAll { $0.codec == .red && !$0.repeatsAlone(opus) }
        return [0, 1, 2].flatMap { rank in codecs.filter { $0.codec.rank == rank } }
    }

    /// Whether what it has copies of is that codec and nothing else: `<type>/<type>` (RFC 2198 §5).
    private func repeatsAlone(_ other: NegotiatedCodec?) -> Bool {
        let types = fmtp?.utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) } ?? []
        guard let other, types.count >= 2 else { return false }
        return types.allSatisfy { $0 == "\(other.payloadType)" }
    }

    /// Forward error correction inside of Opus always; silence that is not sent where the client offers it
    /// (RFC 7587 §6.1).
    private static func opusParameters(_ offered: Substring) -> String {
        let isSilent = offered.utf8.split(separator: UInt8(ascii: ";")).contains {
            Substring($0).words == ["usedtx=1"]
        }
        return "minptime=10;useinbandfec=1" + (isSilent ? ";usedtx=1" : "")
    }

    /// The payload types of retransmission by those they repeat: `a=fmtp:<type> apt=<type repeated>` (RFC 4588 §8.1).
    private static func repairPayloadTypes(
        _ section: MediaDescription, _ encodings: [UInt8: [Substring]], _ parameters: [UInt8: [Substring]]
    ) -> [UInt8: UInt8] {
        var repairs: [UInt8: UInt8] = [:]
        for repair in section.formats.compactMap({ payloadType($0) }) {
            guard !reservedPayloadTypes.contains(repair), encodings[repair]?.first?.lowercased() == "rtx/90000" else {
                continue
            }
            for parameter in parameters[repair]?.first?.utf8.split(separator: UInt8(ascii: ";")) ?? [] {
                let (name, value) = Substring(parameter).cut(at: "=")
                guard name.words == ["apt"], let repeated = value.flatMap({ payloadType($0) }), repeated != repair,
                    repairs[repeated] == nil
                else { continue }
                repairs[repeated] = repair
            }
        }
        return repairs
    }

    /// With RTP and RTCP on one port a packet with one of these looks like RTCP (RFC 5761 §4).
    private static let reservedPayloadTypes: ClosedRange<UInt8> = 64...95

    /// Nil for what is not a number from 0 to 127.
    fileprivate static func payloadType(_ text: Substring) -> UInt8? {
        UInt8(text).flatMap { $0 <= 127 ? $0 : nil }
    }

    /// What `a=rtpmap` names: names of encodings are compared without case (RFC 8866 §6.6).
    private static func codec(_ encoding: Substring, kind: MediaKind) -> (Codec, clockRate: UInt32)? {
        switch (kind, encoding.lowercased()) {
        case (.audio, "opus/48000/2"): (.opus, 48_000)
        case (.audio, "red/48000/2"): (.red, 48_000)
        case (.video, "vp8/90000"): (.vp8, 90_000)
        case (.video, "vp9/90000"): (.vp9, 90_000)
        case (.video, "av1/90000"): (.av1, 90_000)
        case (.video, "h264/90000"): (.h264, 90_000)
        default: nil
        }
    }

    /// What was agreed on of one payload type.
    private struct Agreement {
        let codec: Codec
        /// What the answer says to the parameters.
        let fmtp: String?
    }

    /// Nil if the node cannot take the codec with the offered parameters.
    private static func agreement(on codec: Codec, offered: Substring) -> Agreement? {
        switch codec {
        case .opus: return Agreement(codec: codec, fmtp: opusParameters(offered))
        case .red: return Agreement(codec: codec, fmtp: offered.isEmpty ? nil : String(offered))
        case .vp8: return Agreement(codec: codec, fmtp: nil)
        case .vp9: return agreement(on: codec, profile: "profile-id", offered)
        case .av1: return agreement(on: codec, profile: "profile", offered)
        case .h264, .h264Main, .h264High:
            return H264Parameters(offered).map { Agreement(codec: $0.codec, fmtp: $0.answer) }
        }
    }

    /// VP9 (RFC 9628 §6.1) and AV1 (RTP specification §7.2.1) of profile 0, which they have where they name none. What was
    /// offered with it, a level and a tier, is repeated: they say what the client can take.
    private static func agreement(
        on codec: Codec, profile name: Substring, _ offered: Substring
    ) -> Agreement? {
        var repeated: [String] = []
        for parameter in offered.utf8.split(separator: UInt8(ascii: ";")) {
            let (key, value) = Substring(parameter).cut(at: "=")
            guard let key = key.words.first, let number = value.flatMap({ UInt8($0) }) else { continue }
            if key == name, number != 0 { return nil }
            if [name, "level-idx", "tier"].contains(key) { repeated.append("\(key)=\(number)") }
        }
        return Agreement(codec: codec, fmtp: repeated.isEmpty ? nil : repeated.joined(separator: ";"))
    }
}

extension Codec {
    /// Its place among the others in an answer.
    fileprivate var rank: Int {
        switch self {
        case .vp8: 0
        case .opus, .red, .vp9, .av1, .h264: 1
        case .h264Main, .h264High: 2
        }
    }
}

/// The parameters of H.264 the node takes (RFC 6184 §8.1). `profile-level-id` is three bytes in hexadecimal, of which the
/// first two name the profile (table 5); without it, it is baseline of level 1.
///
/// | byte | meaning |
/// |---|---|
/// | 0 | profile_idc |
/// | 1 | constraint_set0…5 flags from the highest bit, then two zero bits |
/// | 2 | level_idc, ten times the level; up to 0x1F (3.1) is answered |
///
/// | byte 0 | byte 1 | profile |
/// |---|---|---|
/// | 0x42 | x1xx 0000 | constrained baseline |
/// | 0x4D | 1xxx 0000 | constrained baseline |
/// | 0x42 | x0xx 0000 | baseline |
/// | 0x4D | 0x0x 0000 | main |
/// | 0x64 | 0000 0000 | high |
///
/// Plain baseline is taken where nothing else is offered, as encoders do that look at the first byte only: no encoder in use
/// makes what the constraint leaves out.
private struct H264Parameters {
    let codec: Codec
    /// Whether it is baseline without the constraint.
    let isPlain: Bool
    /// The same with a level of 3.1 at most.
    let answer: String

    /// Nil when it is another profile or packetization mode.
    init?(_ parameters: Substring) {
        var profile: UInt32? = 0x42000A
        var mode: Substring?
        for parameter in parameters.utf8.split(separator: UInt8(ascii: ";")) {
            let (name, value) = Substring(parameter).cut(at: "=")
            let trimmed = name.utf8.filter { $0 != UInt8(ascii: " ") }
            switch String(decoding: trimmed, as: UTF8.self).lowercased() {
            case "profile-level-id": profile = value.flatMap(Self.profile)
            case "packetization-mode": mode = value
            default: break
            }
        }
        guard let profile, mode == "1", profile & 0x0F00 == 0 else { return nil }
        let constraints = profile >> 8 & 0xFF
        switch profile >> 16 {
        case 0x42: (codec, isPlain) = (.h264, constraints & 0x40 == 0)
        case 0x4D where constraints & 0x80 != 0: (codec, isPlain) = (.h264, false)
        case 0x4D where constraints & 0x20 == 0: (codec, isPlain) = (.h264Main, false)
        case 0x64 where constraints == 0: (codec, isPlain) = (.h264High, false)
        default: return nil
        }
        let answered = String(profile & 0xFFFF00 | min(profile & 0xFF, 0x1F), radix: 16)
        answer = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=\(answered)"
    }

    /// FFmpeg's WHIP muxer (libavformat 62) writes its own flag for "constrained", 0x200, where the second byte belongs:
    /// seven digits. It means constrained baseline, as others write it 42e0.
    private static func profile(_ value: Substring) -> UInt32? {
        switch value.utf8.count {
        case 6: UInt32(value, radix: 16)
        case 7 where value.hasPrefix("42200"): UInt32(value.dropFirst(5), radix: 16).map { 0x42E000 | $0 }
        default: nil
        }
    }
}

extension MediaDescription {
    /// The values of an attribute `<payload type> <value>`, those for all payload types (`*`) left out.
    fileprivate func byPayloadType(
        _ name: Substring, mid: String
    ) throws(SDPError) -> [UInt8: [Substring]] {
        var values: [UInt8: [Substring]] = [:]
        for line in attributes.values(name) {
            let (format, value) = line.cut(at: " ")
            if format == "*" { continue }
            guard let payloadType = NegotiatedCodec.payloadType(format) else { throw .invalidPayloadType(mid: mid) }
            values[payloadType, default: []].append(value ?? "")
        }
        return values
    }
}
