package import Contracts

/// Whom the connections of one gateway watch, and what they were told. Pure.
///
/// The truth is in Redis; what is published is a hint to read it. So neither the order in which publications arrive nor
/// the loss of one leaves a wrong state for good. Each person is read once for all who watch.
package struct PresenceWatchers {
    /// One person, as the members of one workspace see it.
    package struct Person: Hashable, Sendable {
        package let workspace: WorkspaceID
        package let user: UserID

        package init(workspace: WorkspaceID, user: UserID) {
            self.workspace = workspace
            self.user = user
        }
    }

    /// What a change of the watches asks for.
    package struct Effects: Hashable, Sendable {
        /// Workspaces whose topics are needed from now on, and no more.
        package var subscribe: [WorkspaceID] = []
        package var unsubscribe: [WorkspaceID] = []
        /// What connections are to be told.
        package var tell: [ConnectionID: [UserID: PresenceAggregate]] = [:]

        package init() {}
    }

    private struct Watched {
        var watchers: Set<ConnectionID> = []
        var known: PresenceAggregate?
        var isDue = false
        var isReading = false
        /// It may have changed since the read that is under way.
        var isReadAgain = false
    }

    private struct Watch {
        let workspace: WorkspaceID
        let users: [UserID]
        /// Those whose state is not known yet; the watch is answered when there is none.
        var missingCount: Int
    }

    private struct Workspace {
        var watcherCount = 0
        var isSubscribed = false
    }

    private var watches: [ConnectionID: Watch] = [:]
    private var workspaces: [WorkspaceID: Workspace] = [:]
    private var people: [Person: Watched] = [:]
    /// May name people twice, or such as nobody watches any more, but not many more than there are.
    private var due: [Person] = []
    private var sweep: [Person] = []

    /// So many people may be due in vain before those are taken out.
    private static let dueSlack = 64

    package init() {}

    package var personCount: Int { people.count }
    package var isReadDue: Bool { !due.isEmpty }
    /// How many are kept as due, some of them in vain.
    package var dueCount: Int { due.count }

    /// The workspace that a connection watches.
    package func workspace(watchedBy connection: ConnectionID) -> WorkspaceID? { watches[connection]?.workspace }

    // MARK: Watches

    /// A connection watches these people, instead of those before.
    package mutating func watch(_ connection: ConnectionID, _ workspace: WorkspaceID, _ users: [UserID]) -> Effects {
        var effects = Effects()
        let old = watches.removeValue(forKey: connection)
        var seen: Set<UserID> = []
        let users = users.filter { seen.insert($0).inserted }
        var missingCount = 0
        for user in users {
            let person = Person(workspace: workspace, user: user)
            people[person, default: Watched()].watchers.insert(connection)
            if people[person]?.known == nil {
                missingCount += 1
                if workspaces[workspace]?.isSubscribed == true { makeDue(person) }
            }
        }
        watches[connection] = Watch(workspace: workspace, users: users, missingCount: missingCount)
        if workspaces[workspace] == nil { effects.subscribe.append(workspace) }
        workspaces[workspace, default: Workspace()].watcherCount += 1
        if let old { remove(old, of: connection, keeping: old.workspace == workspace ? seen : [], &effects) }
        if missingCount == 0 { effects.tell[connection] = answer(to: connection) }
        return effects
    }

    /// The connection watches nobody any more.
    package mutating func unwatch(_ connection: ConnectionID) -> Effects {
        var effects = Effects()
        if let old = watches.removeValue(forKey: connection) { remove(old, of: connection, keeping: [], &effects) }
        return effects
    }

    private mutating func remove(
        _ watch: Watch, of connection: ConnectionID, keeping kept: Set<UserID>, _ effects: inout Effects
    ) {
        for user in watch.users where !kept.contains(user) {
            let person = Person(workspace: watch.workspace, user: user)
            people[person]?.watchers.remove(connection)
            if people[person]?.watchers.isEmpty == true { people[person] = nil }
        }
        workspaces[watch.workspace]?.watcherCount -= 1
        if workspaces[watch.workspace]?.watcherCount == 0 {
            workspaces[watch.workspace] = nil
            effects.unsubscribe.append(watch.workspace)
        }
    }

    /// What is published for a workspace arrives from now on, so that its people can be read.
    package mutating func subscribed(to workspace: WorkspaceID) {
        guard workspaces[workspace] != nil else { return }
        workspaces[workspace]?.isSubscribed = true
        for (person, watched) in people where person.workspace == workspace && watched.known == nil {
            makeDue(person)
        }
    }

    // MARK: Reads

    /// A person has changed, as somebody published.
    package mutating func hint(_ person: Person, _ presence: PresenceAggregate) {
        guard let watched = people[person], watched.isReading || watched.known != presence else { return }
        makeDue(person)
    }

    /// Everybody may have changed.
    package mutating func refreshAll() {
        for person in people.keys where workspaces[person.workspace]?.isSubscribed == true { makeDue(person) }
    }

    /// Has one of `parts` of all people read anew; called that many times, each is.
    package mutating func refresh(part parts: Int) {
        if sweep.isEmpty { sweep = Array(people.keys) }
        let count = min(sweep.count, people.count / parts + 1)
        for person in sweep.suffix(count) where people[person]?.known != nil { makeDue(person) }
        sweep.removeLast(count)
    }

    /// Takes the people who are to be read, the longest due first.
    package mutating func takeReads(maximumCount: Int) -> [Person] {
        let taken = due.prefix(maximumCount)
        due.removeFirst(taken.count)
        return taken.filter { person in
            guard people[person]?.isDue == true else { return false }
            people[person]?.isDue = false
            people[person]?.isReading = true
            return true
        }
    }

    /// People were read.
    /// - Parameter believesOffline: whether a person whom Redis does not know has really gone.
    /// - Returns: what connections are to be told of it.
    package mutating func finish(
        _ reads: [(person: Person, presence: PresenceAggregate)], believesOffline: Bool
    ) -> Effects {
        var effects = Effects()
        for (person, presence) in reads {
            guard let watched = people[person] else { continue }
            endRead(of: person)
            guard watched.known != presence else { continue }
            if watched.known != nil, presence == .offline, !believesOffline { continue }
            people[person]?.known = presence
            for connection in watched.watchers {
                if watched.known == nil, let missing = watches[connection]?.missingCount {
                    watches[connection]?.missingCount = missing - 1
                    if missing == 1 { effects.tell[connection] = answer(to: connection) }
                } else if watches[connection]?.missingCount == 0 {
                    effects.tell[connection, default: [:]][person.user] = presence
                }
            }
        }
        return effects
    }

    /// The people could not be read: they are due again.
    package mutating func fail(_ reads: [Person]) {
        for person in reads {
            endRead(of: person)
            makeDue(person)
        }
    }

    private mutating func endRead(of person: Person) {
        guard let watched = people[person] else { return }
        people[person]?.isReading = false
        people[person]?.isReadAgain = false
        if watched.isReadAgain { makeDue(person) }
    }

    private mutating func makeDue(_ person: Person) {
        guard let watched = people[person], !watched.isDue else { return }
        if watched.isReading {
            people[person]?.isReadAgain = true
        } else {
            people[person]?.isDue = true
            due.append(person)
            if due.count > 2 * people.count + Self.dueSlack { compactDue() }
        }
    }

    /// While nothing can be read, people come and go in watches all the same.
    private mutating func compactDue() {
        var seen: Set<Person> = []
        due = due.filter { people[$0]?.isDue == true && seen.insert($0).inserted }
    }

    /// All people of a watch with their states.
    private func answer(to connection: ConnectionID) -> [UserID: PresenceAggregate] {
        guard let watch = watches[connection] else { return [:] }
        return watch.users.reduce(into: [:]) { states, user in
            states[user] = people[Person(workspace: watch.workspace, user: user)]?.known
        }
    }
}
