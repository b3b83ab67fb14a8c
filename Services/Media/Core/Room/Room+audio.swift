import Contracts
import MediaSecurity

// Who is heard. Each participant has a few sections of audio, ``Limits/audioSections``, for the loudest of the others: what a
// viewer receives, and what the node sends, does not grow with the room.
extension Room {
    /// Louder than one who is heard by so much (in dB) takes over; less would let two who speak at once take turns.
    static let takeoverMargin: Float = 6

    /// Gives sections to those who began to speak and have none. Looked at each tick, and done at once: whoever waits for
    /// the next state, which a large room sends seldom, loses the first words.
    func hearNewSpeakers(now: MediaTime) {
        guard hasMoreSpeakersThanSections, isSomebodyUnheard(now: now) else { return }
        let ranked = rankedAudio(now: now)
        guard choose(ranked) else { return }
        point(to: ranked)
        noteChange(now: now)
    }

    /// Gives the sections of audio to those who are to be heard.
    func assignAudio(now: MediaTime) {
        let ranked = rankedAudio(now: now)
        _ = choose(ranked)
        point(to: ranked)
    }

    /// Whether who speaks decides who is heard.
    var hasMoreSpeakersThanSections: Bool {
        let count = participants.reduce(0) { $0 + $1.publications.count { $0.kind == .audio && $0.isActive } }
        return count > Limits.audioSections
    }

    private func isSomebodyUnheard(now: MediaTime) -> Bool {
        participants.contains { participant in
            participant.publications.contains {
                $0.kind == .audio && $0.isActive && !$0.isHeard && $0.isSounding(now: now)
            }
        }
    }

    /// Notes who is heard. Answers whether these are others than before.
    private func choose(_ ranked: [Publication]) -> Bool {
        var isChanged = false
        for (rank, publication) in ranked.enumerated() {
            let isHeard = rank < Limits.audioSections && publication.isActive
            if isHeard != publication.isHeard { isChanged = true }
            publication.isHeard = isHeard
        }
        return isChanged
    }

    private func point(to ranked: [Publication]) {
        for viewer in participants {
            assign(ranked, to: viewer.sendSections.filter { $0.kind == .audio }, of: viewer)
        }
    }

    /// Those who speak now, the loudest first; then who spoke last; then in the order they joined. Muted ones last.
    private func rankedAudio(now: MediaTime) -> [Publication] {
        let all = participants.flatMap { $0.publications.filter { $0.kind == .audio } }
        let places = all.enumerated().map { order, publication in
            AudioPlace(publication, order: order, now: now)
        }
        return places.sorted { $0.precedes($1) }.map(\.publication)
    }
}

/// What decides where a publication of audio stands among the others.
private struct AudioPlace {
    let publication: Publication
    private let order: Int
    private let isActive: Bool
    private let isSounding: Bool
    private let loudness: Float
    private let lastLoud: MediaTime?

    init(_ publication: Publication, order: Int, now: MediaTime) {
        self.publication = publication
        self.order = order
        isActive = publication.isActive
        isSounding = publication.isSounding(now: now)
        loudness = publication.loudness + (publication.isHeard ? Room.takeoverMargin : 0)
        lastLoud = publication.speaker.lastLoud
    }

    func precedes(_ other: AudioPlace) -> Bool {
        if isActive != other.isActive { return isActive }
        if isSounding != other.isSounding { return isSounding }
        if isSounding, loudness != other.loudness { return loudness > other.loudness }
        switch (lastLoud, other.lastLoud) {
        case (let own?, let others?) where own != others: return own > others
        case (_?, nil): return true
        case (nil, _?): return false
        default: return order < other.order
        }
    }
}

extension Publication {
    /// Whether it carries something to hear: its levels say so, or without levels (RFC 6464) that packets come.
    fileprivate func isSounding(now: MediaTime) -> Bool {
        if tellsLevels { return speaker.isSpeaking(now: now) }
        return encodings[0].meter.lastArrival.map { now < $0 + SpeakerDetector.hold } ?? false
    }

    /// Without levels it counts as the softest that speaks.
    fileprivate var loudness: Float { tellsLevels ? speaker.loudness : SpeakerDetector.leastLoudness }
}
