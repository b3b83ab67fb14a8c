import APIDomain
import Contracts
import Logging
import NIOCore
import Postgres
import RedisBus
import ServiceKit

/// What moderators do in a call. The right is looked up at each deed; then the media node of the call is told, which
/// trusts what comes over the bus. A removal is a row besides: it keeps the person out on any node, and ends by a lease that
/// is not renewed what the node could not be told.
struct ModerationRoutes: Sendable {
    let services: APIServices

    private static let notAllowed = APIError(
        .forbidden, "Only the channel's creator and the workspace's owners moderate its calls.")

    func add(to routes: RouteTable) {
        routes.on(Endpoints.moderateCall) { call, principal in
            let channel = try await moderated(try call.id("channelID"), by: principal)
            let request = SeatModerateRequest(
                channelID: channel, participantID: call.body.participantID, source: call.body.source)
            guard try await tell(.seatModerate, request, of: channel) else {
                throw APIError.notFound(ParticipantEntity.entityName)
            }
            return Answer(Empty())
        }
        routes.on(Endpoints.listCallRemovals) { call, principal in
            let channel = try await moderated(try call.id("channelID"), by: principal)
            let rows = try await services.database.execute(
                Statement(
                    """
                    SELECT user_id, until FROM call_removals WHERE channel_id = $1 AND until > now()
                    ORDER BY until DESC, user_id LIMIT $2
                    """, channel, Limits.pageCount.upperBound))
            return Answer(CallRemovalList(removals: try rows.map(CallRemoval.init(row:))))
        }
        routes.on(Endpoints.removeFromCall) { try await remove($0, $1) }
        routes.on(Endpoints.allowIntoCall) { call, principal in
            let channel = try await moderated(try call.id("channelID"), by: principal)
            let user: UserID = try call.id("userID")
            _ = try await services.database.execute(
                Statement("DELETE FROM call_removals WHERE channel_id = $1 AND user_id = $2", channel, user))
            return Answer(Empty())
        }
    }

    /// A channel whose calls the principal may moderate.
    private func moderated(_ id: ChannelID, by principal: Principal) async throws -> ChannelID {
        let channel = try await SpaceAccess(database: services.database).joinedChannel(id, for: principal).id
        let rows = try await services.database.execute(
            Statement("SELECT may_moderate_call($1, $2) AS may_moderate", channel, principal.userID))
        guard let row = rows.first, try row.decode("may_moderate") else { throw Self.notAllowed }
        return channel
    }

    /// Members only, and nobody who may moderate: they could not be kept out.
    private func remove(_ call: Call<CallRemovalRequest>, _ principal: Principal) async throws -> Answer<CallRemoval> {
        let channel = try await moderated(try call.id("channelID"), by: principal)
        let rows = try await services.database.execute(
            Statement(
                """
                INSERT INTO call_removals AS known (channel_id, user_id, removed_by, until)
                SELECT channel_id, user_id, $3::uuid, now() + make_interval(secs => $4::float8)
                FROM channel_members WHERE channel_id = $1 AND user_id = $2 AND NOT may_moderate_call($1, $2)
                ON CONFLICT (channel_id, user_id) DO UPDATE SET removed_by = excluded.removed_by, until = excluded.until
                RETURNING user_id, until
                """, channel, call.body.userID, principal.userID, Double(Limits.callRemovalTime.components.seconds)))
        guard let row = rows.first else {
            throw APIError(.forbidden, "Only members who do not moderate the call themselves can be removed.")
        }
        let request = SeatRemoveRequest(channelID: channel, userID: call.body.userID)
        if try await !tell(.seatRemove, request, of: channel) {
            services.logger.debug("nobody to remove: the call has no room", metadata: ["channel": "\(channel)"])
        }
        return Answer(try CallRemoval(row: row))
    }

    /// Tells the media node that has the call's room. Answers whether there is one and it did what it was told.
    /// - Throws: `unavailable` if it does not answer.
    private func tell(_ kind: BusRequestKind, _ request: some WireObject, of channel: ChannelID) async throws -> Bool {
        let place: String?
        do throws(RedisError) {
            place = try await services.bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
        } catch {
            throw APIError(.unavailable, "The call cannot be reached at the moment. Try again.")
        }
        guard let placement = place.flatMap({ RoomPlacement($0) }) else { return false }
        let address = InstanceAddress(kind: .media, id: placement.node)
        let body = ByteBuffer(bytes: try WireJSON.encode(request))
        do throws(BusError) {
            _ = try await services.bus.request(kind, to: address, body: body)
            return true
        } catch {
            if case .failed(let failure) = error, failure.code == .notFound { return false }
            throw APIError(.unavailable, "The call's media node does not answer. Try again.")
        }
    }
}

extension CallRemoval {
    /// Reads the columns `user_id` and `until`.
    init(row: PostgresRow) throws {
        self.init(userID: try row.decode("user_id"), until: try row.decode("until"))
    }
}
