// What the API and the media nodes ask of each other for recordings.

/// API → media node: record the call of this channel. Answered by ``CallRecording``; the same id again gets the same answer.
///
/// Failures: `not_found` when there is no such call here or the user is not in it, `conflict` when it is recorded already,
/// `unavailable` when the node has no room for recordings.
package struct RecordingStartRequest: WireObject {
    package static let summary = "Starts recording a call."
    package let recordingID: RecordingID
    package let channelID: ChannelID
    package let userID: UserID

    package init(recordingID: RecordingID, channelID: ChannelID, userID: UserID) {
        self.recordingID = recordingID
        self.channelID = channelID
        self.userID = userID
    }
}

/// API → media node: stop recording the call of this channel. Answered by ``CallRecording``, the one that ended.
///
/// Failures: `not_found` when it is not recorded.
package struct RecordingStopRequest: WireObject {
    package static let summary = "Stops recording a call."
    package let channelID: ChannelID

    package init(channelID: ChannelID) { self.channelID = channelID }
}

/// Media node → API: where may this file of a recording go? Answered by ``RecordingUploadReply``.
///
/// Failures: `not_found` when the channel is gone; `validation_failed` and `conflict` when the file cannot be taken.
package struct RecordingUploadRequest: WireObject {
    package static let summary = "Asks where a file of a recording may be uploaded."
    package let recordingID: RecordingID
    package let channelID: ChannelID
    /// Who started the recording: in whose name its files are kept.
    package let userID: UserID
    /// Whose voice or picture it is; absent for all voices together.
    package let speakerID: UserID?
    package let source: CallSource?
    /// Tells files of one name apart, from 1.
    package let number: Int
    package let startedAt: Timestamp
    package let mediaType: String
    package let fileExtension: String
    package let byteCount: Int
    package let milliseconds: Int
    /// Pixels of a picture as it began.
    package let width: Int?
    package let height: Int?

    package init(
        recordingID: RecordingID, channelID: ChannelID, userID: UserID, speakerID: UserID?, source: CallSource?,
        number: Int, startedAt: Timestamp, mediaType: String, fileExtension: String, byteCount: Int, milliseconds: Int,
        width: Int?, height: Int?
    ) {
        self.width = width
        self.height = height
        self.recordingID = recordingID
        self.channelID = channelID
        self.userID = userID
        self.speakerID = speakerID
        self.source = source
        self.number = number
        self.startedAt = startedAt
        self.mediaType = mediaType
        self.fileExtension = fileExtension
        self.byteCount = byteCount
        self.milliseconds = milliseconds
    }
}

package struct RecordingUploadReply: WireObject {
    package static let summary = "Where a file of a recording goes."
    package static var fields: [String: FieldRule] {
        ["uploadPath": FieldRule("Path and signed query below the API's address: PUT the bytes there.")]
    }
    package let fileID: FileID
    package let uploadPath: String

    package init(fileID: FileID, uploadPath: String) {
        self.fileID = fileID
        self.uploadPath = uploadPath
    }
}

/// Media node → API: all files of a recording are uploaded; post them to the channel. Answered by ``Empty``; the same
/// recording again posts nothing more.
///
/// Failures: `not_found` when the channel is gone, or who started the recording is not in it any more.
package struct RecordingPostRequest: WireObject {
    package static let summary = "Posts a recording to its channel."
    package let recordingID: RecordingID
    package let channelID: ChannelID
    package let userID: UserID
    package let startedAt: Timestamp
    package let milliseconds: Int
    /// Absent when the media node died while it recorded.
    package let end: RecordingEnd?
    /// The mixed sound first.
    package let fileIDs: [FileID]

    package init(
        recordingID: RecordingID, channelID: ChannelID, userID: UserID, startedAt: Timestamp, milliseconds: Int,
        end: RecordingEnd?, fileIDs: [FileID]
    ) {
        self.recordingID = recordingID
        self.channelID = channelID
        self.userID = userID
        self.startedAt = startedAt
        self.milliseconds = milliseconds
        self.end = end
        self.fileIDs = fileIDs
    }
}
