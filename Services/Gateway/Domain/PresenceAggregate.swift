package import Contracts

/// What one live connection says of its user, as the presence hash of Redis keeps it behind the field's expiry:
/// `<state> <status version> <status JSON or empty>`.
package struct PresenceField: Hashable, Sendable {
    package let state: PresenceState
    package let statement: PresenceStatement

    package init(state: PresenceState, statement: PresenceStatement) {
        self.state = state
        self.statement = statement
    }

    /// Reads the text; `nil` if it is none.
    package init?(text: String) {
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let state = PresenceState(rawValue: String(words[0])), let version = Int64(words[1])
        else { return nil }
        self.init(state: state, statement: PresenceStatement(version: version, status: String(words[2])))
    }
}

/// The status that a person has given itself, and when: the higher version is the later statement.
package struct PresenceStatement: Hashable, Sendable {
    /// Redis milliseconds of the statement; 0 when there was none.
    package var version: Int64
    /// ``PresenceStatus`` in JSON; empty for none.
    package var status: String

    /// Nothing was ever stated.
    package static let none = Self(version: 0, status: "")

    package init(version: Int64, status: String) {
        self.version = version
        self.status = status
    }
}

/// What others see of a person: the best of what the live connections say.
package struct PresenceAggregate: Hashable, Sendable {
    package let state: PresenceState
    /// ``PresenceStatus`` in JSON; empty for none. Who looks offline shows none.
    package let status: String

    package static let offline = Self(state: .offline, status: "")

    package init(state: PresenceState, status: String) {
        self.state = state
        self.status = state == .offline ? "" : status
    }

    /// Busy on any connection wins, then online, then idle; a connection that wants to look offline adds nothing. The
    /// status is the latest that was stated.
    package init(of fields: [PresenceField]) {
        let state = fields.map(\.state).max { $0.rank < $1.rank } ?? .offline
        self.init(state: state, status: Self.latest(of: fields).status)
    }

    /// The latest statement of the fields.
    package static func latest(of fields: [PresenceField]) -> PresenceStatement {
        fields.map(\.statement).max { $0.version < $1.version } ?? .none
    }
}

extension PresenceState {
    fileprivate var rank: Int {
        switch self {
        case .offline: 0
        case .idle: 1
        case .online: 2
        case .busy: 3
        }
    }
}
