import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

/// What the network between the peers and the node does to a datagram.
struct Conditions {
    /// The share of datagrams that get lost, each way.
    var loss = 0.0
    var delay = Duration.milliseconds(5)
    /// Added to the delay at random, which also reorders.
    var jitter = Duration.zero
    /// The share that arrives twice.
    var duplicates = 0.0
}

/// The workers of one node, one if not told otherwise, and the peers of some calls over a seeded network in virtual time: no
/// socket, no clock, no thread.
final class CallNetwork {
    /// One participant: a peer, and what the node told it.
    final class Person {
        let peer: MediaPeer
        let id: ParticipantID
        let seat: Seat
        let userID: UserID
        let route: SeatRoute
        /// Which worker serves it.
        let host: Int
        /// Where it sends from; another one is a move to another network.
        var address: TransportAddress
        fileprivate(set) var state: CallState
        fileprivate(set) var states: [CallState] = []
        fileprivate(set) var speakers: [ParticipantID] = []
        fileprivate(set) var ended: CallEndReason?
        fileprivate var offerNumber = 1
        /// Which of its encodings it was told to send; `nil` before it was told anything.
        fileprivate(set) var layers: CallLayers?
        /// What its way from the node carries, in bits/s, behind a queue of ``CallNetwork/queue``; `nil` for everything.
        var downlink: Int?
        /// What waits before that at most.
        var downlinkQueue = CallNetwork.queue
        fileprivate var downlinkFree = MediaTime(nanoseconds: 0)
        /// How many datagrams found the queue full.
        fileprivate(set) var overflowCount = 0
        /// How long each as short as those of sound spent there, its own time included.
        var shortWaits: [Duration] = []
        /// A second address that its checks come from as well, and where nothing arrives.
        var deadAddress: TransportAddress?
        /// Nothing of it arrives any more, as after a crash.
        var isGone = false

        init(
            peer: MediaPeer, seat: Seat, route: SeatRoute, host: Int, address: TransportAddress, state: CallState
        ) {
            self.host = host
            self.peer = peer
            id = seat.participantID
            self.seat = seat
            userID = seat.userID
            self.route = route
            self.address = address
            self.state = state
        }

        /// The section on which another's track arrives.
        func mid(of other: Person, _ source: CallSource) -> String? {
            state.tracks.first { $0.participantID == other.id && $0.source == source }?.mid
        }
    }

    private enum Receiver {
        case worker(Int)
        case person(Person)
    }

    private struct Flight {
        let at: MediaTime
        let order: Int
        let receiver: Receiver
        let source: TransportAddress
        let bytes: [UInt8]
    }

    let workers: [Worker]
    /// The first.
    var worker: Worker { workers[0] }
    /// Which workers have seats of the call.
    private var spread: RoomSpread
    /// What the ends of relays tell each other is held back, as by a bus that is away.
    var isBusAway = false
    /// It is lost before, as when too many notices wait.
    var losesNotices = false
    private var heldMessages: [(message: RelayMessage, id: RelayID, toHome: Bool)] = []
    /// The share that gets lost from one worker to another.
    var relayLoss = 0.0
    /// Where a worker's packets to others come from, as behind a translation of addresses, and where it is reached by them too.
    var translations: [Int: TransportAddress] = [:]
    /// Whether others reach these workers at the address that was announced too.
    var areAnnouncedReached = true
    /// The relays so far, as each end was told.
    private(set) var relays: [(home: RelayEnd, away: RelayEnd)] = []
    /// Sees what goes from one worker to another.
    var onRelayed: (_ bytes: [UInt8], _ destination: TransportAddress) -> Void = { _, _ in }
    /// The worker that is the call's home.
    private(set) var home = 0
    private var epoch: Int64 = 1
    let channel = ChannelID(at: Timestamp(milliseconds: 1), entropy: (1, 1))
    var conditions: Conditions
    private(set) var now = MediaTime(nanoseconds: 1_000_000_000)
    private(set) var people: [Person] = []
    private(set) var reports: [CallReport] = []
    private var random: SplitMix64
    private var flights: [Flight] = []
    private var flown = 0
    private var ids: UInt64 = 10

