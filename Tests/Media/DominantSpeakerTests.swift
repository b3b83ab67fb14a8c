import Contracts
import MediaCore
import MediaPeer
import Testing

@Suite("Who of several that speak is dominant")
struct DominantSpeakerTests {
    /// Three people with microphones, and who was told as dominant, from the last tick on.
    private final class Table {
        let network: CallNetwork
        let people: [CallNetwork.Person]
        private(set) var dominant: [ParticipantID] = []

        init(seed: UInt64) throws {
            network = try CallNetwork(seed: seed)
            var people: [CallNetwork.Person] = []
            for index in 0..<3 {
                let configuration = MediaPeer.Configuration(seed: seed + UInt64(index), sources: [.microphone])
                people.append(try network.join(configuration))
            }
            self.people = people
            network.run(for: .seconds(1))
        }

        /// Lets them speak; the level of each is in −dBov, as in RFC 6464, and 127 is silence.
        func talk(for duration: Duration, _ level: (_ person: Int, _ millisecond: Int) -> UInt8) {
            network.run(for: duration) { millisecond in
                if millisecond % 20 == 0 {
                    for (index, person) in people.enumerated() {
                        person.peer.sendAudio(level: level(index, millisecond), now: network.now)
                    }
                }
                if let first = people[2].speakers.first, first != dominant.last { dominant.append(first) }
            }
        }
    }

    @Test("Who speaks with pauses takes over from a hum that counts as speech, and it does not take turns with them")
    func hum() throws {
        let table = try Table(seed: 41)
        let (ada, bob) = (table.people[0].id, table.people[1].id)
        table.talk(for: .seconds(2)) { person, _ in person == 0 ? 50 : 127 }
        #expect(table.dominant == [ada])
        table.talk(for: .seconds(2)) { person, millisecond in
            person == 0 ? 50 : person == 1 && millisecond % 600 < 400 ? 20 : 127
        }
        #expect(table.dominant == [ada, bob])
        #expect(Set(table.people[0].speakers) == [ada, bob], "both are told as those who speak")
        table.talk(for: .seconds(20)) { person, millisecond in
            person == 0 ? 50 : person == 1 && millisecond % 600 < 400 ? 20 : 127
        }
        #expect(table.dominant == [ada, bob])
        table.talk(for: .seconds(2)) { person, _ in person == 0 ? 50 : 127 }
        #expect(table.dominant == [ada, bob, ada], "who stops is not dominant any more")
    }

    @Test("Of two who are as loud, who spoke first stays dominant")
    func equals() throws {
        let table = try Table(seed: 42)
        table.talk(for: .seconds(1)) { person, _ in person == 1 ? 25 : 127 }
        table.talk(for: .seconds(20)) { person, millisecond in
            let isLouder = millisecond / 700 % 2 == person
            return person < 2 ? (isLouder ? 24 : 28) : 127
        }
        #expect(table.dominant == [table.people[1].id])
    }

    @Test("Who falls in with a word does not become dominant by it")
    func interjection() throws {
        let table = try Table(seed: 43)
        table.talk(for: .seconds(1)) { person, _ in person == 0 ? 30 : 127 }
        table.talk(for: .seconds(20)) { person, millisecond in
            switch person {
            case 0: 30
            case 1 where millisecond % 4_000 > 2_000 && millisecond % 4_000 < 2_300: 22
            default: 127
            }
        }
        #expect(table.dominant == [table.people[0].id])
    }
}
