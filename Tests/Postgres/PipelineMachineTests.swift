import Postgres
import Testing

@Suite struct PipelineMachineTests {
    typealias Machine = PipelineMachine<String, Int>
    let a = StatementKey(address: 1)
    let b = StatementKey(address: 2)
    let broken = ServerError(sqlState: "42P01", message: "no such table")

    func commands(_ machine: inout Machine, _ payload: String, _ keys: [StatementKey]) -> [PipelineCommand] {
        var commands: [PipelineCommand] = []
        machine.send(payload, keys: keys, commands: &commands)
        return commands
    }

    /// What was delivered, as text, so that tables stay readable.
    func feed(_ machine: inout Machine, _ replies: [PipelineReply<Int>]) -> [String] {
        replies.compactMap { reply in
            switch machine.receive(reply) {
            case .none: nil
            case .desynchronized: "desynchronized"
            case .deliver(let payload, .success(let outputs)): "\(payload) \(outputs)"
            case .deliver(let payload, .failure(let error)):
                "\(payload) \(error.sqlState) at \(error.statementIndex.map { "\($0)" } ?? "commit")"
            }
        }
    }

    @Test("A statement is prepared once, first in its batch, and another batch runs unnamed until that is confirmed")
    func preparing() {
        var machine = Machine(nameLimit: 8)
        #expect(
            commands(&machine, "1", [a, b, a]) == [
                .prepare(statement: 0, name: "s0"), .prepare(statement: 1, name: "s1"),
                .execute(statement: 0, name: "s0"), .execute(statement: 1, name: "s1"),
                .execute(statement: 2, name: "s0"),
            ])
        #expect(commands(&machine, "2", [a]) == [.executeUnnamed(statement: 0)])
        let replies: [PipelineReply<Int>] = [0, 0, 10, 11, 12].map { .success($0) } + [.synchronized]
        #expect(feed(&machine, replies + [.success(20), .synchronized]) == ["1 [10, 11, 12]", "2 [20]"])
        #expect(commands(&machine, "3", [b]) == [.execute(statement: 0, name: "s1")])
    }

    @Test("An error reaches the batch that caused it and no other")
    func errors() {
        var machine = Machine(nameLimit: 8)
        _ = commands(&machine, "1", [a])
        _ = commands(&machine, "2", [b, b])
        _ = commands(&machine, "3", [a])
        let delivered = feed(
            &machine,
            [.success(0), .success(1), .synchronized] + [.success(0), .success(5), .failure(broken), .synchronized]
                + [.success(9), .synchronized])
        #expect(delivered == ["1 [1]", "2 42P01 at 1", "3 [9]"])
    }

    @Test("A statement whose Parse failed or was skipped is prepared again by the next batch")
    func failedPrepare() {
        var machine = Machine(nameLimit: 2)
        _ = commands(&machine, "1", [a, b])
        let replies: [PipelineReply<Int>] = [.failure(broken), .aborted, .aborted, .aborted, .synchronized]
        #expect(feed(&machine, replies) == ["1 42P01 at 0"])
        let prepares = commands(&machine, "2", [a, b]).prefix(2)
        #expect(prepares == [.prepare(statement: 0, name: "s2"), .prepare(statement: 1, name: "s3")])
    }

    @Test("A failed commit fails the batch, though each of its statements succeeded")
    func commit() {
        var machine = Machine(nameLimit: 8)
        _ = commands(&machine, "1", [a])
        #expect(feed(&machine, [.success(0), .success(1), .failure(broken), .synchronized]) == ["1 42P01 at commit"])
    }

    @Test("Beyond the limit statements run unnamed, and a name that went stale keeps counting")
    func limit() {
        var machine = Machine(nameLimit: 1)
        _ = commands(&machine, "1", [a])
        _ = feed(&machine, [.success(0), .success(1), .synchronized])
        #expect(commands(&machine, "2", [b]) == [.executeUnnamed(statement: 0)])
        _ = feed(&machine, [.success(1), .synchronized])
        _ = commands(&machine, "3", [a])
        _ = feed(&machine, [.failure(ServerError(sqlState: "0A000", message: "cached plan")), .synchronized])
        #expect(commands(&machine, "4", [a]) == [.executeUnnamed(statement: 0)])
    }

    @Test("Answers that nobody asked for, or too few of them, close the connection")
    func desynchronized() {
        var machine = Machine(nameLimit: 8)
        #expect(feed(&machine, [.synchronized]) == ["desynchronized"])
        _ = commands(&machine, "1", [a])
        #expect(feed(&machine, [.success(0), .synchronized]) == ["desynchronized"])
    }

    @Test("A lost connection gives back every batch in order")
    func loss() {
        var machine = Machine(nameLimit: 8)
        for name in ["1", "2", "3"] { _ = commands(&machine, name, [a]) }
        #expect(machine.loseAll() == ["1", "2", "3"])
        #expect(machine.isEmpty)
    }
}
