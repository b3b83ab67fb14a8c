import Contracts
import NIOCore
import RedisBus
import Testing

@Suite("Names, addresses and pauses")
struct NameTests {
    @Test(
        "The slot is that of Redis Cluster, with its rule of hash tags",
        arguments: [
            ("123456789", 0x31C3), ("foo", 12182), ("{user1000}.following", 3443), ("{user1000}.followers", 3443),
            ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061), ("bar", 5061),
        ])
    func slot(name: String, slot: Int) {
        #expect(redisSlot(of: name) == UInt16(slot))
    }

    @Test("The keys and the topic of one entity share a slot")
    func sharedSlots() {
        let (user, channel, other) = (UserID.random(), ChannelID.random(), ChannelID.random())
        #expect(RedisKey.messageRate(user, channel).slot == RedisKey.messageMute(user, other).slot)
        #expect(Topic.stream(.channel(channel)).slot == redisSlot(of: "tail:{\(channel)}"))
    }

    @Test("Every script of the module touches keys of one slot, and only those it is given")
    func scripts() {
        let scripts = RegistryScript.all(for: InstanceAddress(kind: .api, id: .random()))
        #expect(!scripts.isEmpty)
        for (script, keys) in scripts {
            #expect(Set(keys.map(\.slot)).count == 1)
            for call in script.source.components(after: "redis.call(") where !call.hasPrefix("'TIME')") {
                #expect(call.drop { $0 != "," }.hasPrefix(", KEYS["), "a literal key: \(call.prefix(40))")
            }
        }
    }

    @Test("A script is named by the SHA-1 of its source")
    func digest() {
        #expect(RedisScript("return 1").digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    }

    @Test("A URL names endpoint, user, password and database")
    func url() throws {
        let plain = try RedisConfiguration(url: "redis://localhost")
        #expect(plain.endpoint == .tcp(host: "localhost", port: 6379))
        #expect(plain.password == nil && plain.database == 0 && !plain.usesTLS)

        let full = try RedisConfiguration(url: "rediss://roost:p%40ss%3A@[::1]:7000/3?ca=/etc/ca.pem")
        #expect(full.endpoint == .tcp(host: "::1", port: 7000))
        #expect(full.user == "roost" && full.password == "p@ss:" && full.database == 3 && full.usesTLS)
        #expect(full.trustedCertificates == "/etc/ca.pem")
        #expect("\(full)" == "rediss://::1:7000/3")

        let unix = try RedisConfiguration(url: "redis+unix://:secret@/run/redis.sock?db=2")
        #expect(unix.endpoint == .unix(path: "/run/redis.sock"))
        #expect(unix.user == nil && unix.password == "secret" && unix.database == 2)
    }

    @Test(
        "A URL that is not one of Redis is refused",
        arguments: [
            "localhost:6379", "http://localhost", "redis://", "redis://host:0", "redis://host:70000", "redis://host/x",
            "redis://host/-1", "redis://user@host", "redis://:%4@host", "redis+unix://relative", "redis://host?x=1",
        ])
    func badURL(url: String) {
        #expect(throws: RedisConfiguration.Malformed.self) { try RedisConfiguration(url: url) }
    }

    @Test("Pauses double up to their bound, shortened by at most a half")
    func backoff() {
        var random = SystemRandomNumberGenerator()
        var backoff = Backoff(.milliseconds(50)...(.seconds(1)))
        for step in [50, 100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.next(using: &random)
            #expect(pause >= .milliseconds(step) / 2 && pause <= .milliseconds(step))
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= .milliseconds(50))
    }
}

@Suite("Pending commands")
struct PendingCommandsTests {
    let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var pending = PendingCommands<String>(maximumCount: 4, maximumByteCount: 100)

