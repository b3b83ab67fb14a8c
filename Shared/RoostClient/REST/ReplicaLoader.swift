package import Contracts

/// Loads by HTTP what a ``Replica`` asks for.
package struct ReplicaLoader: Sendable {
    package let api: RoostAPI

    package init(api: RoostAPI) { self.api = api }

    /// The state of one stream.
    package func load(_ stream: StreamID) async throws -> StreamSnapshot {
        do {
            switch stream {
            case .user: return .user(try await api.call(Endpoints.bootstrap))
            case .workspace(let id): return try await load(id)
            case .channel(let id): return try await load(id)
            }
        } catch let error as ProblemError where error.code == .notFound || error.code == .forbidden {
            return .gone
        }
    }

    /// A replica that stands at the snapshot: everything loaded, no event applied.
    package func fresh() async throws -> Replica {
        var replica = Replica(try await api.call(Endpoints.bootstrap))
        for request in replica.takeLoads() { replica.receive(try await load(request.stream), for: request) }
        return replica
    }

    private func load(_ workspace: WorkspaceID) async throws -> StreamSnapshot {
        let channels = try await api.call(Endpoints.listChannels, path: [workspace]).channels
        var members: [WorkspaceMember] = []
        var query = ["limit": "\(Limits.pageCount.upperBound)"]
        repeat {
            let page = try await api.call(Endpoints.listWorkspaceMembers, path: [workspace], query: query)
            members += page.members
            query["after"] = page.nextCursor
        } while query["after"] != nil
        return .workspace(members: members, channels: channels)
    }

    private func load(_ id: ChannelID) async throws -> StreamSnapshot {
        let channel = try await api.call(Endpoints.readChannel, path: [id])
        var members: [ChannelMember] = []
        var query = ["limit": "\(Limits.pageCount.upperBound)"]
        repeat {
            let page = try await api.call(Endpoints.listChannelMembers, path: [id], query: query)
            members += page.members
            query["after"] = page.nextCursor
        } while query["after"] != nil
        return .channel(
            channel, members: members, messages: try await messages(of: id),
            call: try await api.call(Endpoints.readCall, path: [id]),
            unread: try await api.call(Endpoints.readUnread, path: [id]))
    }

    /// All messages of a channel, from the newest page back: what comes after the first page was read comes as events.
    package func messages(of channel: ChannelID) async throws -> [Message] {
        var messages: [Message] = []
        var query = ["limit": "\(Limits.pageCount.upperBound)"]
        repeat {
            let page = try await api.call(Endpoints.listMessages, path: [channel], query: query)
            messages += page.messages
            query["before"] = page.before
        } while query["before"] != nil
        return messages
    }
}
