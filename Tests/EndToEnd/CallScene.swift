import Contracts
import JWTKit
import RedisBus
import ServiceKit
import TestSupport
import Testing

/// A team with a channel of its own, one media node, and a gateway that asks.
struct CallScene {
    /// Apart from the others' stack: which media nodes there are is for these tests to say.
    private static let starting = Task {
        try await Stack(
            apis: 2, gateways: 2,
            environment: [
                "MEDIA": "0", "TURN": "0", "ROOST_TURN_URLS": "stun:turn.example:3478,turn:turn.example:3478",
                "ROOST_TURN_SECRET": "between us",
            ])
    }

    let stack: Stack
    let team: Team
    let channel: ChannelID
    let gateway: BusClient
    let node: BusClient
    /// Of the reports, unless a test says another.
    let epoch: Int64

    var owner: TestUser { team.people[0] }
    var member: TestUser { team.people[1] }

    static func make() async throws -> CallScene {
        let stack = try await starting.value
        let team = try await Team.make(of: 3, on: stack)
        return CallScene(
            stack: stack, team: team, channel: try await team.channel(.private, with: Array(team.people[1...])),
            gateway: try await BusClient(.gateway, on: stack), node: try await BusClient(.media, on: stack),
            epoch: Timestamp.now.milliseconds)
    }

    /// Takes the node and the gateway out of the registry.
    func stop(_ more: [BusClient] = []) async throws {
        for client in [gateway, node] + more { try await client.stop() }
    }

    func grant(
        to user: TestUser, in other: ChannelID? = nil, seat: ParticipantID? = nil, deadNode: InstanceID? = nil
    ) async throws -> CallGrantReply {
        try await gateway.ask(
            .callGrant,
            CallGrantRequest(
                userID: user.id, sessionID: user.signedIn.sessionID, channelID: other ?? channel,
                participantID: seat, deadNode: deadNode))
    }

    /// The claims of a grant, checked with the keys that the APIs publish.
    func verified(_ reply: CallGrantReply) async throws -> CallGrant {
        let keys = JWTKeyCollection()
        try await keys.add(jwksJSON: try await APIClient(base: stack.url).get("/.well-known/jwks.json").text)
        return try await keys.verify(reply.grant, as: CallGrant.self)
    }

    func participant(
        _ user: TestUser, id: ParticipantID = .fresh(), at joinedAt: Timestamp = .now
    ) -> CallParticipant {
        CallParticipant(participantID: id, userID: user.id, joinedAt: joinedAt)
    }

    func report(
        _ revision: Int64, _ participants: [CallParticipant], epoch: Int64? = nil, channel: ChannelID? = nil
    ) async throws {
        let report = CallReport(
            channelID: channel ?? self.channel, epoch: epoch ?? self.epoch, revision: revision,
            participants: participants)
        _ = try await node.ask(.callReport, report, as: Empty.self)
    }

    /// How an API refused; `nil` if it did not.
    func refusal(_ body: () async throws -> some Any) async -> BusFailure? {
        do {
            _ = try await body()
        } catch BusError.failed(let failure) {
            return failure
        } catch {
            Issue.record(error)
        }
        return nil
    }
}
