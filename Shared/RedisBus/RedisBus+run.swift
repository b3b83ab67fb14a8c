import Contracts
import Logging
import NIOCore
import Synchronization

extension RedisBus {
    private enum Part {
        case serving
        case drainIsOver
        case other
    }

    /// The life of the bus: connects, connects again with growing pauses, keeps this process registered and works on
    /// requests of others, until ``shutdown()`` or until the task is cancelled. Then this process leaves the registry, and
    /// after a shutdown requests it has accepted are finished within ``Limits/busDrain``. Run it once.
    /// - Throws: only when the certificates of `rediss` cannot be read.
    package func run() async throws {
        precondition(!hasRun.exchange(true, ordering: .relaxed), "A bus runs once.")
        let connector = try RedisConnector(configuration: configuration, eventLoop: eventLoop)
        onLoop { [self] in $0.subscribeForGood(to: .instance(address)) { [loop] in loop.value.receiveEnvelope($1) } }
        await withTaskGroup(of: Part.self) { group in
            group.addTask {
                await self.keepConnected(connector)
                return .other
            }
            group.addTask {
                await self.keepRegistered()
                return .other
            }
            group.addTask {
                await self.workOnRequests()
                return .serving
            }
            for await _ in lifetime {}
            await leave()
            group.addTask {
                do { try await Task.sleep(for: Limits.busDrain) } catch { return .other }
                return .drainIsOver
            }
            for await part in group where part != .other { break }
            group.cancelAll()
        }
        await withCheckedContinuation { continuation in
            onLoop {
                $0.closeLink("the bus is shut down")
                continuation.resume()
            }
        }
    }

    /// Ends ``run()``. It returns at once.
    package func shutdown() {
        endLifetime.finish()
    }

    /// No new requests: out of the registry first, so that others ask elsewhere.
    private func leave() async {
        hasLeft.store(true, ordering: .sequentiallyConsistent)
        do {
            try await deregister()
        } catch {
            logger.info("The registry entry ends by its lease.", metadata: ["error": "\(error)"])
        }
        onLoop { $0.stopServing() }
    }

    // MARK: Connections

    private func keepConnected(_ connector: RedisConnector) async {
        var backoff = Backoff(Limits.redisBackoff)
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            do {
                let end = try await connect(connector)
                backoff.reset()
                for await _ in end {}
            } catch {
                logger.warning(
                    "Redis cannot be reached.", metadata: ["redis": "\(configuration)", "error": "\(error)"])
            }
            do { try await Task.sleep(for: backoff.next(using: &random)) } catch { return }
        }
    }

    /// Makes a link and restores everything on it.
    /// - Returns: a stream that ends with the link.
    private func connect(_ connector: RedisConnector) async throws -> AsyncStream<Never> {
        let commands = try await connector.connect(name: "\(address):commands", isSubscriber: false)
        let subscriptions: NIOLoopBound<RedisConnection>
        do {
            subscriptions = try await connector.connect(name: "\(address):subscriptions", isSubscriber: true)
        } catch {
            eventLoop.execute { commands.value.close("its sister could not be made") }
            throw error
        }
        let end = await withCheckedContinuation { continuation in
            onLoop {
                continuation.resume(
                    returning: $0.install(commands: commands.value, subscriptions: subscriptions.value))
            }
        }
        do {
            try await pingSubscriptions()
            try await register()
        } catch {
            onLoop { $0.closeLink("it could not be restored: \(error)") }
            throw error
        }
        logger.info("Connected to Redis.", metadata: ["redis": "\(configuration)"])
        onLoop { $0.becomeReady() }
        return end
    }

    /// Returns when all subscriptions sent so far are confirmed.
    private func pingSubscriptions() async throws(RedisError) {
        let result = await withCheckedContinuation { continuation in
            onLoop { $0.pingSubscriptions(.one(continuation)) }
        }
        _ = try result.get()
    }

    // MARK: Registry

    /// Renews the registration each ``Limits/instanceBeat``, and soon after Redis has lost its memory.
    private func keepRegistered() async {
        let interval = Limits.runMarkerInterval
        var sinceBeat = Duration.zero
        while true {
            do { try await Task.sleep(for: interval) } catch { return }
            sinceBeat += interval
            guard isConnected else { continue }
            do {
                let remembers = try await redisRemembers()
                if !remembers {
                    let jitter = Limits.registerJitter * Double.random(in: 0...1)
                    do { try await Task.sleep(for: jitter) } catch { return }
                }
                guard !remembers || sinceBeat >= Limits.instanceBeat else { continue }
                try await pingSubscriptions()
                try await register()
                sinceBeat = .zero
            } catch {
                logger.warning("The registration could not be renewed.", metadata: ["error": "\(error)"])
            }
        }
    }
}
