package import Contracts
import MediaSecurity

/// Which workers of a node have seats of a room: its home, which has it from the first seat on, and those that help where
/// one is not enough. Each of them has a relay to the home.
package struct RoomSpread: Sendable {
    /// A relay between two workers, by their places on the node.
    private struct Span {
        let channelID: ChannelID
        let home: Int
        let away: Int
    }

    /// Where each worker's packets arrive, for the others.
    private let addresses: [TransportAddress]
    /// Seats of one room on one worker before another helps.
    private let seatsPerWorker: Int
    /// The home of each room.
    package private(set) var homes: [ChannelID: Int] = [:]
    private var spans: [RelayID: Span] = [:]

    package init(addresses: [TransportAddress], seatsPerWorker: Int) {
        self.addresses = addresses
        self.seatsPerWorker = seatsPerWorker
    }

    /// The workers that a room is on, its home first.
    package func workers(of channel: ChannelID) -> [Int] {
        guard let home = homes[channel] else { return [] }
        return [home] + spans.values.filter { $0.channelID == channel }.map(\.away)
    }

    /// The worker of a new seat. A room's first goes where the least is done, and of those that do as much where the fewest
    /// are. The next go there too, until the room is large or the worker busy; then to where it is already, or to a new one.
    /// - Parameters:
    ///   - loads: of each worker, all rooms together.
    ///   - seats: how many this room has on each.
    package mutating func place(_ channel: ChannelID, loads: [MediaNodeLoad], seats: [Int]) -> Int {
        guard let home = homes[channel] else {
            let least = loads.indices.min { loads[$0] < loads[$1] } ?? 0
            homes[channel] = least
            return least
        }
        let isFree = { [seatsPerWorker] (worker: Int) in loads[worker].takesRooms && seats[worker] < seatsPerWorker }
        if isFree(home) { return home }
        let known = workers(of: channel)
        let helpers = known.filter(isFree) + loads.indices.filter { !known.contains($0) && loads[$0].takesRooms }
        // Where all are full or busy, those that have the room share what is more.
        return helpers.first ?? known.min { seats[$0] < seats[$1] } ?? home
    }

    /// The two ends of a relay to a worker that has no seats of the room yet; `nil` where there is one, or at home.
    package mutating func relay(
        _ channel: ChannelID, to away: Int, using random: inout some RandomNumberGenerator
    ) -> (home: RelayEnd, away: RelayEnd)? {
        guard let home = homes[channel], home != away,
            !spans.values.contains(where: { $0.channelID == channel && $0.home == home && $0.away == away })
        else { return nil }
        let id = RelayID(high: random.next(), low: random.next())
        spans[id] = Span(channelID: channel, home: home, away: away)
        let profile = SRTPProfile.aeadAES128GCM
        let byteCount = profile.keyByteCount + profile.saltByteCount
        let keys = (0..<2).map { _ in (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &random) } }
        let reporters = (UInt32.random(in: 1 ... .max, using: &random), UInt32.random(in: 1 ... .max, using: &random))
        return (
            RelayEnd(
                id: id, channelID: channel, isHome: true, address: addresses[away],
                keys: SRTPKeys(profile: profile, local: keys[0], remote: keys[1]), reporter: reporters.0,
                remoteReporter: reporters.1),
            RelayEnd(
                id: id, channelID: channel, isHome: false, address: addresses[home],
                keys: SRTPKeys(profile: profile, local: keys[1], remote: keys[0]), reporter: reporters.1,
                remoteReporter: reporters.0)
        )
    }

    /// The worker that a message of a relay is for; after its last the relay is forgotten.
    package mutating func receiver(of message: RelayMessage, _ id: RelayID, toHome: Bool) -> Int? {
        guard let span = spans[id] else { return nil }
        if case .close = message { spans[id] = nil }
        return toHome ? span.home : span.away
    }

    /// Nobody of the room is on this node any more. Answers whether it was.
    package mutating func remove(_ channel: ChannelID) -> Bool { homes.removeValue(forKey: channel) != nil }
}
