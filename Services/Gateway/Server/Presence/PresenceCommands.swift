import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus
import ServiceKit

/// The commands of presence and what Redis answers them.
enum PresenceCommands {
    /// How one write of a gateway's user looks in Redis.
    static func write(_ write: PresenceRoster.Write, gateway: InstanceID, life: Duration) -> RedisCommand {
        let statement = write.isNewStatement ? -1 : write.statement.version
        var arguments: [RedisArgument] = [
            .milliseconds(life), .text(write.workspaces.map(\.description).joined(separator: " ")),
            .integer(statement), .text(write.statement.status), "",
        ]
        for (connection, state) in write.states {
            arguments += [.text("\(gateway):\(connection)"), .text(state.rawValue)]
        }
        for connection in write.removals { arguments += [.text("\(gateway):\(connection)"), ""] }
        return .evaluate(PresenceScripts.write, keys: [.presence(write.user)], arguments: arguments)
    }

    /// Removes whatever a gateway said of a user.
    static func remove(_ user: UserID, of gateway: InstanceID, life: Duration) -> RedisCommand {
        .evaluate(
            PresenceScripts.write, keys: [.presence(user)],
            arguments: [.milliseconds(life), "-", 0, "", .text("\(gateway):")])
    }

    static func read(_ person: PresenceWatchers.Person) -> RedisCommand {
        .evaluate(
            PresenceScripts.read, keys: [.presence(person.user)], arguments: [.text(person.workspace.description)])
    }

    /// What a write answered; `nil` if Redis refused it.
    static func written(_ reply: RedisValue) -> Written? {
        guard let parts = reply.array, parts.count == 3, let workspaces = parts[2].text else { return nil }
        return Written(
            before: fields(parts[0]), after: fields(parts[1]),
            workspaces: Set(workspaces.split(separator: " ").compactMap { WorkspaceID($0) }))
    }

    struct Written {
        let before: [PresenceField]
        let after: [PresenceField]
        let workspaces: Set<WorkspaceID>
    }

    /// The fields in an answer; values that are none are left out.
    static func fields(_ reply: RedisValue) -> [PresenceField] {
        (reply.array ?? []).compactMap { $0.text.flatMap(PresenceField.init(text:)) }
    }

    /// Tells gateways of changes.
    static func publish(_ chunks: [PresenceBatch.Chunk]) throws -> [RedisCommand] {
        try chunks.map { chunk in
            let states = PresenceStates(users: chunk.people.map { UserPresence($0.user, $0.presence) })
            return RedisCommand(
                "SPUBLISH", .topic(.presence(chunk.workspace)), .bytes(ByteBuffer(bytes: try WireJSON.encode(states))))
        }
    }
}

extension UserPresence {
    /// The state of a person for the wire. A status that cannot be read, which no gateway writes, is left out.
    init(_ user: UserID, _ presence: PresenceAggregate) {
        let status =
            presence.status.isEmpty ? nil : try? WireJSON.decode(PresenceStatus.self, from: presence.status.utf8)
        self.init(userID: user, state: presence.state, status: status)
    }

    /// The other way. The JSON of a status is written with sorted keys, so equal statuses have equal texts.
    func aggregate() throws -> PresenceAggregate {
        PresenceAggregate(state: state, status: try status.map(presenceStatusText) ?? "")
    }
}

/// A status as it is kept in Redis.
func presenceStatusText(_ status: PresenceStatus) throws -> String {
    String(decoding: try WireJSON.encode(status), as: UTF8.self)
}

extension PresenceStatus {
    /// The status within its bounds, counted in Unicode scalars: a longer text is cut, an emoji that is none is left out.
    var bounded: PresenceStatus {
        let isEmoji = emoji.map { Limits.statusEmojiCount.contains($0.unicodeScalars.count) } ?? false
        let text = String(String.UnicodeScalarView(text.unicodeScalars.prefix(Limits.statusTextCount.upperBound)))
        return PresenceStatus(emoji: isEmoji ? emoji : nil, text: text)
    }
}

extension RedisBus {
    /// Sends a pipeline and continues on the bus's event loop, in a later turn.
    func send(
        pipeline commands: [RedisCommand],
        then receive: @escaping @Sendable (Result<[RedisValue], RedisError>) -> Void
    ) {
        Task { [self] in
            let result: Result<[RedisValue], RedisError>
            do throws(RedisError) {
                result = .success(try await send(pipeline: commands))
            } catch {
                result = .failure(error)
            }
            eventLoop.execute { receive(result) }
        }
    }
}