    static let nodeAddress = address(of: 0)

    private static func address(of worker: Int) -> TransportAddress {
        .v4(0xC000_0201, port: 40_000 + UInt16(worker))
    }

    init(
        seed: UInt64, conditions: Conditions = Conditions(), profiles: [SRTPProfile] = SRTPProfile.allCases,
        workerCount: Int = 1
    ) throws {
        random = SplitMix64(seed: seed)
        self.conditions = conditions
        let certificate = try DTLSCertificate.selfSigned()
        workers = (0..<workerCount).map { index in
            Worker(
                configuration: WorkerConfiguration(
                    certificate: certificate, candidates: [Self.address(of: index)], profiles: profiles),
                random: SplitMix64(seed: seed &+ 1 &+ UInt64(index)))
        }
        spread = RoomSpread(
            addresses: (0..<workerCount).map(Self.address), seatsPerWorker: Limits.participantsPerCall)
    }

    // MARK: Seats

    func freshID<Of>(_ type: EntityID<Of>.Type = EntityID<Of>.self) -> EntityID<Of> {
        ids += 1
        return EntityID(at: Timestamp(milliseconds: 1_763_700_000_000), entropy: (ids, ids))
    }

    func seat(in channel: ChannelID? = nil, of user: UserID? = nil, epoch: Int64? = nil) -> Seat {
        Seat(
            participantID: freshID(), userID: user ?? freshID(), sessionID: freshID(),
            channelID: channel ?? self.channel,
            epoch: epoch ?? self.epoch)
    }

    /// The call is placed anew, with its home on another worker: the former one's people are told to join there.
    func move(to home: Int) {
        workers[self.home].move(room: channel, now: now)
        _ = spread.remove(channel)
        self.home = home
        epoch += 1
    }

    /// Takes a seat, offers and accepts the answer; the media path comes about as time passes.
    /// - Parameters:
    ///   - held: the seat to take again.
    ///   - rewrite: what is done to the offer on its way.
    func join(
        _ configuration: MediaPeer.Configuration, of user: UserID? = nil, taking held: Seat? = nil,
        rights: CallRights = .ordinary,
        by kind: TransportKind = .udp, at host: Int = 0, rewrite: (String) -> String = { $0 }
    ) throws -> Person {
        let seat = held ?? seat(of: user)
        let route = SeatRoute(gateway: freshID(), connectionID: freshID())
        let joinedAt = Timestamp(milliseconds: now.nanoseconds / 1_000_000)
        try open(to: host, joinedAt)
        let taken = try workers[host].join(
            seat, rights: rights, route: route, isHome: host == home, joinedAt: joinedAt, now: now)
        let person = Person(
            peer: try MediaPeer(configuration: configuration), seat: seat, route: route, host: host,
            address: .v4(0x0A00_0000 + UInt32(truncatingIfNeeded: ids), port: 50_000), state: taken.reply.state)
        person.address.kind = kind
        people.append(person)
        try offer(person, rewrite: rewrite)
        return person
    }

    /// Another worker than the home has a relay to it from its first seat on.
    private func open(to host: Int, _ joinedAt: Timestamp) throws {
        if spread.homes[channel] == nil {
            let loads = workers.indices.map { MediaNodeLoad(participants: $0 == home ? 0 : 1, rooms: 0) }
            _ = spread.place(channel, epoch: epoch, loads: loads, seats: workers.map { _ in 0 })
        }
        guard spread.missingRelay(channel, to: host) != nil else { return }
        let relay = spread.relay(channel, from: home, to: host, using: &random)
        let roster = try workers[home].open(relay.home, epoch: epoch, openedAt: joinedAt, now: now)
        _ = try workers[host].open(relay.away, epoch: epoch, openedAt: joinedAt, now: now)
        workers[host].receive(.roster(roster), of: relay.away.id, now: now)
        spread.noteOpen(relay.home.id)
        relays.append(relay)
    }

