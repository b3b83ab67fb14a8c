import Contracts
import RoostClient
package import TestSupport

/// One round: a plan of faults while people write and devices read; then everything is healed, and when it is quiet
/// every replica, every acknowledged write and every badge is compared with what is in Roost.
package struct Round {
    /// How long after healing everything may take to be quiet.
    package static let quietWithin = Duration.seconds(20)

    package struct Report: Sendable, CustomStringConvertible {
        package let plan: FaultPlan
        package var acknowledged = 0
        package var unknown = 0
        package var messages = 0
        package var quietAfter = Duration.zero
        /// What is not as it must be; empty when all is well.
        package var divergences: [String] = []

        package var description: String {
            let counts = "\(acknowledged) acknowledged, \(unknown) unknown, \(messages) messages"
            let end = divergences.isEmpty ? "equal \(milliseconds(quietAfter)) after healing" : "DIVERGED"
            let lines = ["seed \(plan.seed): \(end); \(counts) [\(plan)]"] + divergences.prefix(10).map { "    " + $0 }
            return lines.joined(separator: "\n")
        }
    }

    private static let personCount = 5
    private static let deviceCount = 6

    private let plan: FaultPlan
    private let world: FaultWorld

    package init(_ plan: FaultPlan, in world: FaultWorld) {
        self.plan = plan
        self.world = world
    }

    /// - Throws: when the stack itself could not be handled; what it did wrong is in the report.
    package func run() async throws -> Report {
        var report = Report(plan: plan)
        let cast = try await Cast(of: Self.personCount, in: world)
        let readers = try await concurrently(0..<Self.deviceCount) { number in
            let gateways = world.gatewayAddresses
            let first = number % gateways.count
            return try await Reader(
                cast.people[number % cast.people.count], number: number,
                gateways: number < 3 ? [gateways[first]] : gateways)
        }
        let writers = try await disturb(cast, readers)
        let oracle = try await settle(readers, &report)
        check(writers, oracle, &report)
        for reader in readers {
            report.divergences += await reader.violations.map { "\(reader.name): \($0)" }
            await reader.end()
        }
        return report
    }

    // MARK: Disturbance

    private func disturb(_ cast: Cast, _ readers: [Reader]) async throws -> [Writer] {
        let end = ContinuousClock.now + plan.duration
        return try await withThrowingTaskGroup(of: Writer?.self) { group in
            for index in 0..<Self.personCount - 1 {
                let random = SeededRandom(seed: plan.seed &* 1_000 &+ UInt64(index))
                var writer = Writer(cast.people[index], in: cast, manages: index == 0, random: random)
                group.addTask {
                    try await writer.run(until: end)
                    return writer
                }
            }
            for (index, reader) in readers.enumerated() where index % 3 == 2 {
                let random = SeededRandom(seed: plan.seed &* 2_000 &+ UInt64(index))
                group.addTask {
                    try await reader.wander(until: end, random)
                    return nil
                }
            }
            group.addTask { [plan, world] in
                try await world.perform(plan)
                try await world.heal()
                return nil
            }
            var writers: [Writer] = []
            for try await writer in group { if let writer { writers.append(writer) } }
            return writers
        }
    }

    // MARK: Comparison

    /// Waits until every device has everything, then compares its replica and its badges with fresh ones. Returns a
    /// fresh replica of the first person, who sees all channels.
    private func settle(_ readers: [Reader], _ report: inout Report) async throws -> Replica? {
        let healed = ContinuousClock.now
        // What is measured is Roost, not how long a client was to wait after its last attempt.
        for reader in readers { await reader.wake() }
        var oracle: Replica?
        for reader in readers {
            let api = reader.api
            while true {
                let snapshot = try await api.call(Endpoints.bootstrap)
                let isOver = ContinuousClock.now - healed > Self.quietWithin
                if let lag = await reader.lag(behind: snapshot.cursors) {
                    if isOver {
                        report.divergences.append("not quiet within \(Self.quietWithin): \(lag)")
                        break
                    }
                    try await Task.sleep(for: .milliseconds(50))
                    continue
                }
                let fresh = try await ReplicaLoader(api: api).fresh()
                let replica = await reader.keeper.replica
                let found =
                    replica.differences(from: fresh).map { "\(reader.name): \($0)" }
                    + badges(snapshot.unread, fresh, reader.name)
                // Something may have changed while it was read, such as a mention that was told late.
                let isStill = try await api.call(Endpoints.bootstrap).cursors == snapshot.cursors
                guard isStill || isOver else { continue }
                report.divergences += found
                if oracle == nil { oracle = fresh }
                break
            }
        }
        report.quietAfter = .now - healed
        return oracle
    }

    /// The server's counts against a recount of the messages it shows.
    private func badges(_ unread: [ChannelUnread], _ fresh: Replica, _ name: String) -> [String] {
        unread.compactMap { badge in
            let (count, mentions) = fresh.unread(in: badge.channelID)
            if (badge.unreadCount, badge.mentionCount) == (count, mentions) { return nil }
            return "badge of \(name) in \(badge.channelID): \(badge.unreadCount) and \(badge.mentionCount) mentions, "
                + "a recount says \(count) and \(mentions)"
        }
    }

    /// Every acknowledged write is there, once, and nothing else is.
    private func check(_ writers: [Writer], _ oracle: Replica?, _ report: inout Report) {
        report.acknowledged = writers.reduce(0) { $0 + $1.acknowledged }
        report.unknown = writers.reduce(0) { $0 + $1.unknown }
        report.divergences += writers.flatMap(\.surprises)
        guard let oracle else { return }
        let messages = oracle.channels.values.flatMap(\.messages.values)
        report.messages = messages.count
        let byKey = Dictionary(grouping: messages, by: \.idempotencyKey)
        for (key, group) in byKey where group.count > 1 {
            report.divergences.append("\(group.count) messages have the key \(key)")
        }
        for written in writers.flatMap(\.written) {
            let message = byKey[written.key]?.first
            if !written.texts.contains(message?.content) {
                let allowed = written.texts.map { $0 ?? "nothing" }.sorted().joined(separator: "” or “")
                report.divergences.append(
                    "\(written.key) must be “\(allowed)”, and is “\(message?.content ?? "nothing")”")
            }
            if let id = written.id, let message, message.id != id {
                report.divergences.append("\(written.key) was answered as \(id), and is \(message.id)")
            }
        }
    }
}
