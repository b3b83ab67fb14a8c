import APIDomain
import Contracts

/// Mark as read, mark as unread, and read what is unread.
struct UnreadRoutes: Sendable {
    let services: APIServices

    private var store: UnreadStore { UnreadStore(database: services.database) }

    func add(to routes: RouteTable) {
        routes.on(Endpoints.markRead) { call, principal in
            let seq = try Checks.streamSequence(call.body.seq, from: 0)
            let channel: ChannelID = try call.id("channelID")
            return try await answer(
                try await store.markRead(seq, by: principal.userID, in: channel), principal, channel)
        }
        routes.on(Endpoints.markUnread) { call, principal in
            let seq = try Checks.streamSequence(call.body.seq, from: 1)
            let channel: ChannelID = try call.id("channelID")
            return try await answer(
                try await store.markUnread(from: seq, by: principal.userID, in: channel), principal, channel)
        }
        routes.on(Endpoints.readUnread) { call, principal in
            let channel: ChannelID = try call.id("channelID")
            guard let unread = try await store.read(of: principal.userID, in: channel) else {
                throw try await refusal(principal, channel)
            }
            return Answer(unread)
        }
    }

    /// Tells the user's devices before the answer, if there is something to tell.
    private func answer(
        _ marked: UnreadStore.Marked?, _ principal: Principal, _ channel: ChannelID
    ) async throws -> Answer<ChannelUnread> {
        guard let marked else { throw try await refusal(principal, channel) }
        if let event = marked.event { await services.publisher.publish([event]) }
        return Answer(marked.unread)
    }

    /// Why somebody who is not in the channel has no position in it: there is none, or it can be joined.
    private func refusal(_ principal: Principal, _ channel: ChannelID) async throws -> APIError {
        _ = try await SpaceAccess(database: services.database).joinedChannel(channel, for: principal)
        return .notFound("channel")
    }
}
