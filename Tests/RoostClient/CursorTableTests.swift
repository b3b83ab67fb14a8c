import Contracts
import RoostClient
import Testing

@Suite("Cursors of a client")
struct CursorTableTests {
    private let channel = StreamID.channel(Samples.general)
    private let user = StreamID.user(Samples.me)

    private func event(_ seq: StreamSequence, of stream: StreamID? = nil, _ event: Event? = nil) -> EventFrame {
        EventFrame(
            stream: stream ?? channel, seq: seq, event: event ?? .messageCreated(Samples.message(1, seq: seq)))
    }

    @Test("T10: the next number moves the cursor; a repeated, a skipped and a strange one are told apart")
    func placements() {
        var table = CursorTable(Samples.cursors(general: 4))
        let placements = [
            table.receive(event(5), isReplay: false), table.receive(event(5), isReplay: false),
            table.receive(event(7), isReplay: false),
            table.receive(event(1, of: .channel(Samples.random)), isReplay: false),
        ]
        #expect(placements == [.next(StreamChange()), .duplicate, .gap(expected: 6), .unfollowed])
        #expect(table.places == [user: 0, channel: 5])
    }

    @Test("A channel begins and ends with the live events of the user's stream")
    func liveMembership() {
        var table = CursorTable(Samples.cursors())
        let random = StreamID.channel(Samples.random)
        let joined = table.receive(event(1, of: user, Samples.joined(Samples.random, at: 7)), isReplay: false)
        #expect(joined == .next(StreamChange(begun: [Cursor(stream: random, seq: 7)])))
        let left = table.receive(event(2, of: user, Samples.left(Samples.random)), isReplay: false)
        #expect(left == .next(StreamChange(ended: [random])))
        #expect(table.places[random] == nil)
    }

    @Test("Ready ends what it does not name and begins what was not asked for")
    func ready() {
        var table = CursorTable(Samples.cursors(user: 3, general: 9))
        let random = Cursor(stream: .channel(Samples.random), seq: 12)
        let change = table.ready([Cursor(stream: user, seq: 3), random], sent: table.cursors)
        #expect(change == StreamChange(begun: [random], ended: [channel]))
        #expect(table.places == [user: 3, random.stream: 12])
    }

    @Test("While moving, ready does not take back what the other socket has said since identify")
    func readyWhileMoving() {
        var table = CursorTable(Samples.cursors(user: 3, general: 9))
        let sent = table.cursors
        _ = table.receive(event(4, of: user, Samples.joined(Samples.random, at: 7)), isReplay: false)
        _ = table.receive(event(5, of: user, Samples.left(Samples.general)), isReplay: false)
        _ = table.receive(event(8, of: .channel(Samples.random)), isReplay: false)
        let change = table.ready(sent, sent: sent)
        #expect(change.isEmpty)
        #expect(table.places == [user: 5, .channel(Samples.random): 8])
    }

    @Test("O17: a departure in the replay counts only if it is not taken back before current")
    func replayedDepartures() {
        var table = CursorTable(Samples.cursors(general: 9))
        _ = table.ready(Samples.cursors(general: 9), sent: table.cursors)
        // Left and joined while away: ready has named the channel, and it goes on from our cursor.
        _ = table.receive(event(1, of: user, Samples.left(Samples.general)), isReplay: true)
        _ = table.receive(event(2, of: user, Samples.joined(Samples.general, at: 10)), isReplay: true)
        #expect(table.receive(event(10), isReplay: true) == .next(StreamChange()))
        #expect(table.current().isEmpty)
        #expect(table.places[channel] == 10)
        // Left after ready, and not joined again.
        _ = table.ready(table.cursors, sent: table.cursors)
        _ = table.receive(event(3, of: user, Samples.left(Samples.general)), isReplay: true)
        #expect(table.current() == StreamChange(ended: [channel]))
        #expect(table.places[channel] == nil)
    }

    @Test("O17: a channel left and joined between ready and current begins anew", arguments: [true, false])
    func rejoinedInReplay(isQuiet: Bool) {
        var table = CursorTable(Samples.cursors(general: 9))
        _ = table.ready(table.cursors, sent: table.cursors)
        _ = table.receive(event(1, of: user, Samples.left(Samples.general)), isReplay: true)
        _ = table.receive(event(2, of: user, Samples.joined(Samples.general, at: 14)), isReplay: true)
        let begun = StreamChange(begun: [Cursor(stream: channel, seq: 14)])
        if isQuiet {
            #expect(table.current() == begun)
            #expect(table.places[channel] == 14)
        } else {
            #expect(table.receive(event(15), isReplay: true) == .next(begun))
            #expect(table.current().isEmpty)
            #expect(table.places[channel] == 15)
        }
    }

    @Test("T10: a reset moves a stream that is read, and no other")
    func reset() {
        var table = CursorTable(Samples.cursors(general: 9))
        let isRead = table.reset(Reset(stream: channel, seq: 5))
        let isUnknownRead = table.reset(Reset(stream: .channel(Samples.random), seq: 5))
        #expect(isRead && !isUnknownRead)
        #expect(table.receive(event(6), isReplay: true) == .next(StreamChange()))
    }
}
