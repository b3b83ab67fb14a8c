import Contracts
import MediaSecurity

/// One call: its participants, in the order they joined. Owned by its worker.
final class Room {
    let channelID: ChannelID
    /// Of the newest grant: a room that was placed anew on the same node goes on under the higher epoch.
    private(set) var epoch: Int64
    /// Those who sit here, and those whom relays bring.
    private(set) var participants: [Participant] = []
    /// Whether its home is here: where it was placed. Other workers with seats in it have a relay to that one.
    let isHome: Bool
    var relays: [Relay] = []
    /// When the participants are told the state.
    var states = StatePacing()
    var nextSpeakerCheck: MediaTime
    /// The dominant one first, whom all see large: the others, who are louder at times, follow.
    private(set) var speakers: [ParticipantID] = []
    /// Begins with the time, so that a room opened again in the same epoch goes on above.
    private var reportRevision: Int64
    /// The last recording, running or ended.
    var recording: CallRecording?
    /// Where its packets go; `nil` while nothing is recorded.
    var tap: RecordingTap?
    private var usedSSRCs: Set<UInt32> = []
    /// When everyone who is still here has to go, because the room moved to another node; `nil` while it is here.
    private(set) var endsAt: MediaTime?

    /// How often it is looked who speaks.
    static let speakerInterval = Duration.milliseconds(200)

    init(channelID: ChannelID, epoch: Int64, isHome: Bool, openedAt: Timestamp, now: MediaTime) {
        self.isHome = isHome
        reportRevision = openedAt.milliseconds
        self.channelID = channelID
        self.epoch = epoch
        nextSpeakerCheck = now
    }

    /// Those who sit here.
    var seated: [Participant] { relays.isEmpty ? participants : participants.filter { $0.relay == nil } }

    /// Whether nobody is left whom it would be for.
    var isOver: Bool { isHome ? participants.isEmpty && relays.isEmpty : seated.isEmpty }

    var isFull: Bool { participants.count >= Limits.participantsPerCall }

    func add(_ participant: Participant) { participants.append(participant) }

    func remove(_ participant: Participant) {
        participants.removeAll { $0 === participant }
        for publication in participant.publications {
            for section in publication.subscriptions { section.point(to: nil) }
        }
        for section in participant.sendSections {
            section.point(to: nil)
            usedSSRCs.subtract([section.ssrc, section.repairSSRC])
        }
        usedSSRCs.remove(participant.reporter)
    }

    /// An SSRC that no stream of this room has.
    func freshSSRC(_ random: inout any RandomNumberGenerator) -> UInt32 {
        while true {
            let ssrc = UInt32(truncatingIfNeeded: random.next())
            if ssrc != 0, usedSSRCs.insert(ssrc).inserted { return ssrc }
        }
    }

    // MARK: What the others are told

    var callParticipants: [CallParticipant] {
        participants.map { CallParticipant(participantID: $0.id, userID: $0.seat.userID, joinedAt: $0.joinedAt) }
    }

    /// Something that the state tells has changed. Sections are assigned and states told once for all that changes in a
    /// short while.
    func noteChange(now: MediaTime) { states.noteChange(participants: participants.count, now: now) }

    /// The room was placed again, here.
    func raise(epoch: Int64) { self.epoch = max(self.epoch, epoch) }

    /// Who is in the room has changed. The first report goes out at once, those that follow no closer than
    /// ``reportInterval``: each is an event in the channel's stream.
    func noteArrival(now: MediaTime) {
        guard isHome, endsAt == nil else { return }
        if reportDue == nil { reportDue = max(now, lastReport.map { $0 + reportInterval } ?? now) }
    }

    /// The room moved to another node, which reports from now on.
    func beginMove(until end: MediaTime) {
        endsAt = end
        reportDue = nil
    }

    /// A report names everybody, and so does the event that every member of the channel gets: of a room of more than a
    /// hundred they are told with the square of its size less often, 12.5 s apart of one of five hundred.
    private var reportInterval: Duration {
        let hundreds = max(1, Double(participants.count) / 100)
        return Duration.milliseconds(500) * (hundreds * hundreds)
    }
    private var lastReport: MediaTime?
    private var reportDue: MediaTime?

    /// The report that is due, if any.
    func takeReport(now: MediaTime) -> CallReport? {
        guard let due = reportDue, now >= due else { return nil }
        reportDue = nil
        lastReport = now
        return report()
    }

    func report() -> CallReport {
        reportRevision += 1
        return CallReport(
            channelID: channelID, epoch: epoch, revision: reportRevision, participants: callParticipants)
    }

    /// When who speaks was told last.
    private var speakersTold: MediaTime?

    /// Who speaks, if that has changed, or who of them is dominant. All are told, one by one: of more than a hundred less
    /// often, so that there are no more notices a second. To be called each ``speakerInterval``.
    func takeSpeakers(now: MediaTime) -> [ParticipantID]? {
        let loud = rankedSpeakers(now: now)
        let interval = Self.speakerInterval * (Double(participants.count) / 100)
        if let speakersTold, participants.count > 100, now < speakersTold + interval { return nil }
        guard loud.first != speakers.first || Set(loud) != Set(speakers) else { return nil }
        speakers = loud
        speakersTold = now
        return loud
    }

    /// Who speaks now, the most active first; but who was dominant stays so until somebody is clearly more active.
    private func rankedSpeakers(now: MediaTime) -> [ParticipantID] {
        var loud: [(id: ParticipantID, activity: Float)] = []
        for participant in participants {
            for publication in participant.publications where publication.source == .microphone {
                publication.speaker.advance(now: now)
                guard publication.isActive, publication.speaker.isSpeaking(now: now) else { continue }
                let bonus = participant.id == speakers.first ? Self.takeoverMargin : 0
                loud.append((participant.id, publication.speaker.activity + bonus))
            }
        }
        return loud.sorted { $0.activity > $1.activity }.map(\.id)
    }
}
