import APIDomain
import Contracts
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// A request to an endpoint, decoded.
struct Call<Body: WireObject>: Sendable {
    let body: Body
    let parameters: Parameters
    let headers: HTTPFields
    private let uri: URI

    init(body: Body, request: Request, parameters: Parameters) {
        self.body = body
        self.parameters = parameters
        headers = request.headers
        uri = request.uri
    }

    /// An id from the path. One that is no UUID names nothing.
    func id<Of: Entity>(_ name: String, as type: EntityID<Of>.Type = EntityID<Of>.self) throws(APIError) -> EntityID<Of>
    {
        guard let text = parameters.get(name), let id = EntityID<Of>(text) else { throw .notFound(Of.entityName) }
        return id
    }

    func query(_ name: String) -> Substring? { uri.queryParameters[Substring(name)] }

    /// Whether the client came by TLS, as the proxy in front says.
    var isSecure: Bool { headers[.forwardedProtocol] == "https" }

    /// The value of a cookie.
    func cookie(_ name: String) -> String? {
        for pair in (headers[.cookie] ?? "").split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0].trimmingPrefix(" ") == name { return String(parts[1]) }
        }
        return nil
    }
}

/// An answer with more than a body.
struct Answer<Body: WireObject>: Sendable {
    let body: Body
    /// The body's JSON if it was encoded already.
    let json: ByteBuffer?
    var headers: HTTPFields = [:]
    /// The endpoint's own status if `nil`.
    var status: Int?

    init(_ body: Body, json: ByteBuffer? = nil, headers: HTTPFields = [:], status: Int? = nil) {
        self.body = body
        self.json = json
        self.headers = headers
        self.status = status
    }
}
