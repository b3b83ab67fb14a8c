package import Contracts

/// What a client knows of Roost: a snapshot, and every event since applied to it. At rest it equals a fresh snapshot;
/// ``differences(from:)`` says where it does not. No I/O: it says what is to be loaded, and is given what was.
///
/// The events of a stream that is being loaded wait and are applied to what was loaded. They may be older than it; as
/// events carry resulting state, the last one about each thing decides.
package struct Replica: Equatable, Sendable {
    package struct WorkspaceState: Equatable, Sendable {
        package internal(set) var workspace: Workspace?
        package internal(set) var members: [UserID: Membership] = [:]
    }

    package struct Membership: Equatable, Sendable {
        package let role: WorkspaceRole
        package let joinedAt: Timestamp
    }

    /// A channel the user is in.
    package struct ChannelState: Equatable, Sendable {
        package internal(set) var members: [UserID: Timestamp] = [:]
        /// The messages that are not deleted.
        package internal(set) var messages: [MessageID: Message] = [:]
        package internal(set) var call: ChannelCall?
    }

    /// How far the user has read a channel.
    package struct ReadPosition: Equatable, Sendable {
        package let seq: StreamSequence
        /// Of two positions the higher version is newer.
        package let version: Int64
    }

    package internal(set) var user: CurrentUser
    package internal(set) var workspaces: [WorkspaceID: WorkspaceState] = [:]
    /// Those the user is in.
    package internal(set) var channels: [ChannelID: ChannelState] = [:]
    /// All channels the user may see: those, and the public ones of the workspaces.
    package internal(set) var directory: [ChannelID: Channel] = [:]
    package internal(set) var users: [UserID: User] = [:]
    package internal(set) var positions: [ChannelID: ReadPosition] = [:]
    /// Public channels that became private. Their last event in the channel's own stream may come after the departure.
    var withdrawn: Set<ChannelID> = []
    private var loads: [StreamID: Load] = [:]
    private var lastLoad = 0

    private struct Load: Equatable, Sendable {
        let number: Int
        var isAsked = false
        var held: [EventFrame] = []
    }

    /// A stream whose state is to be loaded by HTTP.
    package struct LoadRequest: Hashable, Sendable {
        package let stream: StreamID
        /// Tells this load from an earlier one of the same stream.
        package let number: Int
    }

    /// Begins with a snapshot; its channels and workspaces are to be loaded.
    package init(_ snapshot: Bootstrap) {
        user = snapshot.user
        for cursor in snapshot.cursors where cursor.stream.kind != .user { begin(cursor.stream) }
        apply(snapshot)
    }

    // MARK: Loads

    /// Whether everything is loaded.
    package var isComplete: Bool { loads.isEmpty }

    /// What is to be loaded and was not asked for yet.
    package mutating func takeLoads() -> [LoadRequest] {
        let requests = loads.filter { !$0.value.isAsked }.map { LoadRequest(stream: $0.key, number: $0.value.number) }
        for request in requests { loads[request.stream]?.isAsked = true }
        return requests
    }

    /// Whoever was asked to load has ended: what is not loaded yet is to be asked for again.
    package mutating func askAgain() { for stream in loads.keys { loads[stream]?.isAsked = false } }

    /// Takes the state that was loaded, then the events that waited for it. A load that was asked for anew since is dropped.
    package mutating func receive(_ snapshot: StreamSnapshot, for request: LoadRequest) {
        guard let load = loads[request.stream], load.number == request.number else { return }
        loads[request.stream] = nil
        apply(snapshot, of: request.stream)
        for frame in load.held { apply(frame) }
    }

    // MARK: Updates

    package mutating func receive(_ update: Update) {
        switch update {
        case .event(let frame, let change):
            receive(frame)
            receive(change)
        case .streams(let change): receive(change)
        case .reset(let reset): ask(for: reset.stream)
        case .state, .presence, .typing, .call, .violation: break
        }
    }

    private mutating func receive(_ frame: EventFrame) {
        if loads[frame.stream] == nil {
            apply(frame)
        } else {
            loads[frame.stream]?.held.append(frame)
        }
    }

    private mutating func receive(_ change: StreamChange) {
        for stream in change.ended { end(stream) }
        for cursor in change.begun { begin(cursor.stream) }
    }

    private mutating func begin(_ stream: StreamID) {
        switch stream {
        case .channel(let id): if channels[id] == nil { channels[id] = ChannelState() }
        case .workspace(let id): if workspaces[id] == nil { workspaces[id] = WorkspaceState() }
        case .user: break
        }
        ask(for: stream)
    }

    private mutating func ask(for stream: StreamID) {
        lastLoad += 1
        loads[stream] = Load(number: lastLoad)
    }

    private mutating func end(_ stream: StreamID) {
        loads[stream] = nil
        switch stream {
        case .channel(let id):
            channels[id] = nil
            positions[id] = nil
            if directory[id]?.visibility == .private || withdrawn.contains(id) { directory[id] = nil }
        case .workspace(let id):
            workspaces[id] = nil
            directory = directory.filter { $0.value.workspaceID != id }
        case .user: break
        }
    }
}
