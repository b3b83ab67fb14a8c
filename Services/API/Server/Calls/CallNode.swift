import APIDomain
import Contracts
import Logging
import NIOCore
import RedisBus
import ServiceKit

/// The media node that has the room of a call, for those who tell it something.
struct CallNode: Sendable {
    let services: APIServices

    /// Asks the node of the channel's call; `nil` if no node has its room.
    /// - Throws: what the node refuses with; `unavailable` if Redis or the node does not answer.
    func ask<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject, of channel: ChannelID
    ) async throws -> Reply? {
        let body = ByteBuffer(bytes: try WireJSON.encode(request))
        do {
            let place = try await services.bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
            guard let placement = place.flatMap({ RoomPlacement($0) }) else { return nil }
            let address = InstanceAddress(kind: .media, id: placement.node)
            let reply = try await services.bus.request(kind, to: address, body: body)
            return try WireJSON.decode(Reply.self, from: reply.readableBytesView)
        } catch BusError.failed(let failure) {
            throw APIError(failure.code, failure.detail)
        } catch {
            services.logger.warning("call not reached", metadata: ["channel": "\(channel)", "error": "\(error)"])
            throw APIError(.unavailable, "The call's media node does not answer. Try again.")
        }
    }

    /// Which node has a seat; `nil` if none has it, or the room's node cannot be asked.
    func seat(of participant: ParticipantID, in channel: ChannelID, at home: InstanceID) async -> InstanceID? {
        do {
            let request = SeatFindRequest(channelID: channel, participantID: participant)
            let reply = try await services.bus.request(
                .seatFind, to: InstanceAddress(kind: .media, id: home),
                body: ByteBuffer(bytes: try WireJSON.encode(request)), deadline: Self.findDeadline)
            return try WireJSON.decode(SeatFindReply.self, from: reply.readableBytesView).node
        } catch {
            services.logger.debug("seat not found", metadata: ["node": "\(home)", "error": "\(error)"])
            return nil
        }
    }

    /// Whoever takes a seat again waits for it.
    private static let findDeadline = Duration.milliseconds(500)
}
