import APIDomain
import Contracts
import HTTPTypes
import Hummingbird

/// Sound and pictures into and out of calls by HTTP: WHIP (RFC 9725) for encoders, WHEP (draft-ietf-wish-whep) for players.
/// The two differ only in what the seat is for.
struct WhipRoutes: Sendable {
    let services: APIServices

    func add(to routes: RouteTable) {
        add(.publish, Endpoints.publish, Endpoints.updatePublisher, Endpoints.endPublisher, to: routes)
        add(.receive, Endpoints.subscribe, Endpoints.updateSubscriber, Endpoints.endSubscriber, to: routes)
    }

    private func add(
        _ use: SeatUse, _ open: Endpoint<Empty, Empty>, _ update: Endpoint<Empty, Empty>,
        _ end: Endpoint<Empty, Empty>, to routes: RouteTable
    ) {
        let seats = HTTPSeats(services: services)
        routes.on(text: open, upTo: Limits.sdpByteCount) { call, sdp, principal in
            let channel: ChannelID = try call.id("channelID")
            let opened = try await seats.open(channel, by: principal, sdp: sdp, use: use)
            var headers = links(opened.iceServers)
            headers[.location] = "\(path(of: use, in: channel))/\(opened.participantID)"
            headers[.eTag] = iceTag(in: opened.answer).map { "\"\($0)\"" }
            headers[.acceptPatch] = "application/trickle-ice-sdpfrag"
            return TextAnswer(text: opened.answer, headers: headers)
        }
        routes.on(text: update, upTo: Limits.sdpFragmentByteCount) { call, text, principal in
            let (participant, channel): (ParticipantID, ChannelID) = try (
                call.id("participantID"), call.id("channelID")
            )
            let expected = try ExpectedTag(call.headers[.ifMatch])
            let fragment = try SessionFragment(text)
            let reply = try await seats.ice(
                participant, in: channel, by: principal, tag: expected.value, fragment: fragment.username)
            let headers: HTTPFields = [.eTag: "\"\(reply.tag)\""]
            guard let sdp = reply.sdp else { return TextAnswer(headers: headers) }
            return TextAnswer(text: sdp, mediaType: update.description.takes, headers: headers, status: 200)
        }
        routes.on(text: end, upTo: 0) { call, _, principal in
            try await seats.close(call.id("participantID"), in: call.id("channelID"), by: principal)
            return TextAnswer()
        }
        routes.onOptions(open.description.path, [.acceptPost: "application/sdp", .allow: "POST, OPTIONS"])
    }
}

private func path(of use: SeatUse, in channel: ChannelID) -> String {
    switch use {
    case .publish: "/api/v1/channels/\(channel)/whip"
    case .receive: "/api/v1/channels/\(channel)/whep"
    }
}

/// The STUN and TURN servers, one field each (RFC 9725 §4.6).
private func links(_ servers: [IceServer]) -> HTTPFields {
    var fields = HTTPFields()
    for server in servers {
        for url in server.urls {
            var value = "<\(url)>; rel=\"ice-server\""
            if let username = server.username, let credential = server.credential {
                value += "; username=\"\(username)\"; credential=\"\(credential)\"; credential-type=\"password\""
            }
            fields.append(HTTPField(name: .link, value: value))
        }
    }
    return fields
}

/// What names the ICE session of an answer: the node's user name fragment.
private func iceTag(in answer: String) -> Substring? {
    let name = "a=ice-ufrag:"
    return answer.split(separator: "\r\n").first { $0.hasPrefix(name) }?.dropFirst(name.count)
}
