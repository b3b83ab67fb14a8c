import APIDomain
import Contracts
import Logging
import NIOCore
import Postgres
import RedisBus
import ServiceKit

/// Starts and stops recordings of calls. The right is looked up at each deed; then the media node of the call is told, which
/// trusts what comes over the bus, and tells everybody in the call.
struct RecordingRoutes: Sendable {
    let services: APIServices

    private static let notAllowed = APIError(
        .forbidden, "Only the channel's creator and the workspace's owners record its calls.")
    private static let noCall = APIError(.notFound, "There is no call in this channel. Join it, then record.")

    func add(to routes: RouteTable) {
        routes.on(Endpoints.startRecording) { call, principal in
            let channel = try await recorded(try call.id("channelID"), by: principal)
            let request = RecordingStartRequest(
                recordingID: .fresh(), channelID: channel, userID: principal.userID)
            let recording: CallRecording = try await tell(.recordingStart, request, of: channel)
            return Answer(recording)
        }
        routes.on(Endpoints.stopRecording) { call, principal in
            let channel = try await recorded(try call.id("channelID"), by: principal)
            let _: CallRecording = try await tell(
                .recordingStop, RecordingStopRequest(channelID: channel), of: channel)
            return Answer(Empty())
        }
    }

    /// A channel whose calls the principal may record. In a direct conversation both may.
    private func recorded(_ id: ChannelID, by principal: Principal) async throws -> ChannelID {
        let channel = try await SpaceAccess(database: services.database).joinedChannel(id, for: principal).id
        let rows = try await services.database.execute(
            Statement(
                "SELECT kind = 'direct' OR may_moderate_call(id, $2) AS may_record FROM channels WHERE id = $1",
                channel, principal.userID))
        guard let row = rows.first, try row.decode("may_record") else { throw Self.notAllowed }
        return channel
    }

    /// Tells the media node that has the call's room.
    /// - Throws: what the node refuses with; `not_found` if no node has it; `unavailable` if it does not answer.
    private func tell<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject, of channel: ChannelID
    ) async throws -> Reply {
        let body = ByteBuffer(bytes: try WireJSON.encode(request))
        do {
            let place = try await services.bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
            guard let placement = place.flatMap({ RoomPlacement($0) }) else { throw Self.noCall }
            let address = InstanceAddress(kind: .media, id: placement.node)
            let reply = try await services.bus.request(kind, to: address, body: body)
            return try WireJSON.decode(Reply.self, from: reply.readableBytesView)
        } catch BusError.failed(let failure) {
            throw APIError(failure.code, failure.detail)
        } catch let error as APIError {
            throw error
        } catch {
            services.logger.warning("call not reached", metadata: ["channel": "\(channel)", "error": "\(error)"])
            throw APIError(.unavailable, "The call's media node does not answer. Try again.")
        }
    }
}
