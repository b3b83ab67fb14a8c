import Contracts
import RoostClient
import TestSupport
import Testing

/// People who write without a pause while something happens to a stack, and devices that read, all through nginx.
actor SteadyLoad {
    private let stack: Stack
    private let team: Team
    private var devices: [(api: RoostAPI, keeper: ReplicaKeeper, running: Task<Void, Never>)] = []
    private var writers: [Task<[Message], any Error>] = []

    /// Two people write in `general`, one message each every 20 ms or so; every third device is the first writer's own.
    init(on stack: Stack, devices count: Int) async throws {
        self.stack = stack
        team = try await Team.make(of: 3, on: stack)
        try await addDevices(count)
        for person in team.people.prefix(2) {
            let (api, channel) = (try api(of: person), team.general)
            writers.append(
                Task {
                    var sent: [Message] = []
                    while !Task.isCancelled {
                        let name = "\(person.username)-\(sent.count)"
                        // One call: whatever repeats it, it does so inside, with the message's key.
                        let request = SendMessageRequest(content: name, idempotencyKey: name)
                        let sending = Task { try await api.call(Endpoints.sendMessage, path: [channel], body: request) }
                        sent.append(try await sending.value)
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                    return sent
                })
        }
    }

    private func api(of person: TestUser) throws -> RoostAPI {
        guard let address = ServerAddress(stack.url) else { throw Timeout("\(stack.url) is no address") }
        return RoostAPI(
            addresses: [address], credentials: Credentials(person.signedIn, api: RoostAPI(addresses: [address])))
    }

    /// Connects more devices; returns when all are current.
    func addDevices(_ count: Int) async throws {
        for index in 0..<count {
            let api = try api(of: team.people[index % 3])
            let keeper = try await ReplicaKeeper(api: api, gateways: api.addresses)
            devices.append((api, keeper, Task { await keeper.run() }))
        }
        for device in devices {
            try await eventually("a device is current", within: .seconds(10)) {
                await device.keeper.isSettled ? true : nil
            }
        }
    }

    /// Waits until the newest message has come to every device: what was sent so far is delivered.
    func waitForDelivery(within limit: Duration = .seconds(10)) async throws {
        let api = try api(of: team.owner)
        let head = try await eventually("a message", within: limit) {
            try await api.call(Endpoints.listMessages, path: [team.general]).messages.last?.seq
        }
        for device in devices {
            do {
                try await eventually("message \(head) at every device", within: limit) {
                    await device.keeper.client.cursors.contains {
                        $0.stream == .channel(team.general) && $0.seq >= head
                    }
                        ? true : nil
                }
            } catch let timeout as Timeout {
                let keeper = device.keeper
                let seq = await keeper.client.cursors.first { $0.stream == .channel(team.general) }?.seq
                throw Timeout(
                    "\(timeout): one is at \(seq.map { "\($0)" } ?? "none"), settled: \(await keeper.isSettled), "
                        + "\(await keeper.interruptionCount) interruptions, current \(await keeper.currentCount) times")
            }
        }
    }

    /// Ends the writers and checks what must be true: no call has failed, every message that was answered is at every
    /// device, once and in order, and every replica equals a fresh snapshot.
    /// - Returns: of each device, how often it was without a connection, and how often it became current.
    func finish() async throws -> [(interruptions: Int, currents: Int)] {
        for writer in writers { writer.cancel() }
        var answered: [Message] = []
        for writer in writers { answered += try await writer.value }
        #expect(answered.count > 20, "there was no load")
        try await waitForDelivery()
        let fresh = try await ReplicaLoader(api: try api(of: team.people[2])).fresh()
        let stored = try #require(fresh.channels[team.general]?.messages)
        #expect(stored == Dictionary(uniqueKeysWithValues: answered.map { ($0.id, $0) }))
        var results: [(Int, Int)] = []
        for device in devices {
            let own = try await ReplicaLoader(api: device.api).fresh()
            #expect(await device.keeper.replica.differences(from: own) == [])
            #expect(await device.keeper.violations == [])
            #expect(await device.keeper.resetCount == 0)
            results.append((await device.keeper.interruptionCount, await device.keeper.currentCount))
            await device.keeper.client.stop()
            await device.running.value
        }
        return results
    }
}
