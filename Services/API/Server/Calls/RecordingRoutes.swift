import APIDomain
import Contracts
import Postgres
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
            return Answer(try await tell(.recordingStart, request, of: channel))
        }
        routes.on(Endpoints.stopRecording) { call, principal in
            let channel = try await recorded(try call.id("channelID"), by: principal)
            _ = try await tell(.recordingStop, RecordingStopRequest(channelID: channel), of: channel)
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

    /// - Throws: what the node refuses with; `not_found` if no node has the call; `unavailable` if it does not answer.
    private func tell(
        _ kind: BusRequestKind, _ request: some WireObject, of channel: ChannelID
    ) async throws -> CallRecording {
        guard let recording: CallRecording = try await CallNode(services: services).ask(kind, request, of: channel)
        else { throw Self.noCall }
        return recording
    }
}
