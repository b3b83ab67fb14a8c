package import Contracts

// ICE of seats that are held by HTTP (RFC 9725 §4.3): there is no second offer, only a fragment with new credentials.
extension Worker {
    /// Answers which ICE session a seat has, and begins a new one for another fragment of the client's.
    /// - Throws: `not_found` for a seat that the connection does not hold or that has no transport,
    ///   `precondition_failed` for another session than the client knows.
    package func ice(_ request: SeatIceRequest) throws(SeatError) -> SeatIceReply {
        let participant = try seat(request.participantID, request.connectionID)
        guard let transport = participant.transport else {
            throw SeatError(.notFound, "There is no such seat; join again.")
        }
        guard request.tag ?? transport.local.fragment == transport.local.fragment else {
            throw SeatError(.preconditionFailed, "ICE has begun anew since; ask with If-Match: *.")
        }
        guard let fragment = request.fragment, fragment != participant.remoteFragment else {
            return SeatIceReply(tag: transport.local.fragment, sdp: nil)
        }
        restart(participant, transport, with: fragment)
        var writer = SDPWriter()
        writer.line("a=ice-lite")
        if let first = participant.firstSection {
            writer.line("a=group:BUNDLE \(first.mid)")
            writer.line("m=\(first.kind == .audio ? "audio" : "video") 9 UDP/TLS/RTP/SAVPF 0")
            writer.line("a=mid:\(first.mid)")
        }
        writer.credentials(transport.local.fragment, transport.local.password)
        writer.candidates(configuration.candidates)
        return SeatIceReply(tag: transport.local.fragment, sdp: writer.text)
    }

    /// Gives a seat new credentials for the client's new ones.
    func restart(_ participant: Participant, _ transport: Transport, with remoteFragment: String) {
        participant.remoteFragment = remoteFragment
        if let former = transport.former { fragments[former.fragment] = nil }
        transport.restart(with: IceCredentials(using: &random))
        fragments[transport.local.fragment] = participant
    }
}

extension Participant {
    /// The section that speaks for the bundle: the first of those that are used, by their mids' order of arrival.
    fileprivate var firstSection: (mid: String, kind: MediaKind)? {
        publications.first.map { ($0.mid, $0.kind) } ?? sendSections.first.map { ($0.mid, $0.kind) }
    }
}