    @Test("Replies go to the callers in order, those of a pipeline together")
    mutating func order() {
        #expect(pending.append("a", commandCount: 1, byteCount: 10, deadline: start) == true)
        #expect(pending.append("b", commandCount: 2, byteCount: 10, deadline: start) == true)
        #expect("\(pending.receive(.integer(1)))" == "\(PendingCommands<String>.Received.one("a", .integer(1)))")
        #expect("\(pending.receive(.integer(2)))" == "incomplete")
        let both = PendingCommands<String>.Received.all("b", [.integer(2), .integer(3)])
        #expect("\(pending.receive(.integer(3)))" == "\(both)")
        #expect("\(pending.receive(.integer(4)))" == "unexpected")
        #expect(pending.commandCount == 0 && pending.byteCount == 0)
    }

    @Test("The late reply of a command that timed out is dropped and the order holds")
    mutating func lateReply() {
        #expect(pending.append("a", commandCount: 1, byteCount: 1, deadline: start) == true)
        #expect(pending.append("b", commandCount: 1, byteCount: 1, deadline: start + .seconds(1)) == true)
        #expect(pending.nextDeadline == start)
        #expect(pending.expire(now: start) == ["a"])
        #expect(pending.expire(now: start).isEmpty)
        #expect(pending.nextDeadline == start + .seconds(1) && pending.oldestDeadline == start)
        #expect("\(pending.receive(.integer(1)))" == "dropped")
        #expect("\(pending.receive(.integer(2)))" == "\(PendingCommands<String>.Received.one("b", .integer(2)))")
        #expect(pending.nextDeadline == nil)
    }

    @Test("What crosses a bound is not taken")
    mutating func bounds() {
        #expect(pending.append("a", commandCount: 5, byteCount: 1, deadline: start) == false)
        #expect(pending.append("a", commandCount: 1, byteCount: 101, deadline: start) == false)
        #expect(pending.append("a", commandCount: 4, byteCount: 100, deadline: start) == true)
        #expect(pending.append("b", commandCount: 1, byteCount: 0, deadline: start) == false)
        #expect(pending.removeAll() == ["a"])
        #expect(pending.append("b", commandCount: 4, byteCount: 100, deadline: start) == true)
    }
}

@Suite("Topic table")
struct TopicTableTests {
    var table = TopicTable<String>()
    let topic = randomTopic()

    func commands(_ table: inout TopicTable<String>) -> [String] {
        table.takeCommands(maximumCount: 2).map { ($0.isSubscribing ? "+" : "-") + $0.topics.joined(separator: ",") }
    }

    @Test("The first receiver subscribes and the last one leaving unsubscribes")
    mutating func references() {
        table.connect()
        let first = table.add("a", to: topic)
        #expect(!first.isConfirmed)
        #expect(commands(&table) == ["+\(topic.name)"])
        #expect(table.confirm(topic.name) == [first.id])
        let second = table.add("b", to: topic)
        #expect(second.isConfirmed)
        #expect(table.receivers(of: topic.name)?.receivers.map(\.receiver) == ["a", "b"])
        table.remove(first.id, from: topic)
        table.remove(first.id, from: topic)
        #expect(commands(&table).isEmpty)
        table.remove(second.id, from: topic)
        #expect(commands(&table) == ["-\(topic.name)"])
        #expect(table.count == 0)
    }

    @Test("Left and taken again before any confirmation, only the last confirmation counts")
    mutating func race() {
        table.connect()
        let first = table.add("a", to: topic)
        table.remove(first.id, from: topic)
        let second = table.add("b", to: topic)
        #expect(commands(&table) == ["+\(topic.name)", "-\(topic.name)", "+\(topic.name)"])
        #expect(table.confirm(topic.name).isEmpty)
        #expect(!table.add("c", to: topic).isConfirmed)
        #expect(table.confirm(topic.name).contains(second.id))
        #expect(table.receivers(of: topic.name)?.receivers.map(\.receiver) == ["b", "c"])
    }

