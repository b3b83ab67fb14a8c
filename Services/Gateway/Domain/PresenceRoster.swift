package import Contracts

/// What one gateway says of its users' presence in Redis, and what is still to be written there. Pure.
///
/// It keeps what should be, not a list of commands: however long Redis is away, one write a user is due, and what failed
/// is due again. Only one batch of writes may be under way at a time, so that the writes of a user keep their order.
package struct PresenceRoster {
    /// One write for one user: all connections of this gateway at once.
    package struct Write: Hashable, Sendable {
        package let user: UserID
        /// Connections that count, those in their grace among them.
        package let states: [ConnectionID: PresenceState]
        /// Connections that count no more.
        package let removals: [ConnectionID]
        /// Whose members see the user.
        package let workspaces: Set<WorkspaceID>
        package let statement: PresenceStatement
        /// The statement is new: Redis gives it a version, later than all others.
        package let isNewStatement: Bool
        /// Redis has lost its memory and is told again what it knew: nobody needs to hear of it.
        package let isQuiet: Bool
        /// The user is not in the gateway's set of users yet.
        package let isFirst: Bool
    }

    /// What a write that was done has shown.
    package struct Outcome: Hashable, Sendable {
        /// What others are to be told.
        package var changes: [PresenceChange] = []
        /// The user has no connection here any more.
        package var isGone = false
    }

    private struct Connection {
        let user: UserID
        var state = PresenceState.online
        var isClosed = false
    }

    private struct Member {
        var connections: Set<ConnectionID> = []
        var removals: Set<ConnectionID> = []
        var workspaces: Set<WorkspaceID>
        var statement = PresenceStatement.none
        /// Said, and not in Redis yet.
        var newStatus: String?
        /// Those that Redis was told; `nil` before the first write.
        var writtenWorkspaces: Set<WorkspaceID>?
        var isQuiet = false
        var isListed = false
        var isDue = false
    }

    private var connections: [ConnectionID: Connection] = [:]
    private var members: [UserID: Member] = [:]
    private var due: [UserID] = []
    private var ring: BeatRing<UserID>

    /// - Parameter ticksPerBeat: how many calls of ``tick()`` make a beat.
    package init(ticksPerBeat: Int) {
        ring = BeatRing(ticks: ticksPerBeat)
    }

    package var userCount: Int { members.count }
    package var isWriteDue: Bool { !due.isEmpty }

    /// The user of a connection that is open or in its grace.
    package func user(of connection: ConnectionID) -> UserID? { connections[connection]?.user }

    /// The workspaces of the user of an open connection.
    package func workspaces(of connection: ConnectionID) -> Set<WorkspaceID> {
        guard let known = connections[connection], !known.isClosed else { return [] }
        return members[known.user]?.workspaces ?? []
    }

    // MARK: Connections

    /// A connection has identified.
    package mutating func connect(_ connection: ConnectionID, user: UserID, workspaces: Set<WorkspaceID>) {
        connections[connection] = Connection(user: user)
        members[user, default: Member(workspaces: workspaces)].workspaces = workspaces
        members[user]?.connections.insert(connection)
        ring.insert(user)
        makeDue(user)
    }

    /// The user of a connection may see other workspaces from now on.
    package mutating func accessChanged(_ connection: ConnectionID, workspaces: Set<WorkspaceID>) {
        guard let user = connections[connection]?.user, members[user]?.workspaces != workspaces else { return }
        members[user]?.workspaces = workspaces
        makeDue(user)
    }

    /// What the device says.
    package mutating func update(_ connection: ConnectionID, state: PresenceState, status: String) {
        guard let known = connections[connection], !known.isClosed else { return }
        connections[connection]?.state = state
        members[known.user]?.newStatus = status
        makeDue(known.user)
    }

    /// The connection was closed and counts on until ``endGrace(of:)``.
    /// - Returns: whether it was open.
    package mutating func close(_ connection: ConnectionID) -> Bool {
        guard let known = connections[connection], !known.isClosed else { return false }
        connections[connection]?.isClosed = true
        return true
    }

    /// The connection counts no more.
    package mutating func endGrace(of connection: ConnectionID) {
        guard let known = connections.removeValue(forKey: connection) else { return }
        members[known.user]?.connections.remove(connection)
        members[known.user]?.removals.insert(connection)
        makeDue(known.user)
    }

    // MARK: Beats

    /// A tick has passed: the users whose turn it is are due again.
    package mutating func tick() {
        for user in ring.next() { makeDue(user) }
    }

    /// Redis has forgotten everybody, and nobody was told that they are gone: the next write of each is quiet.
    package mutating func hush() {
        for user in members.keys { members[user]?.isQuiet = true }
    }

    /// All are due, with their places in the gateway's set of users.
    package mutating func announceAll() {
        for user in members.keys {
            members[user]?.isListed = false
            makeDue(user)
        }
    }

    // MARK: Writes

    /// Takes the writes that are due, the longest due first. Each is given back by ``finish(_:before:after:)`` or
    /// ``fail(_:)`` before the next are taken.
    package mutating func takeWrites(maximumCount: Int) -> [Write] {
        let users = due.prefix(maximumCount)
        due.removeFirst(users.count)
        return users.compactMap { user in
            guard let member = members[user], member.isDue else { return nil }
            members[user]?.isDue = false
            members[user]?.newStatus = nil
            let states = member.connections.map { ($0, connections[$0]?.state ?? .offline) }
            return Write(
                user: user, states: Dictionary(uniqueKeysWithValues: states), removals: Array(member.removals),
                workspaces: member.workspaces,
                statement: member.newStatus.map { PresenceStatement(version: 0, status: $0) } ?? member.statement,
                isNewStatement: member.newStatus != nil, isQuiet: member.isQuiet, isFirst: !member.isListed)
        }
    }

    /// A write was done: what the user's live connections on all gateways said before and say after it.
    package mutating func finish(_ write: Write, before: [PresenceField], after: [PresenceField]) -> Outcome {
        var outcome = Outcome()
        guard var member = members[write.user] else { return outcome }
        outcome.changes = changes(of: write, since: member.writtenWorkspaces, before: before, after: after)
        member.removals.subtract(write.removals)
        member.writtenWorkspaces = write.workspaces
        member.isListed = true
        member.isQuiet = false
        let latest = PresenceAggregate.latest(of: after)
        if latest.version > member.statement.version { member.statement = latest }
        outcome.isGone = member.connections.isEmpty && member.removals.isEmpty
        members[write.user] = outcome.isGone ? nil : member
        if outcome.isGone { ring.remove(write.user) }
        return outcome
    }

    /// Whoever shared a workspace all along sees the difference; in one that the user joined or left it appears or goes.
    private func changes(
        of write: Write, since written: Set<WorkspaceID>?, before: [PresenceField], after: [PresenceField]
    ) -> [PresenceChange] {
        let (old, new) = (PresenceAggregate(of: before), PresenceAggregate(of: after))
        let known = written ?? write.workspaces
        let kept = write.isQuiet ? [] : known.intersection(write.workspaces)
        return [
            PresenceChange(write.user, from: old, to: new, in: kept),
            PresenceChange(write.user, from: .offline, to: new, in: write.workspaces.subtracting(known)),
            PresenceChange(write.user, from: old, to: .offline, in: known.subtracting(write.workspaces)),
        ].filter { $0.before != $0.after && !$0.workspaces.isEmpty }
    }

    /// Whether the write was done is not known: it is due again.
    package mutating func fail(_ write: Write) {
        guard let member = members[write.user] else { return }
        if write.isNewStatement, member.newStatus == nil { members[write.user]?.newStatus = write.statement.status }
        makeDue(write.user)
    }

    private mutating func makeDue(_ user: UserID) {
        guard members[user]?.isDue == false else { return }
        members[user]?.isDue = true
        due.append(user)
    }
}
