/// What a section carries.
package enum MediaKind: Sendable {
    case audio
    case video
}

/// What the node forwards. H.264 is constrained baseline with packetization-mode 1 only (RFC 6184 §8.1), which every
/// browser that has H.264 reads; VP9 and AV1 are of profile 0, 8 bits and 4:2:0.
package enum Codec: String, Hashable, Sendable {
    case opus
    /// Opus with copies of earlier packets (RFC 2198).
    case red
    case vp8
    case vp9
    case av1
    case h264
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
        case .h264: "H264/90000"
        }
    }
}

extension NegotiatedCodec {
    /// The codecs of a section that the node knows, each at most once: with one payload type a codec, what a client
    /// sends needs no second table. VP8 stands first, because a client sends what the answer lists first and VP8 is
    /// what all read; otherwise the client's order is kept.
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
            let parameters = payloadType(format).flatMap { parameters[$0]?.first }
            return parameters.flatMap { H264Parameters($0) }?.isPlain ?? false
        }
        for format in section.formats.filter({ !isPlain($0) }) + section.formats.filter(isPlain) {
            guard let payloadType = payloadType(format) else { throw .invalidPayloadType(mid: mid) }
            guard !reservedPayloadTypes.contains(payloadType), let encoding = encodings[payloadType]?.first,
                let (codec, clockRate) = codec(encoding, kind: kind), !codecs.contains(where: { $0.codec == codec })
            else { continue }
            let agreement = agreement(on: codec, offered: parameters[payloadType]?.first ?? "")
            guard agreement.isAccepted else { continue }
            let accepted = (feedback[payloadType] ?? []) + common
            codecs.append(
                NegotiatedCodec(
                    payloadType: payloadType, codec: codec, clockRate: clockRate,
                    supportsNACK: accepted.contains("nack"), supportsPLI: accepted.contains("nack pli"),
                    supportsFIR: accepted.contains("ccm fir"),
                    supportsTransportFeedback: accepted.contains("transport-cc"),
                    takesReceiverEstimate: accepted.contains("goog-remb") && !accepted.contains("transport-cc"),
                    repairPayloadType: repairs[payloadType], fmtp: agreement.fmtp))
        }
        let opus = codecs.first { $0.codec == .opus }
        codecs.removeAll { $0.codec == .red && !$0.repeatsAlone(opus) }
        return codecs.filter { $0.codec == .vp8 } + codecs.filter { $0.codec != .vp8 }
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

    /// Whether the node can take the codec with the offered parameters, and what the answer says to them.
    private static func agreement(on codec: Codec, offered: Substring) -> (isAccepted: Bool, fmtp: String?) {
        switch codec {
        case .opus: return (true, opusParameters(offered))
        case .red: return (true, offered.isEmpty ? nil : String(offered))
        case .vp8: return (true, nil)
        case .vp9: return profile(named: "profile-id", offered)
        case .av1: return profile(named: "profile", offered)
        case .h264:
            guard let parameters = H264Parameters(offered) else { return (false, nil) }
            return (
                true,
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=\(parameters.profileLevelID)"
            )
        }
    }
}

extension NegotiatedCodec {
    /// VP9 (RFC 9628 §6.1) and AV1 (RTP specification §7.2.1) of profile 0, which they have where they name none. What was
    /// offered with it, a level and a tier, is repeated: they say what the client can take.
    private static func profile(named name: Substring, _ offered: Substring) -> (isAccepted: Bool, fmtp: String?) {
        var repeated: [String] = []
        for parameter in offered.utf8.split(separator: UInt8(ascii: ";")) {
            let (key, value) = Substring(parameter).cut(at: "=")
            guard let key = key.words.first, let number = value.flatMap({ UInt8($0) }) else { continue }
            if key == name, number != 0 { return (false, nil) }
            if [name, "level-idx", "tier"].contains(key) { repeated.append("\(key)=\(number)") }
        }
        return (true, repeated.isEmpty ? nil : repeated.joined(separator: ";"))
    }
}

/// The parameters of H.264 the node takes (RFC 6184 §8.1). `profile-level-id` is three bytes in hexadecimal:
///
/// | byte | meaning                                                            | taken                    |
/// |------|--------------------------------------------------------------------|--------------------------|
/// | 0    | profile_idc                                                        | 0x42, baseline           |
/// | 1    | constraint_set0…5 flags from the highest bit, then two zero bits   | set1: constrained; or 0  |
/// | 2    | level_idc, ten times the level                                     | up to 0x1F (3.1) answered |
///
/// Plain baseline is taken where nothing else is offered, as encoders do that look at the first byte only: no encoder in use
/// makes what the constraint leaves out.
private struct H264Parameters {
    /// Whether it is baseline without the constraint.
    let isPlain: Bool
    /// The offered profile, with a level of 3.1 at most.
    let profileLevelID: String

    /// Nil when it is another profile or packetization mode.
    init?(_ parameters: Substring) {
        var profile: UInt32?
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
        guard let profile, mode == "1", profile >> 16 == 0x42 else { return nil }
        isPlain = profile >> 8 & 0xFF == 0
        guard isPlain || profile >> 8 & 0x4F == 0x40 else { return nil }
        profileLevelID = String(profile & 0xFFFF00 | min(profile & 0xFF, 0x1F), radix: 16)
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
