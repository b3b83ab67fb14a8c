import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("What a worker knows of its rooms, in virtual time")
struct StatisticsTests {
    @Test("Rooms, participants and tracks say what was sent, lost and seen")
    func rooms() throws {
        let network = try CallNetwork(seed: 81, conditions: Conditions(loss: 0.05, delay: .milliseconds(20)))
        let ada = try network.join(MediaPeer.Configuration(seed: 1, sources: [.microphone, .camera]))
        let bob = try network.join(MediaPeer.Configuration(seed: 2, sources: [.microphone]))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(5))
        let rooms = network.worker.statistics(now: network.now)
        let room = try #require(rooms.first)
        #expect(rooms.count == 1 && room.channelID == network.channel && !room.isMoving)
        #expect(Set(room.participants.map(\.participantID)) == [ada.id, bob.id])

        let publisher = try #require(room.participants.first { $0.participantID == ada.id })
        #expect(publisher.isConnected && publisher.transport == "udp" && publisher.estimate > 0)
        let camera = try #require(publisher.published.first { $0.source == .camera })
        let stream = try #require(camera.encodings.first)
        #expect(camera.codec != nil && camera.subscribers == 1 && camera.isActive)
        #expect(stream.packets > 300 && stream.bitsPerSecond > 100_000 && stream.jitterMilliseconds < 20)

        let viewer = try #require(room.participants.first { $0.participantID == bob.id })
        let section = try #require(viewer.received.first { $0.from == ada.id && $0.source == .camera })
        #expect(section.packets > 300 && section.bytes > 100_000 && section.mid == bob.mid(of: ada, .camera))
        #expect(network.worker.estimates.count == 2)
    }

    @Test("What has not arrived of a stream counts as lost, until it has")
    func lost() {
        var reception = ReceptionStatistics(clockRate: 48_000)
        #expect(reception.lostCount == 0)
        for (number, lost) in [(65_534, 0), (65_535, 0), (2, 2), (1, 1), (3, 1)] as [(UInt16, Int64)] {
            _ = reception.receive(
                sequenceNumber: number, timestamp: 0, now: MediaTime(nanoseconds: Int64(number) * 1_000_000))
            #expect(reception.lostCount == lost, "after \(number)")
        }
    }

    @Test("What is asked for again, key frames and joins are counted")
    func counters() throws {
        let network = try CallNetwork(seed: 82, conditions: Conditions(loss: 0.05, delay: .milliseconds(20)))
        let ada = try network.join(MediaPeer.Configuration(seed: 1, sources: [.microphone, .camera]))
        _ = try network.join(MediaPeer.Configuration(seed: 2, sources: [.microphone]))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(5))
        let counters = network.worker.counters
        #expect(counters.packetsAskedFor > 3 && counters.packetsRequested > 3)
        #expect(counters.keyFramesRequested > 0)
        #expect(counters.joins.counts.reduce(0, +) == 2)
        // DTLS over a link of 40 ms there and back, some of it lost.
        #expect(counters.joins.sum > .milliseconds(160))
        #expect(counters.joins.counts[0] == 0)
    }
}
