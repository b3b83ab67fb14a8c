import APIDomain
import Contracts
import Logging
import Postgres

/// What moderators do in a call. The right is looked up at each deed; what is decided is a row, which grants and leases say
/// from then on; then the media node of the call is told, which trusts what comes over the bus. If it cannot be told it
/// learns it with the next renewal of its leases.
struct ModerationRoutes: Sendable {
    let services: APIServices

    private static let notAllowed = APIError(
        .forbidden, "Only the channel's creator and the workspace's owners moderate its calls.")

    private static let noStage = APIError(.conflict, "Everybody speaks in this call; only a stage has an audience.")

    func add(to routes: RouteTable) {
        routes.on(Endpoints.moderateCall) { try await moderate($0, $1) }
        routes.on(Endpoints.listCallRemovals) { call, principal in
            let channel = try await moderated(try call.id("channelID"), by: principal).id
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
            let channel = try await moderated(try call.id("channelID"), by: principal).id
            let user: UserID = try call.id("userID")
            _ = try await services.database.execute(
                Statement("DELETE FROM call_removals WHERE channel_id = $1 AND user_id = $2", channel, user))
            return Answer(Empty())
        }
    }

    /// A channel whose calls the principal may moderate.
    private func moderated(_ id: ChannelID, by principal: Principal) async throws -> Contracts.Channel {
        let channel = try await SpaceAccess(database: services.database).joinedChannel(id, for: principal)
        let rows = try await services.database.execute(
            Statement("SELECT may_moderate_call($1, $2) AS may_moderate", channel.id, principal.userID))
        guard let row = rows.first, try row.decode("may_moderate") else { throw Self.notAllowed }
        return channel
    }

    // MARK: Rights

    private func moderate(_ call: Call<ModerateCallRequest>, _ principal: Principal) async throws -> Answer<Empty> {
        let channel = try await moderated(try call.id("channelID"), by: principal)
        let (user, action, source) = (call.body.userID, call.body.action, call.body.source)
        guard (source != nil) == (action == .mute || action == .unmute) else {
            throw APIError(.validationFailed, "Name a source to mute or unmute, and none otherwise.", field: "source")
        }
        guard channel.kind == .stage || (action != .invite && action != .dismiss) else { throw Self.noStage }
        let rights = try await decide(action, source, on: user, in: channel.id, by: principal.userID)
        let request = SeatModerateRequest(
            channelID: channel.id, userID: user, rights: rights,
            lowersHand: action == .lowerHand || action == .invite || action == .dismiss)
        let isTold = try await tell(.seatModerate, request, of: channel.id)
        guard isTold || action != .lowerHand else { throw APIError.notFound(ParticipantEntity.entityName) }
        return Answer(Empty())
    }

    /// Writes down what was decided, for as long as the present call lasts; answers what the person may do from now.
    /// - Throws: `not_found` for somebody who is not a member, or when there is no call.
    private func decide(
        _ action: CallModeration, _ source: CallSource?, on user: UserID, in channel: ChannelID, by moderator: UserID
    ) async throws -> CallRights {
        let speaks: Bool? = action == .invite ? true : action == .dismiss ? false : nil
        let results = try await services.database.execute([
            Statement(
                """
                INSERT INTO call_rulings AS known (call_id, user_id, ruled_by, is_speaker, muted, version)
                SELECT k.id, m.user_id, $3::uuid, coalesce($4::boolean, false),
                       CASE WHEN $6::boolean THEN ARRAY[$5::text] ELSE '{}' END,
                       (extract(epoch FROM clock_timestamp()) * 1000)::bigint
                FROM calls k JOIN channel_members m ON m.channel_id = k.channel_id
                WHERE k.channel_id = $1 AND k.ended_at IS NULL AND m.user_id = $2
                ON CONFLICT (call_id, user_id) DO UPDATE SET
                    ruled_by = excluded.ruled_by, is_speaker = coalesce($4::boolean, known.is_speaker),
                    muted = array_remove(known.muted, $5::text) || excluded.muted,
                    version = greatest(known.version + 1, excluded.version)
                RETURNING user_id
                """, channel, user, moderator, speaks, source, action == .mute),
            Statement(
                "SELECT is_moderator, is_audience, muted, version FROM call_rights($1, $2)", channel, user),
        ])
        guard !results[0].isEmpty, let row = results[1].first else {
            throw APIError.notFound(ParticipantEntity.entityName)
        }
        return try CallRights(row: row)
    }

    // MARK: Removals

    /// Members only, and nobody who may moderate: they could not be kept out.
    private func remove(_ call: Call<CallRemovalRequest>, _ principal: Principal) async throws -> Answer<CallRemoval> {
        let channel = try await moderated(try call.id("channelID"), by: principal).id
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
        do {
            let done: Empty? = try await CallNode(services: services).ask(kind, request, of: channel)
            return done != nil
        } catch let error as APIError where error.code == .notFound {
            return false
        }
    }
}

extension CallRemoval {
    /// Reads the columns `user_id` and `until`.
    init(row: PostgresRow) throws {
        self.init(userID: try row.decode("user_id"), until: try row.decode("until"))
    }
}
