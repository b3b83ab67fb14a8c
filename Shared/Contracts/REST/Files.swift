/// A file of a message, and of an upload before it is sent.
package struct Attachment: WireObject, Hashable {
    package static let summary = "A file of a channel. It never changes."
    package static var fields: [String: FieldRule] {
        [
            "name": FieldRule(
                "As its uploader named it, without a path; not unique.", count: Limits.fileNameScalarCount),
            "mediaType": FieldRule(
                "As its uploader said; `application/octet-stream` if unknown.", pattern: Limits.mediaTypePattern),
            "width": FieldRule("Pixels of a picture or a video, as its uploader said."),
            "height": FieldRule("Pixels of a picture or a video, as its uploader said."),
            "durationMilliseconds": FieldRule("Length of sound or a video, as its uploader said."),
        ]
    }
    package let id: FileID
    package let name: String
    package let mediaType: String
    package let byteCount: Int64
    package let width: Int?
    package let height: Int?
    package let durationMilliseconds: Int64?

    package init(
        id: FileID, name: String, mediaType: String, byteCount: Int64, width: Int? = nil, height: Int? = nil,
        durationMilliseconds: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.mediaType = mediaType
        self.byteCount = byteCount
        self.width = width
        self.height = height
        self.durationMilliseconds = durationMilliseconds
    }
}

package struct CreateFileRequest: WireObject {
    package static let summary = "Reserves room for a file of a channel. Its bytes follow by `uploadURL`."
    package static var fields: [String: FieldRule] {
        [
            "name": FieldRule("A path before the name is left out.", count: Limits.fileNameScalarCount),
            "mediaType": FieldRule("Parameters are left out.", pattern: Limits.mediaTypePattern),
            "byteCount": FieldRule("Exactly so many bytes are uploaded; 1 or more, within the server's limit."),
            "width": FieldRule("Pixels of a picture or a video, so that its place is known before it is loaded."),
            "height": FieldRule("Pixels of a picture or a video."),
            "durationMilliseconds": FieldRule("Length of sound or a video."),
        ]
    }
    package let name: String
    package let mediaType: String
    package let byteCount: Int64
    package let width: Int?
    package let height: Int?
    package let durationMilliseconds: Int64?

    package init(
        name: String, mediaType: String, byteCount: Int64, width: Int? = nil, height: Int? = nil,
        durationMilliseconds: Int64? = nil
    ) {
        self.name = name
        self.mediaType = mediaType
        self.byteCount = byteCount
        self.width = width
        self.height = height
        self.durationMilliseconds = durationMilliseconds
    }
}

package struct FileUpload: WireObject {
    package static let summary = "A file that is to be uploaded."
    package static var fields: [String: FieldRule] {
        [
            "uploadURL": FieldRule(
                "Path and query; PUT the bytes there as application/octet-stream, without a token. It may be repeated."),
            "expiresAt": FieldRule("When `uploadURL` ends. A file that no message has after a day is removed."),
        ]
    }
    package let file: Attachment
    package let uploadURL: String
    package let expiresAt: Timestamp

    package init(file: Attachment, uploadURL: String, expiresAt: Timestamp) {
        self.file = file
        self.uploadURL = uploadURL
        self.expiresAt = expiresAt
    }
}

package struct CreateFileLinksRequest: WireObject {
    package static let summary = "Asks for links to files of a channel."
    package static var fields: [String: FieldRule] {
        ["fileIDs": FieldRule("Those one may not see, or that are gone, get no link.", count: Limits.fileLinkCount)]
    }
    package let fileIDs: [FileID]

    package init(fileIDs: [FileID]) { self.fileIDs = fileIDs }
}

package struct FileLink: WireObject, Hashable {
    package static let summary = "Where a browser loads a file without a token: for <img>, <video> and downloads."
    package static var fields: [String: FieldRule] {
        [
            "url": FieldRule(
                "Path and query. It works for as long as the member it was given to may see the file. A member who asks again soon gets the same one."
            ),
            "expiresAt": FieldRule("When to ask for a new one."),
        ]
    }
    package let fileID: FileID
    package let url: String
    package let expiresAt: Timestamp

    package init(fileID: FileID, url: String, expiresAt: Timestamp) {
        self.fileID = fileID
        self.url = url
        self.expiresAt = expiresAt
    }
}

package struct FileLinkList: WireObject {
    package static let summary = "Links to files, in the order in which they were asked for."
    package let links: [FileLink]

    package init(links: [FileLink]) { self.links = links }
}
