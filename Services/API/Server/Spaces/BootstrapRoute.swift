import Contracts
import Postgres

/// The snapshot a client starts from: everything in one REPEATABLE READ transaction, so that the cursors are exactly
/// where the state is.
struct BootstrapRoute: Sendable {
    let services: APIServices

    func add(to routes: RouteTable) {
        routes.on(Endpoints.bootstrap) { _, principal in
            let user = principal.userID
            let cache = UnreadCache(bus: services.bus, logger: services.logger)
            let known = await cache.known(of: user, in: try await channels(of: user))
            let results = try await services.database.snapshot([
                CurrentUser.select(user),
                Workspace.selectAll(of: user),
                Statement(
                    """
                    SELECT c.* FROM channels c JOIN channel_members m ON m.channel_id = c.id
                    WHERE m.user_id = $1 ORDER BY c.id
                    """, user),
                ChannelCall.selectOpen(of: user),
                EventReader.heads(of: user),
                .unread(of: user, known: known),
                CallRing.selectOpen(of: user),
            ])
            guard let account = results[0].first else { throw Authenticator.sessionEnded }
            let unread = try results[5].map(ChannelUnread.init(row:))
            let counted = try zip(results[5], unread).filter { row, _ in try row.decode("is_counted") }.map(\.1)
            await cache.remember(counted, of: user)
            return Answer(
                Bootstrap(
                    user: try CurrentUser(row: account), sessionID: principal.sessionID,
                    workspaces: try results[1].map(Workspace.init(row:)),
                    channels: try results[2].map(Channel.init(row:)),
                    calls: try results[3].map { try ChannelCall(row: $0, channel: try $0.decode("channel_id")) },
                    rings: try results[6].map(CallRing.init(row:)), unread: unread,
                    cursors: try results[4].map { try $0.cursor() }))
        }
    }

    /// The channels to ask Redis about. The snapshot is of later: what it finds that is not among them it counts.
    private func channels(of user: UserID) async throws -> [ChannelID] {
        try await services.database.execute(
            Statement("SELECT channel_id FROM channel_members WHERE user_id = $1", user)
        ).map { try $0.decode("channel_id") }
    }
}
