import APIDomain
import Contracts
import HTTPTypes
import Hummingbird
import NIOCore

/// A file as the answer to a request: whole or in part (RFC 9110 §14), or not at all if the client has it (§13.1.2).
struct FileAnswer {
    private let found: FileAccess.AccessedFile
    private let caching: String

    /// - Parameter caching: the field `Cache-Control`.
    init(_ found: FileAccess.AccessedFile, caching: String) {
        self.found = found
        self.caching = caching
    }

    /// Strong, as it comes from the bytes.
    private var tag: String { "\"\(hex(found.digest).prefix(32))\"" }

    func response(to request: HTTPFields, from storage: FileStorage) async throws -> Response {
        let (file, tag) = (found.file, tag)
        let presentation = FilePresentation(name: file.name, mediaType: file.mediaType)
        var headers: HTTPFields = [
            .contentType: presentation.contentType, .contentDisposition: presentation.disposition, .eTag: tag,
            .cacheControl: caching, .acceptRanges: "bytes",
        ]
        if let known = request[.ifNoneMatch], known == "*" || known.contains(tag) {
            return Response(status: .notModified, headers: headers)
        }
        let selection = ByteSelection(
            range: request[.range], condition: request[.ifRange], tag: tag, byteCount: file.byteCount)
        let bytes: Range<Int64>
        switch selection {
        case .whole: bytes = 0..<file.byteCount
        case .part(let part):
            bytes = part
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.byteCount)"
        case .unsatisfiable:
            headers[.contentRange] = "bytes */\(file.byteCount)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
        let open = try await storage.open(file.id, digest: found.digest)
        return Response(
            status: selection == .whole ? .ok : .partialContent, headers: headers,
            body: ResponseBody(contentLength: bytes.count) { writer in
                var place = bytes.lowerBound
                while place < bytes.upperBound {
                    let step = min(Int64(Limits.fileStepByteCount), bytes.upperBound - place)
                    let buffer = try await open.read(at: place, upTo: Int(step))
                    // Better a cut answer than one that claims to be whole.
                    guard buffer.readableBytes == step else { throw StorageError.tooShort }
                    try await writer.write(buffer)
                    place += step
                }
                try await writer.finish(nil)
            })
    }
}
