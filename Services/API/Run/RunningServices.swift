import APIServer
import Postgres
import ServiceLifecycle

/// Runs the database pool until shutdown.
struct DatabaseService: Service {
    let pool: PostgresPool

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await pool.run()
        } onGracefulShutdown: {
            pool.shutdown()
        }
    }
}

/// Runs the outbox until shutdown.
struct OutboxService: Service {
    let publisher: EventPublisher

    func run() async {
        await cancelWhenGracefulShutdown { await publisher.run() }
    }
}

/// Tells heads until shutdown.
struct HeadsService: Service {
    let publisher: EventPublisher

    func run() async {
        await cancelWhenGracefulShutdown { await publisher.tellHeads() }
    }
}

/// Tells people of mentions until shutdown.
struct MentionService: Service {
    let teller: MentionTeller

    func run() async {
        await cancelWhenGracefulShutdown { await teller.run() }
    }
}

/// Runs the watch over what rings until shutdown.
struct RingWatchService: Service {
    let watch: RingWatch

    func run() async {
        await cancelWhenGracefulShutdown { await watch.run() }
    }
}

/// Removes files that nothing refers to, until shutdown.
struct FileSweepService: Service {
    let sweeper: FileSweeper

    func run() async {
        await cancelWhenGracefulShutdown { await sweeper.run() }
    }
}

/// Runs the watch over calls until shutdown.
struct CallWatchService: Service {
    let watch: CallWatch

    func run() async {
        await cancelWhenGracefulShutdown { await watch.run() }
    }
}
