import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("A room of a hundred with 25 cameras, in virtual time")
struct LargeRoomTests {
    private static let peopleCount = 100
    private static let cameraCount = 25

    /// Everybody has a microphone and the first some a camera; all send all the time, most of them silence.
    private final class Room {
        let network: CallNetwork
        private(set) var people: [CallNetwork.Person] = []
        /// How loud each who speaks is: 0 is loudest (RFC 6464).
        var voices: [Int: UInt8] = [:]
        /// When each last sent a key frame on request.
        private var answered: [Int: Int] = [:]

        init(seed: UInt64) throws {
            network = try CallNetwork(seed: seed)
            for index in 0..<LargeRoomTests.peopleCount {
                let sources: [CallSource] = index < LargeRoomTests.cameraCount ? [.microphone, .camera] : [.microphone]
                people.append(try network.join(.init(seed: UInt64(index + 1), sources: sources)))
                network.run(for: .milliseconds(5))
            }
        }

        func run(for duration: Duration) { network.run(for: duration) { self.send($0) } }

        func run(atMost limit: Duration, until condition: () -> Bool) -> Duration? {
            let start = network.now
            while network.now < start + limit {
                if condition() { return network.now - start }
                run(for: .milliseconds(1))
            }
            return condition() ? network.now - start : nil
        }

        private func send(_ millisecond: Int) {
            for (index, person) in people.enumerated() {
                // Not all in the same millisecond.
                if (millisecond + index) % 20 == 0 {
                    person.peer.sendAudio(level: voices[index] ?? 127, now: network.now)
                }
                guard index < LargeRoomTests.cameraCount, (millisecond + index) % 200 == 0 else { continue }
                let requests = person.peer.keyFrameRequestsReceived
                person.peer.sendVideoFrame(byteCount: 800, isKeyFrame: answered[index] != requests, now: network.now)
                answered[index] = requests
            }
        }

        /// Whose voices came to a viewer last, one for each section of audio.
        func heard(by viewer: Int) -> Set<UInt32> {
            Set(people[viewer].peer.received.values.filter { !$0.isVideo }.compactMap(\.origin))
        }

        /// Whether everybody else gets each of these voices.
        func everybodyHears(_ speakers: [Int]) -> Bool {
            people.indices.allSatisfy { viewer in
                let heard = heard(by: viewer)
                return speakers.allSatisfy { $0 == viewer || heard.contains(voice(of: $0)) }
            }
        }

        private func voice(of index: Int) -> UInt32 { people[index].peer.published(.microphone)?.ssrc ?? 0 }

        /// Packets of sound that each has got so far.
        var soundCounts: [Int] {
            people.map { $0.peer.received.values.reduce(0) { $0 + ($1.isVideo ? 0 : $1.packets) } }
        }
    }

    @Test("Each gets six voices at most, those who speak, the loudest of many, a quarter of a second after they begin")
    func voices() throws {
        let room = try Room(seed: 91)
        room.run(for: .seconds(1))
        for person in room.people { #expect(person.peer.isConnected) }

        for speakers in [[60], [60, 61, 99], [5, 61, 70, 80, 90, 99]] {
            room.voices = Dictionary(uniqueKeysWithValues: speakers.map { ($0, 40) })
            let time = room.run(atMost: .milliseconds(250)) { room.everybodyHears(speakers) }
            #expect(time != nil, "\(speakers) are heard by all")
            // Who has stopped is still called a speaker for the time of a pause between words.
            room.run(for: .seconds(2))
            let told = Set(speakers.map { room.people[$0].id })
            #expect(room.people.allSatisfy { Set($0.speakers) == told }, "\(speakers) are told as those who speak")
        }

        // A seventh who is louder is heard instead of one of the six, and one who is hardly louder is not.
        room.voices[50] = 38
        room.run(for: .seconds(1))
        #expect(!room.everybodyHears([50]))
        #expect(room.everybodyHears([5, 61, 70, 80, 90, 99]))
        room.voices[50] = 15
        #expect(room.run(atMost: .milliseconds(250)) { room.everybodyHears([50]) } != nil)

        let before = room.soundCounts
        room.run(for: .seconds(1))
        for (before, after) in zip(before, room.soundCounts) {
            #expect(after - before <= Limits.audioSections * 50 + Limits.audioSections)
            #expect(after - before >= (Limits.audioSections - 1) * 49)
        }
    }

    @Test("Everybody sees all 25 cameras, and who joins last sees and hears within a second")
    func cameras() throws {
        let room = try Room(seed: 92)
        room.run(for: .seconds(1))
        for _ in 0..<2 {
            for person in room.people {
                let offered = person.peer.received.values.count(where: \.isVideo)
                guard person.state.videoSections > offered else { continue }
                person.peer.addVideoSections(person.state.videoSections - offered)
                try room.network.offer(person)
            }
            room.run(for: .seconds(1))
        }
        for (index, person) in room.people.enumerated() {
            let seen = person.peer.received.values.filter { $0.isVideo && $0.completeFrames > 0 }
            #expect(seen.count == Self.cameraCount - (index < Self.cameraCount ? 1 : 0))
            #expect(seen.allSatisfy { $0.missing == 0 && $0.undecodable == 0 })
        }

        room.voices = [3: 30]
        room.run(for: .milliseconds(300))
        room.network.leave(room.people[99])
        room.run(for: .milliseconds(100))
        let late = try room.network.join(.init(seed: 500, sources: []))
        let time = room.run(atMost: .seconds(1)) {
            late.peer.received.values.contains { $0.isVideo && $0.completeFrames > 0 }
                && late.peer.received.values.contains { !$0.isVideo && $0.packets > 0 }
        }
        #expect(time != nil)
    }
}
