package import Contracts
import ServiceKit
import Synchronization

/// Writes what carries a call's state as JSON, the same bytes as ``WireJSON``. A state names everybody and everybody is told
/// one, so the JSON of each seat and track is made once and copied from then on.
package final class CallStateEncoder: Sendable {
    /// Seats and tracks that are kept; beyond it all are forgotten, and those in use made anew.
    private static let keptCount = 8_192
    private static let noParticipants = Array(#""participants":[]"#.utf8)
    private static let noTracks = Array(#""tracks":[]"#.utf8)

    fileprivate struct Pieces {
        var participants: [CallParticipant: [UInt8]] = [:]
        var tracks: [CallTrack: [UInt8]] = [:]
        /// The list that was written last: that of the next state as a rule.
        var list: (participants: [CallParticipant], text: [UInt8])?
    }

    private let pieces = Mutex(Pieces())

    package init() {}

    /// A frame for the holder of a seat. Throws what `JSONEncoder` throws.
    package func encode(_ notice: SeatNotice) throws -> [UInt8] {
        guard case .callState(let state) = notice.frame else { return try WireJSON.encode(notice) }
        let bare = SeatNotice(
            node: notice.node, participantID: notice.participantID, connectionID: notice.connectionID,
            frame: .callState(state.withoutPeople))
        return try fill(WireJSON.encode(bare), state)
    }

    /// The answer to taking a seat. Throws what `JSONEncoder` throws.
    package func encode(_ reply: SeatJoinReply) throws -> [UInt8] {
        try fill(
            WireJSON.encode(SeatJoinReply(isResumed: reply.isResumed, state: reply.state.withoutPeople)), reply.state)
    }

    /// Puts seats and tracks where none are. No string of the text can be taken for the place: its quotes are escaped.
    private func fill(_ text: [UInt8], _ state: CallState) throws -> [UInt8] {
        guard let people = text.firstRange(of: Self.noParticipants), let tracks = text.firstRange(of: Self.noTracks),
            people.upperBound <= tracks.lowerBound
        else { preconditionFailure("A state has participants, then tracks, for the keys are sorted.") }
        return try pieces.withLock { pieces in
            let list = try pieces.list(of: state.participants, keeping: Self.keptCount)
            var filled: [UInt8] = []
            filled.reserveCapacity(text.count + list.count + state.tracks.count * 128)
            filled += text[..<(people.upperBound - 1)]
            filled += list
            filled += text[(people.upperBound - 1)..<(tracks.upperBound - 1)]
            try pieces.append(state.tracks, to: &filled, keeping: Self.keptCount)
            filled += text[(tracks.upperBound - 1)...]
            return filled
        }
    }
}

extension CallStateEncoder.Pieces {
    fileprivate mutating func list(of participants: [CallParticipant], keeping count: Int) throws -> [UInt8] {
        // Cheap where it is the same array, as it is for the states of one moment.
        if let list, list.participants == participants { return list.text }
        if self.participants.count > count { self.participants = [:] }
        var text: [UInt8] = []
        for (index, participant) in participants.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            if let known = self.participants[participant] {
                text += known
            } else {
                let made = try WireJSON.encode(participant)
                self.participants[participant] = made
                text += made
            }
        }
        list = (participants, text)
        return text
    }

    fileprivate mutating func append(_ tracks: [CallTrack], to text: inout [UInt8], keeping count: Int) throws {
        if self.tracks.count > count { self.tracks = [:] }
        for (index, track) in tracks.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            if let known = self.tracks[track] {
                text += known
            } else {
                let made = try WireJSON.encode(track)
                self.tracks[track] = made
                text += made
            }
        }
    }
}

extension CallState {
    fileprivate var withoutPeople: CallState {
        CallState(
            revision: revision, participants: [], tracks: [], hands: hands, mutes: mutes, moderators: moderators,
            audience: audience, audioSections: audioSections, videoSections: videoSections, recording: recording)
    }
}

extension [UInt8] {
    /// Where a text is first.
    fileprivate func firstRange(of text: [UInt8]) -> Range<Int>? {
        guard count >= text.count else { return nil }
        return (0...(count - text.count)).first { start in
            self[start] == text[0] && self[start..<(start + text.count)].elementsEqual(text)
        }.map { $0..<($0 + text.count) }
    }
}
