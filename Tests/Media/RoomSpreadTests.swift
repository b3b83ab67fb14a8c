import CAllocations
import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Which workers of a node have a room")
struct RoomSpreadTests {
    private let channel = ChannelID(at: Timestamp(milliseconds: 1), entropy: (1, 1))
    private let addresses = (0..<3).map { TransportAddress.v4(0x7F00_0001, port: 40_000 + UInt16($0)) }

    private func load(_ participants: Int, busy: Int = 0) -> MediaNodeLoad {
        MediaNodeLoad(participants: participants, rooms: 0, busyPermille: busy)
    }

    @Test("A room is on the worker that does the least, and others help once it is large, or the worker busy")
    func place() {
        var spread = RoomSpread(addresses: addresses, seatsPerWorker: 4)
        var random = SplitMix64(seed: 1)
        #expect(spread.place(channel, epoch: 1, loads: [load(5), load(1), load(3)], seats: [0, 0, 0]) == 1)
        #expect(spread.workers(of: channel) == [1])
        #expect(spread.missingRelay(channel, to: 1) == nil, "the home needs none to itself")
        #expect(spread.place(channel, epoch: 1, loads: [load(5), load(9), load(3)], seats: [0, 3, 0]) == 1)
        let third = spread.place(channel, epoch: 1, loads: [load(5), load(9), load(3)], seats: [0, 4, 0])
        #expect(third == 0 || third == 2)
        #expect(spread.place(channel, epoch: 1, loads: [load(5, busy: 950), load(9), load(3)], seats: [0, 4, 0]) == 2)
        #expect(
            spread.place(
                channel, epoch: 1, loads: [load(5), load(9, busy: 950), load(3, busy: 950)], seats: [0, 1, 0]) == 0)
        #expect(spread.missingRelay(channel, to: 2) == .worker(1))
        _ = spread.relay(channel, from: 1, to: 2, using: &random)
        #expect(spread.missingRelay(channel, to: 2) == nil, "there is one")
        #expect(spread.workers(of: channel) == [1, 2])
        #expect(
            spread.place(channel, epoch: 1, loads: [load(0), load(9), load(3)], seats: [0, 4, 2]) == 2,
            "one that helps already")
        #expect(spread.place(channel, epoch: 1, loads: [load(0), load(9), load(3)], seats: [0, 4, 4]) == 0)
        _ = spread.relay(channel, from: 1, to: 0, using: &random)
        #expect(
            spread.place(channel, epoch: 1, loads: [load(0), load(9), load(3)], seats: [5, 4, 6]) == 1, "all are full")
    }

    @Test("The two ends of a relay have each other's keys")
    func relay() {
        var spread = RoomSpread(addresses: addresses, seatsPerWorker: 4)
        var random = SplitMix64(seed: 2)
        let home = spread.place(channel, epoch: 1, loads: [load(0), load(0), load(0)], seats: [0, 0, 0])
        #expect(home == 0)
        let ends = spread.relay(channel, from: 0, to: 2, using: &random)
        #expect(ends.home.isHome && !ends.away.isHome && ends.home.id == ends.away.id)
        #expect(ends.home.address == addresses[2] && ends.away.address == addresses[0])
        #expect(ends.home.keys.local == ends.away.keys.remote && ends.home.keys.remote == ends.away.keys.local)
        #expect(ends.home.keys.local != ends.home.keys.remote)
        #expect(ends.home.reporter == ends.away.remoteReporter && ends.away.reporter == ends.home.remoteReporter)
        #expect(spread.receiver(ends.home.id, toHome: true) == .worker(0))
        #expect(spread.receiver(ends.home.id, toHome: false) == .worker(2))
        #expect(spread.remove(ends.home.id) == channel)
        #expect(spread.receiver(ends.home.id, toHome: true) == nil)
        #expect(spread.workers(of: channel) == [0])
        let (first, second) = (spread.remove(channel), spread.remove(channel))
        #expect(first && !second)
    }

    private func node(_ number: UInt64) -> InstanceID {
        InstanceID(at: Timestamp(milliseconds: 1), entropy: (number, number))
    }

    @Test("A node that helps another has each of its workers' relays go there, and knows the nodes that help it")
    func nodes() {
        var spread = RoomSpread(addresses: addresses, seatsPerWorker: 2)
        #expect(spread.settle(channel, at: node(1), epoch: 5) == .settled)
        #expect(spread.homeWorker(of: channel) == nil && spread.workers(of: channel).isEmpty)
        #expect(spread.place(channel, epoch: 5, loads: [load(3), load(1), load(2)], seats: [0, 0, 0]) == 1)
        #expect(spread.missingRelay(channel, to: 1) == .node(node(1)))
        let id = RelayID(high: 1, low: 1)
        spread.add(id, channel, from: .node(node(1)), to: .worker(1))
        #expect(spread.missingRelay(channel, to: 1) == nil && spread.workers(of: channel) == [1])
        #expect(spread.place(channel, epoch: 5, loads: [load(3), load(1), load(2)], seats: [0, 1, 0]) == 1)
        #expect(spread.place(channel, epoch: 5, loads: [load(3), load(1), load(2)], seats: [0, 2, 0]) == 0)
        #expect(spread.receiver(id, toHome: true) == .node(node(1)))
        #expect(spread.receiver(id, toHome: false) == .worker(1))

        var home = RoomSpread(addresses: addresses, seatsPerWorker: 2)
        #expect(home.settle(channel, at: nil, epoch: 5) == .settled)
        #expect(home.place(channel, epoch: 5, loads: [load(0), load(1), load(1)], seats: [0, 0, 0]) == 0)
        home.add(id, channel, from: .worker(0), to: .node(node(2)))
        #expect(home.helpers(of: channel) == [node(2)] && home.workers(of: channel) == [0])
    }

    @Test("A relay is lost when a worker that had an end of it has none, and not while it is being opened")
    func lost() {
        var spread = RoomSpread(addresses: addresses, seatsPerWorker: 2)
        _ = spread.place(channel, epoch: 1, loads: [load(0), load(1), load(1)], seats: [0, 0, 0])
        let (inner, outer, young) = (RelayID(high: 1, low: 1), RelayID(high: 1, low: 2), RelayID(high: 1, low: 3))
        spread.add(inner, channel, from: .worker(0), to: .worker(2))
        spread.add(outer, channel, from: .worker(0), to: .node(node(1)))
        spread.add(young, channel, from: .node(node(2)), to: .worker(1))
        for id in [inner, outer] { spread.noteOpen(id) }
        let open = spread.openRelays
        #expect(open == [inner, outer])
        func lost(_ held: [Set<RelayID>]) -> [RelayID: Bool] {
            Dictionary(uniqueKeysWithValues: spread.lost(of: open, held: held).map { ($0.id, $0.toHome) })
        }
        #expect(lost([[inner, outer], [], [inner]]).isEmpty)
        #expect(lost([[inner], [], [inner]]) == [outer: false])
        #expect(lost([[inner, outer], [], []]) == [inner: true])
        #expect(lost([[outer], [], [inner]]) == [inner: false])
        // What was opened while the workers were asked is not among those that were open before.
        spread.noteOpen(young)
        #expect(lost([[inner, outer], [], [inner]]).isEmpty)
        #expect(spread.lost(of: spread.openRelays, held: [[inner, outer], [], [inner]]).map(\.id) == [young])
        spread.remove(inner)
        #expect(lost([[outer], [], []]).isEmpty, "its end was told meanwhile")
    }

    @Test("A room that was placed anew has another home from then on, and what an older grant says is refused")
    func settle() {
        var spread = RoomSpread(addresses: addresses, seatsPerWorker: 2)
        #expect(spread.settle(channel, at: node(1), epoch: 5) == .settled)
        spread.add(RelayID(high: 1, low: 1), channel, from: .node(node(1)), to: .worker(1))
        #expect(spread.settle(channel, at: node(1), epoch: 5) == .settled)
        #expect(spread.settle(channel, at: node(2), epoch: 4) == .outdated)
        #expect(spread.settle(channel, at: nil, epoch: 5) == .outdated)
        #expect(spread.settle(channel, at: node(2), epoch: 6) == .moved(workers: [1]))
        #expect(spread.missingRelay(channel, to: 1) == .node(node(2)), "the former relay leads to another node")
        #expect(spread.receiver(RelayID(high: 1, low: 1), toHome: true) == .node(node(1)), "which is told of its end")
        #expect(spread.settle(channel, at: nil, epoch: 7) == .moved(workers: []))
        #expect(spread.place(channel, epoch: 7, loads: [load(0), load(1), load(1)], seats: [0, 0, 0]) == 0)
        #expect(spread.homeWorker(of: channel) == 0)
        #expect(spread.settle(channel, at: nil, epoch: 9) == .settled)
        #expect(spread.settle(channel, at: node(3), epoch: 8) == .outdated)
    }
}
