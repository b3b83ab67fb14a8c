import MediaCore
import MediaSecurity

extension FuzzTarget {
    /// An offer; one that is understood is answered, in whole lines.
    static let sdp = FuzzTarget("sdp") { bytes in
        var feature = FeatureHash()
        do throws(SDPError) {
            let session = try NegotiatedSession(offer: String(decoding: bytes, as: UTF8.self))
            for section in session.sections {
                feature.add("\(section.role)")
                feature.add(section.codecs.count)
                feature.add(magnitudeOf: section.extensions.count)
            }
            guard let local = local() else { return Outcome(feature: 0, fault: "The node has no description.") }
            let answer = session.answer(local, senders: senders(session))
            return Outcome(feature: feature.value, fault: fault(of: answer))
        } catch {
            feature.add("\(error)".prefix { $0 != ":" && !$0.isNumber }.description)
            return Outcome(feature: feature.value)
        }
    }

    private static func fault(of answer: String) -> String? {
        if !answer.hasSuffix("\r\n") { return "The answer's last line has no end." }
        let rest = answer.replacing("\r\n", with: "").utf8
        return rest.contains { $0 == 10 || $0 == 13 || $0 == 0 } ? "The offer has put a line end into the answer." : nil
    }

    private static func local() -> LocalDescription? {
        let digits = Array(repeating: "CD", count: 32).joined(separator: ":")
        return CertificateFingerprint("sha-256 " + digits).map { fingerprint in
            LocalDescription(
                fragment: "node", password: "zyxwvutsrqponmlkjihgfe", fingerprint: fingerprint, candidates: [],
                sessionID: 4_711, version: 1)
        }
    }

    private static func senders(_ session: NegotiatedSession) -> [String: SenderIdentity] {
        var senders: [String: SenderIdentity] = [:]
        for (index, section) in session.sections.enumerated() where section.role == .send {
            senders[section.mid] = SenderIdentity(
                ssrc: 1_000 + UInt32(truncatingIfNeeded: index), cname: "roost", streamID: "s", trackID: "t")
        }
        return senders
    }
}
