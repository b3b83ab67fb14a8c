import Contracts
import GatewayDomain
import Testing

@Suite("What a gateway says of its users")
struct PresenceRosterTests {
    let user: UserID = testID(1)
    let phone: ConnectionID = testID(2)
    let laptop: ConnectionID = testID(3)
    let here: WorkspaceID = testID(4)
    let there: WorkspaceID = testID(5)
    let online = PresenceField(state: .online, statement: .none)

    private func fields(_ write: PresenceRoster.Write) -> [PresenceField] {
        write.states.values.map { PresenceField(state: $0, statement: write.statement) }
    }

    @Test("Connections of a user that come together are one write, and the change is for all their workspaces")
    func connect() throws {
        var roster = PresenceRoster(ticksPerBeat: 25)
        roster.connect(phone, user: user, workspaces: [here])
        roster.connect(laptop, user: user, workspaces: [here, there])
        roster.update(laptop, state: .busy, status: "{}")
        let writes = roster.takeWrites(maximumCount: 10)
        let write = try #require(writes.first)
        #expect(writes.count == 1 && !roster.isWriteDue)
        #expect(write.states == [phone: .online, laptop: .busy])
        #expect(write.isNewStatement && write.isFirst && !write.isQuiet)
        let after = [PresenceField(state: .busy, statement: PresenceStatement(version: 9, status: "{}"))]
        let outcome = roster.finish(write, before: [], after: after)
        let busy = PresenceAggregate(state: .busy, status: "{}")
        #expect(outcome.changes == [PresenceChange(user, from: .offline, to: busy, in: [here, there])])

        // The next write tells the statement as Redis knows it.
        for _ in 0..<25 { roster.tick() }
        let again = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        #expect(again.statement == PresenceStatement(version: 9, status: "{}"))
        #expect(!again.isNewStatement && !again.isFirst)
        check(roster.finish(again, before: after, after: after).changes.isEmpty)
    }

    @Test("T8: a closed connection counts until its grace ends; then its field is removed and the user forgotten")
    func grace() throws {
        var roster = PresenceRoster(ticksPerBeat: 25)
        roster.connect(phone, user: user, workspaces: [here])
        let first = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        _ = roster.finish(first, before: [], after: [online])
        check(roster.close(phone))
        check(!roster.close(phone), "it was closed before")
        #expect(!roster.isWriteDue)
        roster.update(phone, state: .busy, status: "")
        #expect(!roster.isWriteDue, "a closed connection says nothing any more")
        for _ in 0..<25 { roster.tick() }
        let beat = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        #expect(beat.states == [phone: .online])
        _ = roster.finish(beat, before: [online], after: [online])
        roster.endGrace(of: phone)
        let last = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        #expect(last.states.isEmpty && last.removals == [phone])
        let outcome = roster.finish(last, before: [online], after: [])
        #expect(outcome.isGone && outcome.changes.map(\.after) == [.offline])
        #expect(roster.userCount == 0)
    }

    @Test("What failed is due again with all that came since, and a newer statement wins")
    func failure() throws {
        var roster = PresenceRoster(ticksPerBeat: 25)
        roster.connect(phone, user: user, workspaces: [here])
        roster.update(phone, state: .online, status: "old")
        let failed = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        roster.fail(failed)
        let repeated = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        #expect(repeated.isNewStatement && repeated.statement.status == "old")
        roster.update(phone, state: .idle, status: "new")
        roster.fail(repeated)
        let newer = roster.takeWrites(maximumCount: 10)
        #expect(newer.count == 1)
        #expect(newer.first?.statement.status == "new" && newer.first?.states == [phone: .idle])
    }

    @Test("O5: what is announced anew because Redis forgot it is no change; what happens later is one")
    func quiet() throws {
        var roster = PresenceRoster(ticksPerBeat: 25)
        roster.connect(phone, user: user, workspaces: [here])
        let first = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        _ = roster.finish(first, before: [], after: [online])
        roster.hush()
        roster.announceAll()
        let anew = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        #expect(anew.isQuiet && anew.isFirst)
        check(roster.finish(anew, before: [], after: [online]).changes.isEmpty)
        roster.announceAll()
        let loud = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        check(roster.finish(loud, before: [], after: [online]).changes.map(\.after.state) == [.online])
    }

    @Test("In a workspace that the user joins it appears, from one that it leaves it goes")
    func access() throws {
        var roster = PresenceRoster(ticksPerBeat: 25)
        roster.connect(phone, user: user, workspaces: [here])
        let first = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        _ = roster.finish(first, before: [], after: [online])
        roster.accessChanged(phone, workspaces: [here])
        #expect(!roster.isWriteDue, "nothing changed")
        roster.accessChanged(phone, workspaces: [there])
        #expect(roster.workspaces(of: phone) == [there])
        let write = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        let seen = PresenceAggregate(state: .online, status: "")
        let changes = roster.finish(write, before: [online], after: [online]).changes
        #expect(
            Set(changes) == [
                PresenceChange(user, from: .offline, to: seen, in: [there]),
                PresenceChange(user, from: seen, to: .offline, in: [here]),
            ])
    }

    @Test("A user who comes back while the last write is under way is written again, once")
    func comeBack() throws {
        var roster = PresenceRoster(ticksPerBeat: 1)
        roster.connect(phone, user: user, workspaces: [here])
        let first = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        _ = roster.finish(first, before: [], after: [online])
        _ = roster.close(phone)
        roster.endGrace(of: phone)
        let removal = try unwrapped(roster.takeWrites(maximumCount: 10).first)
        roster.tick()
        check(roster.finish(removal, before: [online], after: []).isGone)
        roster.connect(laptop, user: user, workspaces: [here])
        let writes = roster.takeWrites(maximumCount: 10) + roster.takeWrites(maximumCount: 10)
        #expect(writes.map(\.states) == [[laptop: .online]])
        #expect(writes.first?.isFirst == true)
    }
}