    /// Compares which relays there are with what the workers say, as a node does at each beat.
    func compareRelays() {
        let held = workers.map { $0.census().relays }
        heldMessages += spread.lost(of: spread.openRelays, held: held).map { (.close, $0.id, $0.toHome) }
    }

    func offer(_ person: Person, rewrite: (String) -> String = { $0 }) throws {
        let made = person.peer.offer(number: person.offerNumber)
        let offer = CallOffer(number: made.number, sdp: rewrite(made.sdp), publications: made.publications)
        person.offerNumber += 1
        let request = SeatOfferRequest(participantID: person.id, connectionID: person.route.connectionID, offer: offer)
        let session = try NegotiatedSession(offer: offer.sdp)
        try person.peer.accept(try workers[person.host].offer(request, session, now: now), now: now)
    }

    func update(_ person: Person, active: [CallSource], isHandRaised: Bool? = nil) throws {
        try workers[person.host].update(
            SeatUpdateRequest(
                participantID: person.id, connectionID: person.route.connectionID,
                update: CallUpdate(active: active, isHandRaised: isHandRaised)),
            now: now)
    }

    /// Tells what a person shows: these others' cameras, so high.
    func view(_ person: Person, _ tiles: [(other: Person, height: Int)]) throws {
        let view = CallView(
            tracks: tiles.map {
                CallViewTrack(participantID: $0.other.id, source: .camera, height: $0.height, isPinned: false)
            })
        try workers[person.host].view(
            SeatViewRequest(participantID: person.id, connectionID: person.route.connectionID, view: view), now: now)
    }

    func leave(_ person: Person) {
        workers[person.host].leave(
            SeatLeaveRequest(participantID: person.id, connectionID: person.route.connectionID), now: now)
    }

    /// Keeps nothing of who has left, as it would be too many to walk through.
    func forget(_ person: Person) { people.removeAll { $0 === person } }

    // MARK: Time

    private static let step = Duration.milliseconds(1)

    /// Lets time pass a millisecond at a time. `each` is called every step, to send media or look.
    func run(for duration: Duration, each: (_ millisecond: Int) -> Void = { _ in }) {
        for _ in 0..<Int(duration.wholeNanoseconds / 1_000_000) {
            now = now + Self.step
            deliver()
            for worker in workers { worker.handleTimeout(now: now) }
            for person in people where !person.isGone { person.peer.handleTimeout(now: now) }
            each(Int(now.nanoseconds / 1_000_000))
            collect()
        }
    }

    /// Lets time pass until something holds.
    /// - Returns: whether it came to hold.
    func run(atMost limit: Duration, until condition: () -> Bool) -> Bool {
        let end = now + limit
        while now < end {
            if condition() { return true }
            run(for: Self.step)
        }
        return condition()
    }

    private func deliver() {
        let due = flights.filter { $0.at <= now }.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
        flights.removeAll { $0.at <= now }
        for flight in due {
            var bytes = flight.bytes
            bytes.withUnsafeMutableBytes { bytes in
                switch flight.receiver {
                case .person(let person): if !person.isGone { person.peer.receive(bytes, now: now) }
                case .worker(let index): workers[index].receive(bytes, from: flight.source, now: now)
                }
            }
        }
    }

