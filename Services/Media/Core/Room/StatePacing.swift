import Contracts
import MediaSecurity

/// When the participants of a room are told its state.
///
/// Changes wait a short while for others (``Limits/callStateHold``), then everybody gets in line, and leaves it as bytes are
/// to be had: ``Limits/callStateByteRate``. A state tells all, so the states of one change grow with the square of the room:
/// those of a hundred people leave at once, those of five hundred take seconds, and whatever happens in the room its bus,
/// gateways and links carry no more than that. Who is told late is told what holds then.
struct StatePacing {
    /// Waits longer in a larger room, whose states are long and many, up to so many people.
    private static let holdPerParticipant = Duration.milliseconds(4)
    private static let holdParticipants = 100

    /// When everybody gets in line; `nil` while nothing has changed.
    private var due: MediaTime?
    /// Who waits, the first to be told first; those before `head` were told.
    private var line: [ParticipantID] = []
    private var head = 0
    private var waiting: Set<ParticipantID> = []
    /// Bytes that may be told now. Below 0 after a state that took more than there were.
    private var byteCount = Limits.callStateBurst
    private var filledAt: MediaTime?

    /// Something that the state tells has changed.
    mutating func noteChange(participants: Int, now: MediaTime) {
        if due == nil {
            due = now + Limits.callStateHold + Self.holdPerParticipant * min(participants, Self.holdParticipants)
        }
    }

    /// Whether everybody is to get in line now. Answers so once a change.
    mutating func takeDue(now: MediaTime) -> Bool {
        guard let due, now >= due else { return false }
        self.due = nil
        return true
    }

    /// Gets in line, unless it stands there already.
    mutating func add(_ participant: ParticipantID) {
        if waiting.insert(participant).inserted { line.append(participant) }
    }

    /// Whether anybody waits.
    var isWaiting: Bool { !waiting.isEmpty }

    /// The next to be told, while there are bytes for it.
    mutating func next(now: MediaTime) -> ParticipantID? {
        fill(now: now)
        guard byteCount > 0, head < line.count else { return nil }
        let participant = line[head]
        head += 1
        waiting.remove(participant)
        if head == line.count { (line, head) = ([], 0) }
        return participant
    }

    /// A state of that size was told.
    mutating func spend(_ count: Int) { byteCount -= count }

    private mutating func fill(now: MediaTime) {
        defer { filledAt = now }
        guard let filledAt, now > filledAt else { return }
        // More than a burst is never needed, and the time since the last change may be days.
        let nanoseconds = min((now - filledAt).wholeNanoseconds, 1_000_000_000)
        let gained = Int(nanoseconds) / 1_000 * Limits.callStateByteRate / 1_000_000
        byteCount = min(Limits.callStateBurst, byteCount + gained)
    }
}
