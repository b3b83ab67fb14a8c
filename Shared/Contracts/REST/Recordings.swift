package struct CallRecording: WireObject, Hashable {
    package static let summary = "A recording of a call: everybody in it is told."
    package static var fields: [String: FieldRule] {
        [
            "userID": FieldRule("Who started it."),
            "end": FieldRule("Why it ended; absent while it runs. Its files are posted to the channel soon after."),
        ]
    }
    package let id: RecordingID
    package let userID: UserID
    package let startedAt: Timestamp
    package let end: RecordingEnd?

    package init(id: RecordingID, userID: UserID, startedAt: Timestamp, end: RecordingEnd? = nil) {
        self.id = id
        self.userID = userID
        self.startedAt = startedAt
        self.end = end
    }

    /// The same recording, ended.
    package func ended(_ end: RecordingEnd) -> Self { Self(id: id, userID: userID, startedAt: startedAt, end: end) }
}

package enum RecordingEnd: String, WireEnum {
    /// Somebody with the right to record stopped it, or all have left.
    case stopped
    /// It was as long, or took as much room, as one may.
    case limitReached
    /// The media node has no room for more.
    case diskFull
    /// The media node could not write it.
    case failed
}
