import Contracts
import MediaPeer
import MediaSecurity
import NIOCore
import RedisBus
import ServiceKit
import Synchronization
import TestSupport
import Testing

/// Someone in a call: a device on a gateway, a seat on a media node, and a peer on a UDP socket.
struct Caller: Sendable {
    let user: TestUser
    let device: GatewayClient
    let joined: CallJoined
    let peer: CallPeer

    var id: ParticipantID { joined.participantID }
}

/// A team with a channel of its own on a stack that has some media nodes. On each is so little room that a call of three has
/// a relay.
final class CallMediaScene: Sendable {
    /// Which nodes there are. A stack is started once for all scenes on it.
    enum Nodes {
        /// Two of two workers, which have two seats of a call each.
        case large
        /// Three that have two seats each.
        case small

        private static let settings = [
            "TURN": "0", "ROOST_MEDIA_ADDRESSES": "127.0.0.1,::1", "ROOST_MESSAGE_RATE": "100000",
        ]
        private static let largeStack = Task {
            try await Stack(
                apis: 2, gateways: 2,
                environment: settings.merging(
                    ["MEDIA": "2", "ROOST_MEDIA_WORKERS": "2", "ROOST_MEDIA_SEATS_PER_WORKER": "2"]) { $1 })
        }
        private static let smallStack = Task {
            try await Stack(
                apis: 2, gateways: 2, environment: settings.merging(["MEDIA": "3", "ROOST_MEDIA_SEATS": "2"]) { $1 })
        }

        fileprivate var stack: Stack {
            get async throws { try await (self == .large ? Self.largeStack : Self.smallStack).value }
        }

        fileprivate var names: [String] { (0..<(self == .large ? 2 : 3)).map { "media-\($0)" } }
    }

    let stack: Stack
    let team: Team
    let channel: ChannelID
    private let callers = Mutex<[Caller]>([])
    private let lastSeed = Atomic<Int>(1)

    private init(people: Int, on nodes: Nodes) async throws {
        stack = try await nodes.stack
        team = try await Team.make(of: people, on: stack)
        channel = try await team.channel(.private, with: Array(team.people.dropFirst()))
    }

    /// Runs a test with a scene, and afterwards takes everyone out of their calls.
    static func run(
        people: Int, on nodes: Nodes = .large, _ body: (CallMediaScene) async throws -> Void
    ) async throws {
        let scene = try await CallMediaScene(people: people, on: nodes)
        do {
            try await body(scene)
        } catch {
            await scene.end()
            // What a test has ended and did not come to start again; nothing happens to what lives.
            for name in ["redis"] + nodes.names { try await scene.stack.start(name) }
            throw error
        }
        await scene.end()
    }

    private func end() async {
        for caller in callers.withLock({ $0 }) {
            caller.peer.stop()
            // Who has no seat or no socket any more has nothing to give up.
            try? await caller.device.send(.callLeave(CallLeave()))
        }
        _ = try? await eventually("nobody is left") { try await call().participants.isEmpty ? true : nil }
    }

    // MARK: Joining

    /// Takes a seat as a client does: a socket, callJoin, callOffer, and the media path. The device of person `n` is on
    /// gateway `n mod 2` unless it is given.
    func join(
        _ person: Int, in other: ChannelID? = nil, sources: [CallSource] = [.microphone, .camera],
        as seat: ParticipantID? = nil, on device: GatewayClient? = nil, within limit: Duration = .seconds(5),
        configure: (inout MediaPeer.Configuration) -> Void = { _ in }
    ) async throws -> Caller {
        let caller = try await sit(
            person, in: other, sources: sources, as: seat, on: device, within: limit, configure: configure)
        try await caller.peer.wait(for: "the media path") { $0.isConnected }
        return caller
    }

    /// ``join(_:in:sources:as:on:within:configure:)`` without waiting for the media path.
    func sit(
        _ person: Int, in other: ChannelID? = nil, sources: [CallSource] = [.microphone, .camera],
        as seat: ParticipantID? = nil, on device: GatewayClient? = nil, within limit: Duration = .seconds(5),
        configure: (inout MediaPeer.Configuration) -> Void = { _ in }
    ) async throws -> Caller {
        let user = team.people[person]
        let opened: GatewayClient
        if let device { opened = device } else { opened = try await user.connect(to: gateway(person)) }
        let joined = try await opened.joinCall(of: other ?? channel, as: seat, within: limit)
        let peer = try makePeer(sources: sources, configure: configure)
        let caller = Caller(user: user, device: opened, joined: joined, peer: peer)
        callers.withLock { $0.append(caller) }
        let offer = peer.offer(number: 1)
        try peer.accept(try await opened.offer(1, sdp: offer.sdp, publications: offer.publications))
        return caller
    }

