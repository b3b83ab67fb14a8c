import Contracts
import Synchronization

/// Who people are, for contracts that name them in each event. User names never change, so what is known stays right;
/// when too many are known the memory starts over.
final class PeopleDirectory: Sendable {
    /// `nil` for somebody who does not exist.
    private let known = Mutex<[UserID: User?]>([:])
    private let api: APIClient

    init(api: APIClient) { self.api = api }

    /// The person, if it is known.
    func user(_ id: UserID) -> User? { known.withLock { $0[id] ?? nil } }

    /// Those of the people whom it has not been asked about.
    func unknown(of users: some Sequence<UserID>) -> Set<UserID> {
        known.withLock { known in Set(users.filter { known[$0] == nil }) }
    }

    func remember(_ users: [User]) {
        known.withLock { known in
            if known.count + users.count > Limits.peopleCacheCount { known = [:] }
            for user in users { known[user.id] = .some(user) }
        }
    }

    /// Asks an API about people.
    /// - Parameter users: at most ``Limits/rosterCount``.
    func load(_ users: Set<UserID>) async throws {
        let found = try await api.people(PeopleRequest(userIDs: Array(users))).users
        remember(found)
        let missing = users.subtracting(found.map(\.id))
        known.withLock { known in
            for user in missing { known[user] = .some(nil) }
        }
    }
}
