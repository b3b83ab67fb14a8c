import APIDomain
import Contracts
import Postgres
import ServiceKit

/// Lets a session take a seat in the call of a channel: access → check → place → sign.
struct CallGranter {
    let services: APIServices

    /// - Throws: `session_revoked`; `not_found` for a channel that the user is not in or a seat of somebody else;
    ///   `forbidden` for somebody whom a moderator has removed; `conflict` for a call that is full; `unavailable` when no
    ///   media node runs.
    func grant(_ request: CallGrantRequest) async throws -> CallGrantReply {
        let access = try await access(request)
        let place = try await RoomPlacer(bus: services.bus, settling: services.settling).place(
            request.channelID, avoiding: request.deadNode, after: access.lastEpoch, isOpen: access.isOpen
        ) { home in
            guard let participant = request.participantID else { return nil }
            return await CallNode(services: services).seat(of: participant, in: request.channelID, at: home)
        }
        let now = Timestamp.now
        let claims = CallGrant(
            userID: request.userID, sessionID: request.sessionID, channelID: request.channelID,
            participantID: request.participantID ?? .fresh(), placement: place.placement,
            seatNode: place.node, rights: access.rights, issuedAt: now, expiresAt: now + Limits.callGrantLifetime)
        return CallGrantReply(
            grant: try await services.tokens.sign(claims), participantID: claims.participantID, node: place.node,
            iceServers: services.ice.servers(for: request.userID, now: now))
    }

    /// What PostgreSQL knows of somebody who may take a seat.
    private struct Access {
        /// Of the room, as it was reported last; 0 if it never was.
        let lastEpoch: Int64
        /// Whether people are in the call.
        let isOpen: Bool
        let rights: CallRights
    }

    /// Checks everything that PostgreSQL knows, in one statement.
    private func access(_ request: CallGrantRequest) async throws -> Access {
        let rows = try await services.database.execute(
            Statement(
                """
                SELECT EXISTS (SELECT FROM sessions WHERE id = $2 AND user_id = $1
                                 AND revoked_at IS NULL AND expires_at > now()) AS session_lives,
                       EXISTS (SELECT FROM readable_streams
                               WHERE user_id = $1 AND kind = 'channel' AND stream_id = $3) AS is_member,
                       EXISTS (SELECT FROM call_participants WHERE id = $4 AND user_id <> $1) AS is_of_another,
                       (SELECT until FROM call_removals
                        WHERE channel_id = $3 AND user_id = $1 AND until > now()) AS removed_until,
                       (SELECT epoch FROM channel_calls WHERE channel_id = $3) AS epoch,
                       seats.seat_count, seats.is_seated, r.is_moderator, r.is_audience, r.muted, r.version
                FROM (
                    SELECT count(p.id) AS seat_count, coalesce(bool_or(p.id = $4), false) AS is_seated
                    FROM calls k JOIN call_participants p ON p.call_id = k.id AND p.left_at IS NULL
                    WHERE k.channel_id = $3 AND k.ended_at IS NULL
                ) seats LEFT JOIN call_rights($3, $1) r ON true
                """, request.userID, request.sessionID, request.channelID, request.participantID))
        guard let row = rows.first, try row.decode("session_lives") else { throw Authenticator.sessionEnded }
        guard try row.decode("is_member") else { throw APIError.notFound(ChannelEntity.entityName) }
        guard try !row.decode("is_of_another") else { throw APIError.notFound(ParticipantEntity.entityName) }
        let removedUntil: Timestamp? = try row.decode("removed_until")
        if let removedUntil { throw Self.removed(until: removedUntil) }
        let seatCount: Int = try row.decode("seat_count")
        guard try seatCount < Limits.participantsPerCall || row.decode("is_seated") else { throw Self.full }
        return Access(
            lastEpoch: try row.decode("epoch", as: Int64?.self) ?? 0, isOpen: seatCount > 0,
            rights: try CallRights(row: row))
    }

    private static func removed(until: Timestamp) -> APIError {
        let minutes = (max(0, until.milliseconds - Timestamp.now.milliseconds) + 59_999) / 60_000
        return APIError(
            .forbidden,
            "A moderator removed you from this call. You can join again in \(minutes) min, or when a moderator allows it."
        )
    }

    private static let full = APIError(
        .conflict, "The call is full: it has \(Limits.participantsPerCall) seats. Try again when someone has left.")
}

extension CallRights {
    /// Reads the columns of `call_rights`.
    init(row: PostgresRow) throws {
        self.init(
            isModerator: try row.decode("is_moderator"), isAudience: try row.decode("is_audience"),
            muted: try row.decode("muted"), version: try row.decode("version"))
    }
}
