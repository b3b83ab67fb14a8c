package import Contracts
import MediaSecurity

/// Where one end of a relay is, as a node sees it.
package enum RelayPlace: Hashable, Sendable {
    /// One of the node's own workers, by its place.
    case worker(Int)
    /// Another node, which knows its worker.
    case node(InstanceID)
}

/// Where the rooms of a node are: each has its home, on one worker of the node on which it was placed, and others help where
/// that is not enough, of this node or another. Each of them has a relay to the home.
package struct RoomSpread: Sendable {
    /// Where a room's home is, and since which epoch.
    package struct Home: Sendable {
        package let place: RelayPlace
        package fileprivate(set) var epoch: Int64
    }

    private struct Span {
        let channelID: ChannelID
        let home: RelayPlace
        let away: RelayPlace
        /// Whether its ends on this node have been opened.
        var isOpen = false
        /// Whether it is of a room that is not here any more, or has another home: it only waits for its end.
        var isFormer = false
    }

    /// Where each worker's packets arrive, for the others.
    private let addresses: [TransportAddress]
    /// Seats of one room on one worker before another helps.
    private let seatsPerWorker: Int
    /// Of each room that has seats here, and of each that has its home here.
    package private(set) var homes: [ChannelID: Home] = [:]
    private var spans: [RelayID: Span] = [:]

    package init(addresses: [TransportAddress], seatsPerWorker: Int) {
        self.addresses = addresses
        self.seatsPerWorker = seatsPerWorker
    }

    /// The worker that is a room's home; `nil` if that is not on this node.
    package func homeWorker(of channel: ChannelID) -> Int? {
        if case .worker(let worker) = homes[channel]?.place { worker } else { nil }
    }

    /// The workers of this node that a room is on, its home first.
    package func workers(of channel: ChannelID) -> [Int] {
        places(of: channel).compactMap { if case .worker(let worker) = $0 { worker } else { nil } }
    }

    /// The other nodes that help with a room whose home is here.
    package func helpers(of channel: ChannelID) -> Set<InstanceID> {
        Set(places(of: channel).dropFirst().compactMap { if case .node(let node) = $0 { node } else { nil } })
    }

    /// Whether other nodes help with any room.
    package var isHelped: Bool { homes.keys.contains { !helpers(of: $0).isEmpty } }

    private func places(of channel: ChannelID) -> [RelayPlace] {
        guard let home = homes[channel] else { return [] }
        return [home.place] + spans.values.filter { $0.channelID == channel && !$0.isFormer }.map(\.away)
    }

    /// How many rooms have their home on a worker.
    package func homeCount(of worker: Int) -> Int { homes.values.count { $0.place == .worker(worker) } }

    // MARK: Placing

    /// What a grant or Redis says of where a room is; a placement that is older than what is known says nothing.
    package enum Settlement: Equatable, Sendable {
        /// The room is where it was, or was not known.
        case settled
        /// It has another home than it had: those who sit at these workers have to take their seats anew.
        case moved(workers: [Int])
        /// The placement is an old one.
        case outdated
    }

    /// Takes over where a room was placed.
    /// - Parameter node: where its home is; `nil` for this node.
    package mutating func settle(_ channel: ChannelID, at node: InstanceID?, epoch: Int64) -> Settlement {
        if let known = homes[channel] {
            let isSame = if case .node(let home) = known.place { home == node } else { node == nil }
            guard !isSame else {
                homes[channel]?.epoch = max(known.epoch, epoch)
                return .settled
            }
            guard epoch > known.epoch else { return .outdated }
        }
        let former = workers(of: channel)
        let isKnown = homes[channel] != nil
        _ = remove(channel)
        if let node { homes[channel] = Home(place: .node(node), epoch: epoch) }
        return isKnown ? .moved(workers: former) : .settled
    }

    /// The worker of a new seat. A room's first goes where the least is done, and of those that do as much where the fewest
    /// are. The next go there too, until the room is large or the worker busy; then to where it is already, or to a new one.
    /// - Parameters:
    ///   - loads: of each worker, all rooms together.
    ///   - seats: how many this room has on each.
    package mutating func place(_ channel: ChannelID, epoch: Int64, loads: [MediaNodeLoad], seats: [Int]) -> Int {
        let least = loads.indices.min { loads[$0] < loads[$1] } ?? 0
        if homes[channel] == nil { homes[channel] = Home(place: .worker(least), epoch: epoch) }
        let known = workers(of: channel)
        guard let first = known.first else { return least }
        let isFree = { [seatsPerWorker] (worker: Int) in loads[worker].takesRooms && seats[worker] < seatsPerWorker }
        if isFree(first) { return first }
        let helpers = known.filter(isFree) + loads.indices.filter { !known.contains($0) && loads[$0].takesRooms }
        // Where all are full or busy, those that have the room share what is more.
        return helpers.first ?? known.min { seats[$0] < seats[$1] } ?? first
    }

    // MARK: Relays

    /// Where the relay goes that a worker needs before it can have a seat of the room; `nil` where there is one, or at home.
    package func missingRelay(_ channel: ChannelID, to worker: Int) -> RelayPlace? {
        guard let home = homes[channel]?.place, home != .worker(worker) else { return nil }
        return places(of: channel).contains(.worker(worker)) ? nil : home
    }

    /// The two ends of a relay between two workers of this node.
    package mutating func relay(
        _ channel: ChannelID, from home: Int, to away: Int, using random: inout some RandomNumberGenerator
    ) -> (home: RelayEnd, away: RelayEnd) {
        let id = RelayID(high: random.next(), low: random.next())
        add(id, channel, from: .worker(home), to: .worker(away))
        let profile = RelayEnd.profile
        let byteCount = profile.keyByteCount + profile.saltByteCount
        let keys = (0..<2).map { _ in (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &random) } }
        let reporters = (UInt32.random(in: 1 ... .max, using: &random), UInt32.random(in: 1 ... .max, using: &random))
        return (
            RelayEnd(
                id: id, channelID: channel, isHome: true, address: addresses[away],
                keys: SRTPKeys(profile: profile, local: keys[0], remote: keys[1]), reporter: reporters.0,
                remoteReporter: reporters.1, patience: RelayEnd.patience),
            RelayEnd(
                id: id, channelID: channel, isHome: false, address: addresses[home],
                keys: SRTPKeys(profile: profile, local: keys[1], remote: keys[0]), reporter: reporters.1,
                remoteReporter: reporters.0, patience: RelayEnd.patience)
        )
    }

    /// There is a relay from a room's home on.
    package mutating func add(
        _ id: RelayID, _ channel: ChannelID, from home: RelayPlace, to away: RelayPlace
    ) {
        spans[id] = Span(channelID: channel, home: home, away: away)
    }

    /// The ends of a relay on this node have been opened.
    package mutating func noteOpen(_ id: RelayID) { spans[id]?.isOpen = true }

    /// Those whose ends on this node have been opened, and not ended as far as is known.
    package var openRelays: Set<RelayID> { Set(spans.lazy.filter(\.value.isOpen).map(\.key)) }

    /// Relays that have ended on a worker of this node without a word, as when notices were too many: who sits at the other end
    /// would wait for it, and nobody get a seat behind it any more.
    /// - Parameters:
    ///   - open: those that were open before the workers were asked.
    ///   - held: those that each worker has an end of.
    /// - Returns: with each whether it is the home's end that has to be told.
    package func lost(of open: Set<RelayID>, held: [Set<RelayID>]) -> [(id: RelayID, toHome: Bool)] {
        func isGone(_ id: RelayID, _ place: RelayPlace) -> Bool {
            if case .worker(let worker) = place { !held[worker].contains(id) } else { false }
        }
        return open.compactMap { id in
            guard let span = spans[id] else { return nil }
            if isGone(id, span.home) { return (id, false) }
            return isGone(id, span.away) ? (id, true) : nil
        }
    }

    /// Where a message of a relay is to go.
    package func receiver(_ id: RelayID, toHome: Bool) -> RelayPlace? {
        spans[id].map { toHome ? $0.home : $0.away }
    }

    /// A relay has ended. Answers whose it was.
    @discardableResult
    package mutating func remove(_ id: RelayID) -> ChannelID? { spans.removeValue(forKey: id)?.channelID }

    /// Nobody of the room is on this node any more. Answers whether it was here.
    package mutating func remove(_ channel: ChannelID) -> Bool {
        for (id, span) in spans where span.channelID == channel { spans[id]?.isFormer = true }
        return homes.removeValue(forKey: channel) != nil
    }
}