    @Test("A new connection is told all topics that still have receivers, in chunks")
    mutating func reconnect() {
        table.connect()
        let left = randomTopic()
        table.remove(table.add("gone", to: left).id, from: left)
        let topics = (0..<5).map { _ in randomTopic() }
        for topic in topics { _ = table.add("a", to: topic) }
        table.disconnect()
        #expect(commands(&table).isEmpty)
        table.connect()
        let told = table.takeCommands(maximumCount: 2)
        #expect(told.map(\.topics.count) == [2, 2, 1])
        #expect(Set(told.flatMap(\.topics)) == Set(topics.map(\.name)))
        #expect(table.count == 5)
    }
}

@Suite("Requests without sockets")
struct RequestMachineTests {
    @Test("An answer resumes the waiter, is kept for the next wait, or is late")
    func table() {
        var table = RequestTable<String>(maximumCount: 1)
        let (id, other) = (RequestID.random(), RequestID.random())
        let answer = BusAnswer.reply(ByteBuffer(string: "x"))
        #expect(table.open(id) == true)
        #expect(table.open(other) == false)
        #expect("\(table.receive(answer, for: other))" == "late")
        #expect("\(table.receive(answer, for: id))" == "kept")
        #expect("\(table.wait(for: id, "w"))" == "\(RequestTable<String>.Wait.answered(answer))")
        #expect("\(table.wait(for: id, "w"))" == "waiting")
        #expect("\(table.receive(answer, for: id))" == "\(RequestTable<String>.Received.resume("w"))")
        #expect("\(table.wait(for: id, "w"))" == "waiting")
        #expect(table.stopWaiting(for: id) == "w")
        #expect(table.stopWaiting(for: id) == nil)
        #expect(table.cancel(id) == nil)
        #expect("\(table.wait(for: id, "w"))" == "over")
        table.close(id)
        #expect("\(table.receive(answer, for: id))" == "late")
        #expect(table.open(other) == true)
    }

    @Test("Dead instances are passed over, busy ones too, silent ones are not waited for alone")
    func plan() throws {
        var random = SystemRandomNumberGenerator()
        let live = (0..<4).map { _ in InstanceAddress(kind: .api, id: .random()) }
        var plan = RequestPlan()
        var met: Set<InstanceAddress> = []
        func target() -> InstanceAddress? {
            guard case .ask(let instance) = plan.next(among: live, using: &random) else { return nil }
            #expect(met.insert(instance).inserted, "asked twice")
            return instance
        }
        let dead = try #require(target())
        plan.found(dead: dead)
        let busy = try #require(target())
        plan.asked(busy)
        #expect(plan.next(among: live, using: &random) == .wait(Limits.busRequestPatience))
        plan.refused(BusFailure(.unavailable, "busy"))
        let silent = try #require(target())
        plan.asked(silent)
        plan.becameImpatient()
        let last = try #require(target())
        plan.asked(last)
        #expect(plan.next(among: live, using: &random) == .wait(Limits.busRequestPatience * 2))
        plan.becameImpatient()
        guard case .ask(let again) = plan.next(among: live, using: &random) else {
            Issue.record("an instance is asked again when all are silent")
            return
        }
        #expect(again != dead)
    }

    @Test("When all are busy it gives up, when nobody lives it looks again")
    func ends() {
        var random = SystemRandomNumberGenerator()
        let only = InstanceAddress(kind: .api, id: .random())
        var plan = RequestPlan()
        #expect(plan.next(among: [], using: &random) == .pause(Limits.busInstanceRetry))
        plan.found(dead: only)
        #expect(plan.next(among: [only], using: &random) == .pause(Limits.busInstanceRetry))
        plan.paused()
        #expect(plan.next(among: [only], using: &random) == .ask(only))
        plan.asked(only)
        let failure = BusFailure(.unavailable, "busy")
        plan.refused(failure)
        #expect(plan.next(among: [only], using: &random) == .giveUp(failure))
    }
}

extension String {
    /// The texts behind each occurrence of a mark.
    fileprivate func components(after mark: String) -> [Substring] {
        ranges(of: mark).map { self[$0.upperBound...] }
    }
}