    private func collect() {
        for person in people {
            person.peer.takeDatagrams { bytes in
                guard !person.isGone else { return }
                send([UInt8](bytes), to: .worker(person.host), from: person.address)
                if let dead = person.deadAddress, DatagramKind(bytes.assumingMemoryBound(to: UInt8.self).span) == .stun
                {
                    send([UInt8](bytes), to: .worker(person.host), from: dead)
                }
            }
        }
        for (index, worker) in workers.enumerated() {
            worker.outbox.withMemory { memory in
                for entry in worker.outbox.entries + worker.outbox.streamEntries {
                    let bytes = [UInt8](memory[entry.offset..<(entry.offset + entry.byteCount)])
                    guard let receiver = receiver(at: entry.destination) else { continue }
                    if case .worker = receiver { onRelayed(bytes, entry.destination) }
                    send(bytes, to: receiver, from: Self.address(of: index))
                }
            }
            worker.outbox.removeAll()
            for notice in worker.takeNotices() { take(notice) }
        }
        guard !isBusAway else { return }
        let messages = heldMessages
        heldMessages = []
        for (message, id, toHome) in messages {
            let receiver = spread.receiver(id, toHome: toHome)
            if case .close = message { spread.remove(id) }
            guard case .worker(let index) = receiver else { continue }
            workers[index].receive(message, of: id, now: now)
        }
    }

    private func receiver(at address: TransportAddress) -> Receiver? {
        if let person = people.first(where: { $0.address == address }) { return .person(person) }
        if let translated = translations.first(where: { $0.value == address }) { return .worker(translated.key) }
        let announced = workers.indices.first { Self.address(of: $0) == address }
        return announced.flatMap { areAnnouncedReached || translations[$0] == nil ? .worker($0) : nil }
    }

    private func take(_ notice: Notice) {
        switch notice {
        case .report(let report): reports.append(report)
        case .relay(let message, let id, let toHome): if !losesNotices { heldMessages.append((message, id, toHome)) }
        case .ended, .recordingOver: break
        case .frame(let frame, let participant, let route):
            guard let person = people.last(where: { $0.id == participant && $0.route == route }) else { return }
            switch frame {
            case .callState(let state):
                person.state = state
                person.states.append(state)
            case .callSpeakers(let speakers): person.speakers = speakers.participants
            case .callLayers(let layers): person.layers = layers
            case .callEnded(let ended): person.ended = ended.reason
            default: break
            }
        }
    }

    /// What waits before a slow link at most.
    static let queue = Duration.milliseconds(300)
    /// Sound has less, padding more.
    private static let shortByteCount = 200

    /// How long a datagram waits for a slow link; `nil` when its queue is full.
    private func wait(_ byteCount: Int, _ receiver: Receiver) -> Duration? {
        guard case .person(let receiver) = receiver, let downlink = receiver.downlink else { return .zero }
        let start = max(now, receiver.downlinkFree)
        guard start - now < receiver.downlinkQueue else {
            receiver.overflowCount += 1
            return nil
        }
        receiver.downlinkFree = start + .nanoseconds((byteCount + 28) * 8 * 1_000_000_000 / downlink)
        let wait = receiver.downlinkFree - now
        if byteCount < Self.shortByteCount { receiver.shortWaits.append(wait) }
        return wait
    }

    private func send(_ bytes: [UInt8], to receiver: Receiver, from source: TransportAddress) {
        let copies = chance(conditions.duplicates) ? 2 : 1
        var source = source
        if case .worker = receiver, let sender = workers.indices.first(where: { Self.address(of: $0) == source }) {
            if chance(relayLoss) { return }
            source = translations[sender] ?? source
        }
        for _ in 0..<copies where !chance(conditions.loss) {
            guard let wait = wait(bytes.count, receiver) else { continue }
            let jitter = conditions.jitter.wholeNanoseconds
            let extra = jitter > 0 ? Int64(random.next() % UInt64(jitter)) : 0
            flown += 1
            flights.append(
                Flight(
                    at: now + wait + conditions.delay + .nanoseconds(extra), order: flown, receiver: receiver,
                    source: source,
                    bytes: bytes))
        }
    }

    private func chance(_ probability: Double) -> Bool {
        probability > 0 && Double(random.next() >> 11) / Double(1 << 53) < probability
    }
}

extension MediaNodeLoad {
    static let idle = MediaNodeLoad(participants: 0, rooms: 0)
}
