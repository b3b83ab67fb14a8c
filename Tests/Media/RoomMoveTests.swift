import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Rooms that move to another node, in virtual time")
struct RoomMoveTests {
    private func configuration(_ seed: UInt64) -> MediaPeer.Configuration {
        MediaPeer.Configuration(seed: seed, sources: [.microphone, .camera])
    }

    /// Two who talk in a room that is told to move.
    private func moved(_ seed: UInt64) throws -> (network: CallNetwork, senders: [Sender]) {
        let network = try CallNetwork(seed: seed)
        var senders = [Sender(try network.join(configuration(1))), Sender(try network.join(configuration(2)))]
        network.talk(&senders, for: .seconds(2))
        network.worker.move(room: network.channel, now: network.now)
        network.talk(&senders, for: .milliseconds(100))
        return (network, senders)
    }

    private func packets(_ person: CallNetwork.Person) -> Int {
        person.peer.received.values.reduce(0) { $0 + $1.packets }
    }

    @Test("Everyone is told, and goes on hearing and seeing the others until the time is over")
    func grace() throws {
        var (network, senders) = try moved(71)
        let people = senders.map(\.person)
        for person in people { #expect(person.ended == .moved) }
        for _ in 0..<5 {
            let before = people.map(packets)
            network.talk(&senders, for: .seconds(1))
            for (person, count) in zip(people, before) { #expect(packets(person) > count + 150) }
        }
        #expect(network.worker.participantCount == 2)
        network.talk(&senders, for: Limits.callMoveGrace - .seconds(5))
        #expect(network.worker.isEmpty)
        for person in people { #expect(person.peer.isClosed) }
    }

    @Test("Nothing is reported of a room that moved but its end: the other node reports")
    func reports() throws {
        var (network, senders) = try moved(72)
        let before = network.reports.count
        let states = senders.map(\.person.states.count)
        network.leave(senders[0].person)
        network.talk(&senders, for: .seconds(2))
        #expect(network.worker.participantCount == 1)
        #expect(network.reports.count == before)
        #expect(senders.map(\.person.states.count) == states)
        network.talk(&senders, for: Limits.callMoveGrace)
        #expect(network.reports.count == before + 1)
        #expect(network.reports.last?.participants.isEmpty == true)
    }

    @Test("Rooms that moved are not among those that the node keeps")
    func census() throws {
        let (network, _) = try moved(73)
        #expect(network.worker.census().rooms.isEmpty)
        #expect(network.worker.census().seats.count == 2)
    }

    @Test("Whoever closes the connection is gone at once, and with the last the room")
    func leaving() throws {
        var (network, senders) = try moved(74)
        for sender in senders { sender.person.peer.close() }
        network.talk(&senders, for: .milliseconds(200))
        #expect(network.worker.isEmpty)
    }

    @Test("A seat by HTTP, whose holder cannot be told, ends at once")
    func byHTTP() throws {
        let network = try CallNetwork(seed: 75)
        _ = try network.join(configuration(1))
        network.run(for: .milliseconds(300))
        _ = try network.worker.join(
            network.seat(), route: SeatRoute(gateway: nil, connectionID: network.freshID()),
            joinedAt: Timestamp(milliseconds: 1), now: network.now)
        #expect(network.worker.participantCount == 2)
        network.worker.move(room: network.channel, now: network.now)
        #expect(network.worker.participantCount == 1)
    }

    @Test("A seat without a media path ends at once, and its holder is told")
    func early() throws {
        let network = try CallNetwork(seed: 77)
        let ada = try network.join(configuration(1))
        network.worker.move(room: network.channel, now: network.now)
        network.run(for: .milliseconds(20))
        #expect(network.worker.isEmpty && ada.ended == .moved)
    }

    @Test("A room that comes back begins anew, without those who are left of the old one, who have their time")
    func back() throws {
        var (network, senders) = try moved(76)
        let route = SeatRoute(gateway: network.freshID(), connectionID: network.freshID())
        let taken = try network.worker.join(
            network.seat(epoch: 9), route: route, joinedAt: Timestamp(milliseconds: 2), now: network.now)
        #expect(taken.isFirst)
        #expect(taken.reply.state.participants.count == 1)
        #expect(network.worker.participantCount == 3)
        #expect(network.worker.census().rooms == [network.channel: 9])
        #expect(senders.allSatisfy { $0.person.ended == .moved })
        let before = senders.map { packets($0.person) }
        network.talk(&senders, for: .seconds(5))
        for (sender, count) in zip(senders, before) { #expect(packets(sender.person) > count + 750) }
        network.talk(&senders, for: .seconds(1))
        #expect(network.worker.participantCount == 1 && network.worker.roomCount == 1)
        #expect(
            network.reports.last?.participants.map(\.participantID) == [taken.reply.state.participants[0].participantID]
        )
    }
}
