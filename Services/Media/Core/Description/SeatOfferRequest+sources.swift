package import Contracts

extension SeatOfferRequest {
    /// The offer with the publications that its use implies: a client by HTTP (RFC 9725) does not name what it sends, so
    /// its first section of each kind is microphone and camera, its second the screen and its sound. Further ones are
    /// accepted and not passed on.
    package func naming(_ session: NegotiatedSession) -> SeatOfferRequest {
        guard let use else { return self }
        var sources: [MediaKind: [CallSource]] = [:]
        if use == .publish { sources = [.audio: [.microphone, .screenAudio], .video: [.camera, .screen]] }
        var publications: [CallPublication] = []
        for section in session.sections where section.role == .receive {
            guard let kind = section.kind, let source = sources[kind]?.first else { continue }
            sources[kind]?.removeFirst()
            publications.append(CallPublication(mid: section.mid, source: source, isActive: true))
        }
        let named = CallOffer(number: offer.number, sdp: offer.sdp, publications: publications)
        return SeatOfferRequest(participantID: participantID, connectionID: connectionID, offer: named)
    }
}
