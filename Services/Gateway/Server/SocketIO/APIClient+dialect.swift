import Contracts
import NIOCore
import RedisBus
import ServiceKit

/// What the Socket.IO dialect asks API instances: its clients have no HTTP.
extension APIClient {
    func send(_ request: BusSendRequest) async throws -> BusSendReply { try await ask(.sendMessage, request) }

    func history(_ request: HistoryRequest) async throws -> HistoryReply { try await ask(.history, request) }

    func people(_ request: PeopleRequest) async throws -> PeopleReply { try await ask(.people, request) }

    func roster(_ request: RosterRequest) async throws -> RosterReply { try await ask(.roster, request) }

    func markRead(_ request: BusReadRequest) async throws -> ChannelUnread { try await ask(.markRead, request) }

    private func ask<Reply: WireObject>(_ kind: BusRequestKind, _ request: some WireObject) async throws -> Reply {
        let body = try await bus.request(kind, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        return try WireJSON.decode(Reply.self, from: body.readableBytesView)
    }
}
