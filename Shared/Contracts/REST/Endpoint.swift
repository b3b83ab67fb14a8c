/// One operation of the HTTP API: what the server routes, what the documents describe and what clients call.
package struct Endpoint<Body: WireObject, Answer: WireObject>: Sendable {
    package let description: EndpointDescription

    init(
        _ method: EndpointMethod, _ path: String, _ name: String, _ summary: String, group: EndpointGroup,
        isPublic: Bool = false, status: Int = 200, query: [QueryParameter] = [], errors: [ErrorCode] = [],
        takes: String? = nil, gives: String? = nil
    ) {
        description = EndpointDescription(
            method: method, path: path, name: name, summary: summary, group: group, isPublic: isPublic, status: status,
            query: query, errors: errors, takes: takes, gives: gives, body: Body.self == Empty.self ? nil : Body.self,
            answer: Answer.self == Empty.self ? nil : Answer.self)
    }
}

/// An ``Endpoint`` without its types.
package struct EndpointDescription: Sendable {
    package let method: EndpointMethod
    /// The path with its parameters in braces: `/api/v1/channels/{channelID}`.
    package let path: String
    /// The operation's name: unique, lower camel case.
    package let name: String
    package let summary: String
    package let group: EndpointGroup
    /// Whether it works without an access token.
    package let isPublic: Bool
    /// The status of success.
    package let status: Int
    package let query: [QueryParameter]
    /// The errors that are its own; those every endpoint may answer are not repeated.
    package let errors: [ErrorCode]
    /// The media type of a body that is text or bytes instead of JSON, and of such an answer.
    package let takes: String?
    package let gives: String?
    package let body: (any WireObject.Type)?
    package let answer: (any WireObject.Type)?

    /// The names in braces, in order.
    package var pathParameters: [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

package enum EndpointMethod: String, WireEnum {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
}

package enum EndpointGroup: String, WireEnum {
    case authentication
    case users
    case workspaces
    case channels
    case messages
    case files
}

package struct QueryParameter: Sendable {
    package let name: String
    package let meaning: String
    package let schema: ScalarSchema
    package let range: ClosedRange<Int>?

    static let before = QueryParameter(
        name: "before", meaning: "Cursor of a page: read what lies before it.", schema: .init(type: "string"),
        range: nil)
    static let after = QueryParameter(
        name: "after", meaning: "Cursor of a page: read what lies after it.", schema: .init(type: "string"), range: nil)
    static let expires = QueryParameter(
        name: "expires", meaning: "When the link ends, in seconds since 1970.", schema: .init(type: "integer"),
        range: nil)
    static let signature = QueryParameter(
        name: "signature", meaning: "What the server signed the link with.", schema: .init(type: "string"), range: nil)
    static let byteCount = QueryParameter(
        name: "bytes", meaning: "The bytes of the file.", schema: .init(type: "integer"), range: nil)
    static let member = QueryParameter(
        name: "member", meaning: "Whom the link was given to.", schema: .init(type: "string", format: "uuid"),
        range: nil)
    static let limit = QueryParameter(
        name: "limit", meaning: "Items in the page, \(Limits.defaultPageCount) if absent.",
        schema: .init(type: "integer"), range: Limits.pageCount)
}
