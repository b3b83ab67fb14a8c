package struct PastCall: WireObject, Hashable {
    package static let summary = "A call that is over, from the first person who came to the last who left."
    package static var fields: [String: FieldRule] {
        [
            "startedBy": FieldRule("Who came first."),
            "participants": FieldRule(
                "Who was in it, by when they came; of many the first \(Limits.pastCallParticipantCount)."),
            "participantCount": FieldRule("How many people were in it."),
            "outcome": FieldRule(
                "How a call of a direct conversation that rang was answered: cancelled and unanswered ones were missed. "
                    + "Absent when it rang nobody."),
        ]
    }
    package let id: CallID
    package let startedBy: UserID
    package let startedAt: Timestamp
    package let endedAt: Timestamp
    package let participants: [UserID]
    package let participantCount: Int
    package let outcome: RingOutcome?

    package init(
        id: CallID, startedBy: UserID, startedAt: Timestamp, endedAt: Timestamp, participants: [UserID],
        participantCount: Int, outcome: RingOutcome?
    ) {
        self.id = id
        self.startedBy = startedBy
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.participants = participants
        self.participantCount = participantCount
        self.outcome = outcome
    }
}

package struct PastCallPage: WireObject {
    package static let summary = "Past calls of a channel, the latest first."
    package static var fields: [String: FieldRule] {
        ["before": FieldRule("Pass it as `before` to read earlier ones; absent when there are none.")]
    }
    package let calls: [PastCall]
    package let before: String?

    package init(calls: [PastCall], before: String?) {
        self.calls = calls
        self.before = before
    }
}
