import Contracts
import MediaPeer
import NIOHTTP1
import TestSupport

/// A seat that is held by HTTP, and the peer in it: a publisher (WHIP, RFC 9725) or a subscriber (WHEP).
struct WhipSeat: Sendable {
    enum Kind: String {
        case whip
        case whep
    }

    let peer: CallPeer
    let api: APIClient
    /// The path of the seat, as Location said.
    let location: String
    let entityTag: String
    let answer: String
    let headers: HTTPHeaders

    var id: ParticipantID? { location.split(separator: "/").last.flatMap { ParticipantID($0) } }

    /// Offers and takes the answer; media begin by themselves.
    static func open(
        _ kind: Kind, _ peer: CallPeer, in channel: ChannelID, by api: APIClient
    ) async throws -> WhipSeat {
        let offer = peer.offer(number: 1)
        let answer = try await api.post(kind, sdp: offer.sdp, in: channel)
        guard answer.status == 201, let location = answer.headers.first(name: "Location"),
            let tag = answer.headers.first(name: "ETag")
        else { throw Timeout("the \(kind) was answered \(answer.status): \(answer.text)") }
        try peer.accept(CallAnswer(number: 1, sdp: answer.text))
        return WhipSeat(
            peer: peer, api: api, location: location, entityTag: tag, answer: answer.text, headers: answer.headers)
    }

    func patch(_ fragment: String, ifMatch: String?, by other: APIClient? = nil) async throws -> APIClient.RawAnswer {
        var headers: HTTPHeaders = ["Content-Type": "application/trickle-ice-sdpfrag"]
        if let ifMatch { headers.add(name: "If-Match", value: ifMatch) }
        return try await (other ?? api).send(method: "PATCH", location, body: Array(fragment.utf8), headers: headers)
    }

    func delete(by other: APIClient? = nil) async throws -> APIClient.RawAnswer {
        try await (other ?? api).send(method: "DELETE", location)
    }
}

extension APIClient {
    func post(
        _ kind: WhipSeat.Kind, sdp: String, in channel: ChannelID, contentType: String = "application/sdp"
    ) async throws -> RawAnswer {
        try await send(
            method: "POST", "/api/v1/channels/\(channel)/\(kind.rawValue)", body: Array(sdp.utf8),
            headers: ["Content-Type": contentType])
    }
}
