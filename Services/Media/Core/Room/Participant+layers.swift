import Contracts
import MediaSecurity

/// Which encodings a participant is to send: what nobody sees costs it bandwidth and heat for nothing. RTP has no way to say
/// so for one encoding (RFC 8853 §5.3 has only the sender pause), so the signalling does.
extension Participant {
    /// What is not wanted any more is stopped after this long: views change back and forth.
    static let layerHold = Duration.seconds(5)

    /// What the participant is to send from now on, if that has changed.
    func takeLayers(now: MediaTime) -> CallLayers? {
        var layers: [CallLayer] = []
        for publication in publications where publication.encodings.count > 1 {
            let count = publication.takeWantedCount(now: now)
            layers.append(
                CallLayer(
                    source: publication.source,
                    active: publication.encodings.prefix(count).compactMap(\.streamID)))
        }
        guard layers != toldLayers.layers else { return nil }
        toldLayers = CallLayers(layers: layers)
        return toldLayers
    }
}

extension Publication {
    /// How many encodings, from the lowest on, somebody has use for. It grows at once, and shrinks after a while. One is
    /// always wanted: a picture that comes into view is there at once.
    func takeWantedCount(now: MediaTime) -> Int {
        var count = 1
        for subscription in subscriptions { count = max(count, subscription.peer.useCount(of: self)) }
        // A recording has the best there is.
        if participant.room.tap != nil { count = encodings.count }
        guard count < wantedCount else {
            (wantedCount, unwantedSince) = (count, nil)
            return count
        }
        let since = unwantedSince ?? now
        unwantedSince = since
        guard now >= since + Participant.layerHold else { return wantedCount }
        (wantedCount, unwantedSince) = (count, nil)
        return count
    }
}
