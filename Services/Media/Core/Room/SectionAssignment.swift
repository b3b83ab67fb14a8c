import Contracts
import MediaSecurity

/// Which publication each participant gets on which section. A publication that has a section keeps it: pictures do not
/// jump. A section is taken from a publication only for one that is wanted more.
extension Room {
    /// Gives one participant its sections of video, in the moment in which it is told so: a tile does not show somebody
    /// else's picture meanwhile.
    func assignVideo(_ ranked: [Publication], to viewer: Participant) {
        assign(ranked, to: viewer.sendSections.filter { $0.kind == .video }, of: viewer)
        wantSections(for: ranked.count { $0.participant !== viewer && $0.isActive }, of: viewer)
    }

    /// Screens before cameras, those that are on before those that are off.
    func rankedVideo() -> [Publication] {
        func precedes(_ left: Publication, _ right: Publication) -> Bool {
            guard left.isActive == right.isActive else { return left.isActive }
            return left.source == .screen && right.source != .screen
        }
        let all = participants.flatMap { $0.publications.filter { $0.kind == .video } }
        return all.enumerated().sorted { left, right in
            if precedes(left.element, right.element) { return true }
            if precedes(right.element, left.element) { return false }
            return left.offset < right.offset
        }.map(\.element)
    }

    func assign(_ ranked: [Publication], to sections: [SendSection], of viewer: Participant) {
        guard !sections.isEmpty else { return }
        let wanted = ranked.lazy.filter { publication in
            publication.participant !== viewer && sections.contains { $0.canCarry(publication) }
        }.prefix(sections.count)
        var free: [SendSection] = []
        var waiting = Array(wanted)
        for section in sections {
            if let carried = section.publication, let index = waiting.firstIndex(where: { $0 === carried }),
                section.canCarry(carried)
            {
                waiting.remove(at: index)
            } else {
                free.append(section)
            }
        }
        // What is off keeps the section it has while nothing else wants it, but takes no other.
        for publication in waiting where publication.isActive {
            guard let index = free.firstIndex(where: { $0.canCarry(publication) }) else { continue }
            free.remove(at: index).point(to: publication)
        }
        // What is left carries nothing that is wanted.
        for section in free { section.point(to: nil) }
    }

    /// The codecs of video that all others read; empty where there is none, or nobody to read it.
    func videoCodecs(besides participant: Participant) -> Set<Codec> {
        var common: Set<Codec>?
        for other in participants where other !== participant {
            // As a rule all read the same, and a set is not made for each of hundreds.
            if let common, other.reads(video: common) { continue }
            let codecs = other.readableVideo
            if !codecs.isEmpty { common = common?.intersection(codecs) ?? codecs }
        }
        return common ?? []
    }

    private func wantSections(for count: Int, of viewer: Participant) {
        while viewer.wantedVideoSections < min(count, Limits.maximumVideoSections) {
            viewer.wantedVideoSections = min(
                viewer.wantedVideoSections + Limits.videoSectionBlock, Limits.maximumVideoSections)
        }
    }
}

extension Participant {
    /// Whether it reads each of these codecs.
    fileprivate func reads(video codecs: Set<Codec>) -> Bool {
        if relay != nil { return codecs.isSubset(of: relayedVideo) }
        return sendSections.first { $0.kind == .video && $0.isUsable }?.hasAll(of: codecs) ?? false
    }
}
