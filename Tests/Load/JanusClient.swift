import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Calls Janus's HTTP API, one request after the other: answers come at once or, for what a plugin does in its own time, as
/// an event that a long poll brings.
struct JanusClient {
    /// Where it answers: `http://127.0.0.1:8088/janus`.
    let url: String
    let http: HTTPClient

    /// - Parameter path: the session, and the handle if any: `/1234/5678`.
    /// - Throws: ``LoadFailure`` with Janus's words for an error.
    func post(_ message: JanusMessage, to path: String = "") async throws -> JanusEvent {
        var request = HTTPClientRequest(url: url + path)
        request.method = .POST
        request.headers = ["Content-Type": "application/json"]
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(message)))
        return try await event(of: request)
    }

    /// Waits for the first event that fits; others are passed over.
    func event(in session: Int, where fits: (JanusEvent) -> Bool) async throws -> JanusEvent {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            let event = try await event(of: HTTPClientRequest(url: "\(url)/\(session)?maxev=1"))
            if fits(event) { return event }
        }
        throw LoadFailure("Janus does not tell what was waited for.")
    }

    private func event(of request: HTTPClientRequest) async throws -> JanusEvent {
        let response = try await http.execute(request, timeout: .seconds(40))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        let event = try JSONDecoder().decode(JanusEvent.self, from: Data(bytes.readableBytesView))
        if let reason = event.error?.reason ?? event.plugindata?.data.error {
            throw LoadFailure("Janus refuses: \(reason)")
        }
        return event
    }
}

/// A request; `transaction` is what its answers are known by.
struct JanusMessage: Encodable {
    /// What a plugin is asked.
    struct Body: Encodable {
        struct Stream: Encodable { let feed: Int }

        var request: String
        var room: Int?
        var ptype: String?
        var id: Int?
        var streams: [Stream]?
        var publishers: Int?
        var bitrate: Int?
        var videocodec: String?
    }

    var janus: String
    var transaction = String(UInt64.random(in: 0 ... .max), radix: 36)
    var plugin: String?
    var body: Body?
    var jsep: JanusDescription?
}

/// A description as it goes over the API.
struct JanusDescription: Codable {
    /// `offer` or `answer`.
    let type: String
    let sdp: String
}

/// An answer or an event, as far as the load reads it.
struct JanusEvent: Decodable {
    struct Created: Decodable { let id: Int }
    struct Failure: Decodable { let reason: String }
    struct Plugin: Decodable {
        struct Answer: Decodable { let error: String? }
        let data: Answer
    }

    let janus: String
    let transaction: String?
    /// The handle that it is about.
    let sender: Int?
    let data: Created?
    let error: Failure?
    let plugindata: Plugin?
    let jsep: JanusDescription?
}
