package import Contracts
import Foundation

/// What a recording's folder says about its files, so that whoever finds it knows where they belong.
package struct RecordingManifest: Codable, Sendable, Equatable {
    /// One file, with one track.
    package struct File: Codable, Sendable, Equatable {
        package let name: String
        /// Whose voice or picture it is; `nil` for all voices together.
        package let speakerID: UserID?
        package let source: CallSource?
        /// Tells files apart, from 1.
        package let number: Int
        package let mediaType: String
        /// Pixels of a picture as it began.
        package var width: Int?
        package var height: Int?
        /// Under which the API keeps it, and where it is uploaded; `nil` until the API said so.
        package var fileID: FileID?
        package var uploadPath: String?
        /// Whether the API has all of it.
        package var isUploaded = false

        /// It is to be uploaded from the beginning.
        package mutating func forgetUpload() {
            fileID = nil
            uploadPath = nil
            isUploaded = false
        }
    }

    package let id: RecordingID
    package let channelID: ChannelID
    /// Who started it.
    package let userID: UserID
    package let startedAt: Timestamp
    package var files: [File] = []
    /// `nil` while it runs, or when its node died.
    package var end: RecordingEnd?

    package init(id: RecordingID, channelID: ChannelID, userID: UserID, startedAt: Timestamp) {
        self.id = id
        self.channelID = channelID
        self.userID = userID
        self.startedAt = startedAt
    }
}
