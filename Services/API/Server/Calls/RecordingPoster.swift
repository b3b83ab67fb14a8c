import APIDomain
import Contracts
import Postgres
import ServiceKit

/// Takes ended recordings from media nodes: says where each file goes, and posts them all to the channel of their call, in
/// the name of who started the recording.
struct RecordingPoster {
    let services: APIServices

    /// Reserves the place of one file.
    func upload(_ request: RecordingUploadRequest) async throws -> RecordingUploadReply {
        let name = try await name(of: request)
        let file = CreateFileRequest(
            name: name, mediaType: request.mediaType, byteCount: Int64(request.byteCount),
            width: request.width, height: request.height, durationMilliseconds: Int64(request.milliseconds))
        let upload = try await services.fileUploads.reserve(
            file, in: request.channelID, by: request.userID, for: .recording)
        return RecordingUploadReply(fileID: upload.file.id, uploadPath: upload.uploadURL)
    }

    /// Posts the files, as many to a message as one may have. Asked again it posts nothing more.
    func post(_ request: RecordingPostRequest) async throws {
        var rest = request.fileIDs[...]
        var number = 1
        while !rest.isEmpty {
            let files = Array(rest.prefix(Limits.attachmentsPerMessage))
            rest = rest.dropFirst(files.count)
            _ = try await services.messageSender.post(
                number == 1 ? Self.words(request) : "More of the recording.", attachments: files,
                key: "rec-\(request.recordingID)-\(number)", as: request.userID, in: request.channelID)
            number += 1
        }
    }

    /// What people see under the message: whose voice or picture it is.
    private func name(of request: RecordingUploadRequest) async throws -> String {
        guard let speaker = request.speakerID, let source = request.source else {
            return "everybody.\(request.fileExtension)"
        }
        let rows = try await services.database.execute(
            Statement("SELECT display_name FROM users WHERE id = $1", speaker))
        let name: String = try rows.first?.decode("display_name") ?? "somebody"
        // What names of files must not have.
        let safe = String(name.map { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" ? $0 : "_" })
        return "\(safe) \(Self.words(source)) \(request.number).\(request.fileExtension)"
    }

    private static func words(_ source: CallSource) -> String {
        switch source {
        case .microphone: "microphone"
        case .camera: "camera"
        case .screen: "screen"
        case .screenAudio: "screen sound"
        }
    }

    private static func words(_ request: RecordingPostRequest) -> String {
        let seconds = request.milliseconds / 1000
        let length = seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
        let why =
            switch request.end {
            case .stopped: ""
            case .limitReached: " It ended because it was as long as a recording may be."
            case .diskFull: " It ended because the server's disk was full."
            case .failed: " It ended because the server could not write it."
            case nil: " It ended because the server of the call died."
            }
        return "Recording of the call, \(length).\(why)"
    }
}
