import APIDomain
import Contracts
import Logging
import RedisBus

/// Ends the calls of media nodes that have died. Every API instance watches: what one has ended the others find ended.
package struct CallWatch: Sendable {
    /// Places that are asked for in one write.
    private static let chunkCount = 1_000

    private let store: CallStore
    private let bus: RedisBus
    private let publisher: EventPublisher
    private let logger: Logger

    package init(services: APIServices) {
        store = CallStore(database: services.database)
        bus = services.bus
        publisher = services.publisher
        logger = services.logger
    }

    /// Looks until the task is cancelled.
    package func run() async {
        var abandoned = AbandonedCalls()
        while !Task.isCancelled {
            do { try await Task.sleep(for: AbandonedCalls.interval) } catch { return }
            do {
                try await look(&abandoned)
            } catch {
                abandoned.reset()
                logger.warning("calls not watched", metadata: ["error": "\(error)"])
            }
        }
    }

    private func look(_ abandoned: inout AbandonedCalls) async throws {
        let open = try await store.open()
        guard bus.isConnected, !open.isEmpty else {
            abandoned.reset()
            return
        }
        let marker = try await bus.send(RedisCommand("GET", .key(.runMarker))).text
        let placed = try await placed(among: open.map(\.channelID))
        for call in abandoned.look(at: open, placed: placed, marker: marker, now: .now) {
            let events = try await store.end(call)
            guard !events.isEmpty else { continue }
            logger.info("ended a call whose media node is gone", metadata: ["channel": "\(call.channelID)"])
            await publisher.publish(at: events)
        }
    }

    /// The channels whose room has a place.
    private func placed(among channels: [ChannelID]) async throws -> Set<ChannelID> {
        var placed: Set<ChannelID> = []
        for start in stride(from: 0, to: channels.count, by: Self.chunkCount) {
            let chunk = channels[start..<min(start + Self.chunkCount, channels.count)]
            let replies = try await bus.send(pipeline: chunk.map { RedisCommand("EXISTS", .key(.mediaRoom($0))) })
            for (channel, reply) in zip(chunk, replies) {
                if case .error(let text) = reply { throw RedisError.refused(text) }
                if reply.integer == 1 { placed.insert(channel) }
            }
        }
        return placed
    }
}
