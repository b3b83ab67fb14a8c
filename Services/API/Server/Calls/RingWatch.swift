import Contracts
import Logging

/// Ends what has rung for as long as it may. Every API instance watches: what one has ended the others find ended.
package struct RingWatch: Sendable {
    private let store: RingStore
    private let publisher: EventPublisher
    private let logger: Logger

    package init(services: APIServices) {
        store = RingStore(database: services.database)
        publisher = services.publisher
        logger = services.logger
    }

    /// Looks until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Limits.ringSweepInterval) } catch { return }
            do {
                await publisher.publish(at: try await store.endOverdue())
            } catch {
                logger.warning("rings not watched", metadata: ["error": "\(error)"])
            }
        }
    }
}
