import APIDomain
import Contracts
import HTTPTypes
import Hummingbird
import NIOCore

/// An answer that is text instead of JSON, or nothing.
struct TextAnswer: Sendable {
    var text: String?
    /// The endpoint's own if `nil`.
    var mediaType: String?
    var headers: HTTPFields = [:]
    /// The endpoint's own status if `nil`.
    var status: Int?

    func response(to endpoint: EndpointDescription) -> Response {
        var headers = headers
        headers[.cacheControl] = "no-store"
        let status = HTTPResponse.Status(code: self.status ?? endpoint.status)
        guard let text else { return Response(status: status, headers: headers) }
        headers[.contentType] = mediaType ?? endpoint.gives ?? "text/plain"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// The body of a request that is to be of a media type; empty if none is wanted.
/// - Throws: `unsupported_media_type`, `body_too_large`, `malformed_request` for what is no UTF-8.
func text(of request: Request, as mediaType: String?, upTo byteCount: Int) async throws -> String {
    guard let mediaType else { return "" }
    let sent = request.headers[.contentType]?.prefix { $0 != ";" && $0 != " " }
    guard sent?.lowercased() == mediaType else {
        throw APIError(.unsupportedMediaType, "Send the body as \(mediaType).")
    }
    do {
        let bytes = try await request.body.collect(upTo: byteCount)
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
            throw APIError(.malformedRequest, "The body is no UTF-8.")
        }
        return text
    } catch is NIOTooManyBytesError {
        throw APIError(.bodyTooLarge, "The body has at most \(byteCount) bytes.")
    }
}
