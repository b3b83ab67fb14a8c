package import Contracts

/// What a device was told of presence and typing on its latest socket.
package struct PresenceFrames: Sendable {
    /// The last that was said of each person.
    package private(set) var people: [UserID: UserPresence] = [:]
    /// Every state that was said of a person, in order.
    package private(set) var history: [UserID: [PresenceState]] = [:]
    /// Frames of presence, the answers to watches among them.
    package private(set) var frameCount = 0
    package private(set) var typing: [TypingState] = []

    mutating func receive(_ frame: ServerFrame) {
        switch frame {
        case .presence(let states):
            frameCount += 1
            for user in states.users {
                people[user.userID] = user
                history[user.userID, default: []].append(user.state)
            }
        case .typing(let state): typing.append(state)
        default: break
        }
    }
}

extension GatewayClient {
    /// Watches people of a workspace and waits for their states.
    package func watch(_ users: [UserID], in workspace: WorkspaceID) async throws {
        let count = state.presence.frameCount
        try await send(.presenceWatch(PresenceWatch(workspaceID: workspace, userIDs: users)))
        try await wait(for: "the answer to a watch") { $0.presence.frameCount > count }
    }

    /// Says something of its user.
    package func say(_ presence: PresenceState, _ status: PresenceStatus? = nil) async throws {
        try await send(.presenceUpdate(PresenceUpdate(state: presence, status: status)))
    }

    package func type(in channel: ChannelID, _ isTyping: Bool = true) async throws {
        try await send(.typing(Typing(channelID: channel, isTyping: isTyping)))
    }

    /// Waits until a person was said to be in a state.
    package func sees(_ user: UserID, _ wanted: PresenceState, within limit: Duration = .seconds(5)) async throws {
        try await wait(for: "\(user) is \(wanted)", within: limit) { $0.presence.people[user]?.state == wanted }
    }
}
