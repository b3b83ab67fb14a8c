import Contracts
import Foundation
import NIOCore

/// A request as it goes out, the same at each attempt.
struct PreparedRequest: Sendable {
    let method: EndpointMethod
    let path: String
    let body: ByteBuffer?
    /// The body's media type.
    let mediaType: String
    /// How long one attempt may take.
    let timeout: Duration
    let isPublic: Bool
    /// Whether doing it twice is doing it once.
    let isRepeatable: Bool
    /// Whether it takes away what a repetition would then not find.
    let isRemoval: Bool

    init(
        _ endpoint: EndpointDescription, path values: [RoostAPI.PathValue], query: [String: String],
        body: some WireObject
    ) throws {
        precondition(values.count == endpoint.pathParameters.count, "\(endpoint.name) has other parameters")
        var path = endpoint.path
        for (name, value) in zip(endpoint.pathParameters, values) {
            path = path.replacing("{\(name)}", with: value.description)
        }
        if !query.isEmpty {
            var components = URLComponents()
            components.queryItems = query.sorted { $0.key < $1.key }.map { URLQueryItem(name: $0.key, value: $0.value) }
            path += "?" + (components.percentEncodedQuery ?? "")
        }
        self.path = path
        method = endpoint.method
        self.body = endpoint.body == nil ? nil : ByteBuffer(bytes: try JSONEncoder().encode(body))
        mediaType = "application/json"
        timeout = Limits.requestTimeout
        isPublic = endpoint.isPublic
        isRepeatable = endpoint.isRepeatable
        isRemoval = method == .delete || endpoint.name == Endpoints.leaveChannel.description.name
    }

    /// The bytes of a file on their way to the link that was made for them.
    init(uploading bytes: ByteBuffer, to upload: FileUpload) {
        let endpoint = Endpoints.uploadFile.description
        path = upload.uploadURL
        method = endpoint.method
        body = bytes
        mediaType = endpoint.takes ?? ""
        timeout = Limits.uploadTimeout
        isPublic = true
        isRepeatable = endpoint.isRepeatable
        isRemoval = false
    }
}

extension EndpointDescription {
    /// Whether doing it twice is doing it once: everything but what makes a new thing without a key of its own, and what
    /// uses up a token.
    var isRepeatable: Bool {
        switch method {
        case .get, .put, .patch, .delete: true
        case .post: Self.repeatablePosts.contains(name)
        }
    }

    private static let repeatablePosts: Set<String> = [
        Endpoints.logIn.description.name, Endpoints.sendMessage.description.name,
        Endpoints.joinChannel.description.name, Endpoints.leaveChannel.description.name,
        Endpoints.addChannelMember.description.name, Endpoints.acceptInvite.description.name,
        Endpoints.openDirectChannel.description.name, Endpoints.markRead.description.name,
        Endpoints.markUnread.description.name,
    ]
}
