package import Contracts

/// A person changed for the members of some workspaces.
package struct PresenceChange: Hashable, Sendable {
    package let user: UserID
    package let before: PresenceAggregate
    package let after: PresenceAggregate
    package let workspaces: Set<WorkspaceID>

    package init(
        _ user: UserID, from before: PresenceAggregate, to after: PresenceAggregate, in workspaces: Set<WorkspaceID>
    ) {
        self.user = user
        self.before = before
        self.after = after
        self.workspaces = workspaces
    }
}

/// Changes of presence that are told together, by workspace. Pure.
///
/// Of several changes of a person the last counts; one that came back to where it began is not told.
package struct PresenceBatch {
    /// People of one workspace who changed.
    package typealias Chunk = (workspace: WorkspaceID, people: [(user: UserID, presence: PresenceAggregate)])

    private struct Span {
        let before: PresenceAggregate
        var after: PresenceAggregate
    }

    private var spans: [WorkspaceID: [UserID: Span]] = [:]

    package init() {}

    package var isEmpty: Bool { spans.isEmpty }

    package mutating func add(_ change: PresenceChange) {
        for workspace in change.workspaces {
            let new = Span(before: change.before, after: change.after)
            spans[workspace, default: [:]][change.user, default: new].after = change.after
        }
    }

    /// Takes what is to be told: chunks of at most `maximumCount` people, each of one workspace.
    package mutating func take(maximumCount: Int) -> [Chunk] {
        let taken = spans
        spans = [:]
        var chunks: [Chunk] = []
        for (workspace, people) in taken {
            var rest = people.filter { $0.value.before != $0.value.after }.map { ($0.key, $0.value.after) }[...]
            while !rest.isEmpty {
                chunks.append((workspace, Array(rest.prefix(maximumCount))))
                rest = rest.dropFirst(maximumCount)
            }
        }
        return chunks
    }
}
