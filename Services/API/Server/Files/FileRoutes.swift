import APIDomain
import Contracts
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit

/// Upload and read files.
struct FileRoutes: Sendable {
    let services: APIServices

    private var access: FileAccess { FileAccess(database: services.database) }
    private var channels: SpaceAccess { SpaceAccess(database: services.database) }
    private var links: FileLinkSigner { services.tokens.fileLinks }

    func add(to routes: RouteTable) {
        routes.on(Endpoints.createFile) { try await create($0, $1) }
        routes.on(openBytes: Endpoints.uploadFile) { try await upload($0, $1) }
        routes.on(bytes: Endpoints.readFile) { try await read($0, $1) }
        routes.on(Endpoints.createFileLinks) { try await link($0, $1) }
        routes.on(openBytes: Endpoints.downloadFile) { call, _ in try await download(call) }
    }

    private func create(
        _ call: Call<CreateFileRequest>, _ principal: Principal
    ) async throws -> Answer<FileUpload> {
        let channel = try await channels.joinedChannel(try call.id("channelID"), for: principal).id
        return Answer(
            try await services.fileUploads.reserve(call.body, in: channel, by: principal.userID, for: .attachment))
    }

    private func upload(_ call: Call<Empty>, _ body: RequestBody) async throws -> Response {
        let link = try FileLinkQuery(call)
        let file: FileID = try call.id("fileID")
        guard let byteCount = call.query("bytes").flatMap({ Int64($0) }),
            links.isUpload(
                file, byteCount: byteCount, expires: link.expires, signature: link.signature, now: .now)
        else { throw FileLinkQuery.ended }
        guard call.headers[.contentType]?.hasPrefix("application/octet-stream") == true else {
            throw APIError(.unsupportedMediaType, "Send the bytes as application/octet-stream.")
        }
        let stored = try await services.fileUploads.receive(
            file, announced: call.headers[.contentLength].flatMap { Int64($0) }, body: body)
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: try WireJSON.encode(stored))))
    }

    private func read(_ call: Call<Empty>, _ principal: Principal) async throws -> Response {
        let found = try await access.file(try call.id("fileID"), for: principal.userID)
        return try await FileAnswer(found, caching: "private, no-cache").response(
            to: call.headers, from: services.files)
    }

    private func link(
        _ call: Call<CreateFileLinksRequest>, _ principal: Principal
    ) async throws -> Answer<FileLinkList> {
        let channel = try await channels.channel(try call.id("channelID"), for: principal).channel.id
        guard Limits.fileLinkCount.contains(call.body.fileIDs.count) else {
            throw APIError(
                .validationFailed, "Ask for 1 to \(Limits.fileLinkCount.upperBound) files.", field: "fileIDs")
        }
        let expiresAt = FileLinkSigner.linkEnd(now: .now)
        let found = try await access.files(call.body.fileIDs, for: principal.userID)
        return Answer(
            FileLinkList(
                links: found.filter { $0.channelID == channel }.map { found in
                    FileLink(
                        fileID: found.file.id,
                        url: links.downloadPath(found.file, member: principal.userID, expiresAt: expiresAt),
                        expiresAt: expiresAt)
                }))
    }

    /// The link says for whom it was made: what that person may not see any more, it does not show.
    private func download(_ call: Call<Empty>) async throws -> Response {
        let link = try FileLinkQuery(call)
        let file: FileID = try call.id("fileID")
        guard let member = call.query("member").flatMap({ UserID($0) }),
            links.isDownload(file, member: member, expires: link.expires, signature: link.signature, now: .now)
        else { throw FileLinkQuery.ended }
        let found = try await access.file(file, for: member)
        let seconds = Limits.fileLinkLifetime.components.seconds
        return try await FileAnswer(found, caching: "private, max-age=\(seconds), immutable").response(
            to: call.headers, from: services.files)
    }
}

/// What every signed link has.
private struct FileLinkQuery {
    let expires: Int64
    let signature: Substring

    /// - Throws: `malformed_request` if it is no signed link.
    init(_ call: Call<Empty>) throws(APIError) {
        guard let expires = call.query("expires").flatMap({ Int64($0) }), let signature = call.query("signature") else {
            throw APIError(.malformedRequest, "A link to a file has expires and signature.")
        }
        self.expires = expires
        self.signature = signature
    }

    static let ended = APIError(.forbidden, "This link has ended or was changed. Ask for a new one.")
}