    /// ``join(_:in:sources:as:on:within:configure:)``, again as long as the answer is that there is no seat at the moment.
    func joinPatiently(
        _ person: Int, as seat: ParticipantID? = nil, on device: GatewayClient, within limit: Duration
    ) async throws -> Caller {
        let deadline = ContinuousClock.now + limit
        while true {
            do {
                return try await join(person, as: seat, on: device, within: limit)
            } catch let refused as CallRefused where refused.frame.code == .unavailable {
                guard ContinuousClock.now < deadline else { throw refused }
                // As clients do: a socket may ask ten times in half a minute.
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    func makePeer(
        sources: [CallSource], configure: (inout MediaPeer.Configuration) -> Void = { _ in }
    ) throws -> CallPeer {
        let seed = lastSeed.add(1, ordering: .relaxed).newValue
        var configuration = MediaPeer.Configuration(seed: UInt64(seed), sources: sources)
        configure(&configuration)
        return try CallPeer(configuration)
    }

    func gateway(_ person: Int) -> String { stack.gatewayURLs[person % stack.gatewayURLs.count] }

    /// Waits until they are told that the call moves, and has them join again as they are told. They are the first of the
    /// people.
    func followed(_ callers: [Caller], within limit: Duration) async throws -> [Caller] {
        try await concurrently(0..<callers.count) { index in
            let caller = callers[index]
            let end = try await caller.device.callEnd(within: limit)
            #expect(end == CallEnded(participantID: caller.id, reason: .moved))
            return try await self.join(index, on: caller.device)
        }
    }

    // MARK: What is true

    /// Everybody gets everybody's sound and pictures, without a fault.
    func expectWhole(_ callers: [Caller], within limit: Duration = .seconds(5)) async throws {
        let pairs = callers.flatMap { receiver in
            callers.filter { $0.id != receiver.id }.map { (receiver: receiver.peer, sender: $0.peer) }
        }
        _ = try await concurrently(pairs) { pair in
            try await pair.receiver.wait(for: 10, .microphone, of: pair.sender, within: limit)
            try await pair.receiver.wait(for: 10, .camera, of: pair.sender, within: limit)
            let picture = try #require(pair.receiver.received(.camera, of: pair.sender))
            #expect(picture.corrupt + picture.sequenceBreaks + picture.timestampBreaks == 0)
        }
    }

    /// Who is in the call, by HTTP.
    func call() async throws -> ChannelCall {
        try await team.owner.api.call(Endpoints.readCall, path: [channel])
    }

    /// Waits until these seats and no others are told by HTTP.
    func waitForCall(_ seats: [ParticipantID], within limit: Duration = .seconds(5)) async throws {
        try await eventually("\(seats.count) seats in the call", within: limit) {
            Set(try await call().participants.map(\.participantID)) == Set(seats) ? true : nil
        }
    }

    /// Where Redis says that a room is.
    func placement(of other: ChannelID? = nil) async throws -> RoomPlacement? {
        RoomPlacement(try await stack.redis("GET", RedisKey.mediaRoom(other ?? channel).name))
    }

    /// The name of the node that has a caller's seat.
    func node(of caller: Caller) throws -> String { try stack.mediaNode(at: caller.peer.nodePort) }
}

extension GatewayClient {
    /// Waits until the state that came last is as wanted: on another node revisions begin anew.
    func lastCallState(_ what: String, _ isWanted: @escaping @Sendable (CallState) -> Bool) async throws {
        try await wait(for: what) { $0.call.states.last.map(isWanted) ?? false }
    }
}

extension CallState {
    /// Whether a source of a participant is on; `nil` when it is not told of.
    func isActive(_ source: CallSource, of participant: ParticipantID) -> Bool? {
        tracks.first { $0.participantID == participant && $0.source == source }?.isActive
    }

    /// The section on which it arrives.
    func mid(_ source: CallSource, of participant: ParticipantID) -> String? {
        tracks.first { $0.participantID == participant && $0.source == source }?.mid
    }
}

extension BusClient {
    /// Asks one media node.
    /// - Throws: ``RedisBus/BusError``.
    func ask<Request: WireObject, Reply: WireObject>(
        _ kind: BusRequestKind, _ request: Request, of node: InstanceID, as reply: Reply.Type = Reply.self
    ) async throws -> Reply {
        let answer = try await bus.request(
            kind, to: InstanceAddress(kind: .media, id: node), body: ByteBuffer(bytes: try WireJSON.encode(request)))
        return try WireJSON.decode(Reply.self, from: answer.readableBytesView)
    }
}
