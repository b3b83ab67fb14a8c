import Contracts
import Logging
import Postgres

/// Removes the files of deleted messages, and those that no message has after a day. Every API instance sweeps; what one
/// has begun and not finished, another does.
package struct FileSweeper: Sendable {
    private let store: FileStore
    private let storage: FileStorage
    private let logger: Logger

    package init(services: APIServices) {
        self.init(database: services.database, storage: services.files, logger: services.logger)
    }

    init(database: PostgresPool, storage: FileStorage, logger: Logger) {
        store = FileStore(database: database)
        self.storage = storage
        self.logger = logger
    }

    /// Makes the folder, then sweeps until the task is cancelled.
    package func run() async {
        do {
            try await storage.prepare()
        } catch {
            logger.error(
                "the folder for files cannot be written; see ROOST_API_FILES",
                metadata: ["folder": "\(storage.root)", "error": "\(error)"])
        }
        while !Task.isCancelled {
            await sweep()
            do { try await Task.sleep(for: Limits.fileSweepInterval) } catch { return }
        }
    }

    /// Removes what is due now. What cannot be removed stays for the next time.
    func sweep() async {
        do {
            var left = Limits.fileSweepCount
            while left == Limits.fileSweepCount, !Task.isCancelled {
                let files = try await store.takeToRemove()
                left = files.count
                for file in files { try await storage.remove(file) }
                try await store.forget(files)
            }
        } catch {
            logger.warning("files not swept", metadata: ["error": "\(error)"])
        }
    }
}
