import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Relays whose packets come from elsewhere than was announced, in virtual time")
struct RelayPathTests {
    private struct Call {
        let network: CallNetwork
        let ada: CallNetwork.Person
        let bob: CallNetwork.Person
        var senders: [Sender]

        mutating func talk(_ duration: Duration) { network.talk(&senders, for: duration) }

        /// Complete pictures that each has got of the other.
        func frames() -> [Int] {
            [(ada, bob), (bob, ada)].map { viewer, other in
                viewer.mid(of: other, .camera).flatMap { viewer.peer.received[$0]?.completeFrames } ?? 0
            }
        }

        /// The same that come in a while.
        mutating func frames(in duration: Duration) -> [Int] {
            let before = frames()
            talk(duration)
            return zip(frames(), before).map(-)
        }
    }

    /// Two who talk, each on a worker of its own.
    /// - Parameter translations: where the packets of each worker come from.
    private func call(
        _ seed: UInt64, _ translations: [Int: TransportAddress] = [:], areAnnouncedReached: Bool = true
    ) throws -> Call {
        func configuration(_ seed: UInt64) -> MediaPeer.Configuration {
            var configuration = MediaPeer.Configuration(seed: seed, sources: [.microphone, .camera])
            configuration.usesRepair = true
            return configuration
        }
        let network = try CallNetwork(seed: seed, workerCount: 2)
        network.translations = translations
        network.areAnnouncedReached = areAnnouncedReached
        let ada = try network.join(configuration(1))
        let bob = try network.join(configuration(2), at: 1)
        return Call(network: network, ada: ada, bob: bob, senders: [Sender(ada), Sender(bob)])
    }

    private static let elsewhere = (0..<4).map { TransportAddress.v4(0xCB00_7101 + UInt32($0), port: 61_000) }

    @Test(
        "Pictures cross a relay within a second whose packets come from another address than was announced",
        arguments: [[0], [1], [0, 1]], [true, false])
    func source(translated: [Int], areAnnouncedReached: Bool) throws {
        // Of two that are reached nowhere none can begin.
        guard areAnnouncedReached || translated.count == 1 else { return }
        var call = try call(
            320, Dictionary(uniqueKeysWithValues: translated.map { ($0, Self.elsewhere[$0]) }),
            areAnnouncedReached: areAnnouncedReached)
        call.talk(.seconds(1))
        #expect(call.frames().allSatisfy { $0 > 5 }, "\(call.frames())")
        let frames = call.frames(in: .seconds(5))
        #expect(frames.allSatisfy { $0 >= 140 }, "\(frames)")
        #expect(call.bob.ended == nil && call.ada.state.participants.count == 2)
        for worker in call.network.workers { #expect(worker.counters.dropped(.notAuthentic) == 0) }
    }

    @Test("A relay whose packets come from another address from now on goes on there in less than two seconds")
    func moves() throws {
        var call = try call(321)
        call.talk(.seconds(2))
        let (first, second, third) = (Self.elsewhere[0], Self.elsewhere[1], Self.elsewhere[2])
        for translations in [[0: first], [0: second], [0: second, 1: third], [0: second], [:], [1: first]] {
            call.network.translations = translations
            call.talk(.seconds(2))
            let frames = call.frames(in: .seconds(3))
            #expect(frames.allSatisfy { $0 >= 80 }, "\(frames) after \(translations)")
        }
        #expect(call.bob.ended == nil && call.ada.state.participants.count == 2)
        for person in [call.ada, call.bob] { call.network.leave(person) }
        call.network.run(for: .seconds(1))
        #expect(call.network.workers.allSatisfy { $0.isEmpty })
    }

    /// A report that a stranger makes up, of the SSRC of a worker's end.
    private func forgery(of end: RelayEnd, number: Int) -> [UInt8] {
        var random = SplitMix64(seed: UInt64(number))
        let ssrc = end.remoteReporter
        return [0x80, 201, 0, 1] + (0..<4).map { UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * $0)) }
            + (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) } + [0x80, 0, 0, UInt8(number & 0xFF)]
    }

    @Test(
        "A stranger who knows the SSRC of a relay's reports moves nothing, is sent nothing, and little is decrypted for it"
    )
    func stranger() throws {
        var call = try call(322)
        call.talk(.seconds(2))
        let worker = call.network.worker
        let end = try #require(call.network.relays.first?.home)
        func flood() {
            for number in 0..<1_000 {
                var bytes = forgery(of: end, number: number)
                bytes.withUnsafeMutableBytes { worker.receive($0, from: Self.elsewhere[0], now: call.network.now) }
            }
        }
        flood()
        #expect(worker.counters.dropped(.notAuthentic) == 0, "while the other end is heard it is not looked at")
        #expect(worker.counters.dropped(.unknownAddress) >= 1_000)

        // And while it is not, a few are.
        call.network.relayLoss = 1
        call.talk(.milliseconds(1_300))
        flood()
        #expect((1...10).contains(worker.counters.dropped(.notAuthentic)), "\(worker.counters.dropped(.notAuthentic))")
        var toStranger = 0
        call.network.onRelayed = { _, destination in if destination == Self.elsewhere[0] { toStranger += 1 } }
        call.network.translations = [1: Self.elsewhere[0]]
        call.talk(.milliseconds(500))
        #expect(toStranger == 0)
        call.network.translations = [:]
        call.network.relayLoss = 0
        call.talk(.seconds(1))
        let frames = call.frames(in: .seconds(2))
        #expect(frames.allSatisfy { $0 >= 50 }, "\(frames)")
    }

    @Test("Reports that a stranger has overheard move nothing, once the other end's own have come")
    func overheard() throws {
        var call = try call(323)
        var reports: [[UInt8]] = []
        let end = try #require(call.network.relays.first?.home)
        let ssrc = (0..<4).map { UInt8(truncatingIfNeeded: end.remoteReporter >> (24 - 8 * $0)) }
        call.network.onRelayed = { bytes, _ in
            if bytes.count > 8, (192...223).contains(bytes[1]), Array(bytes[4..<8]) == ssrc { reports.append(bytes) }
        }
        call.talk(.seconds(3))
        let overheard = reports.suffix(4)
        #expect(overheard.count == 4)
        call.network.run(for: .milliseconds(50))
        call.network.relayLoss = 1
        call.talk(.seconds(1))
        let worker = call.network.worker
        let before = worker.counters.dropped(.notAuthentic)
        for report in overheard {
            var bytes = report
            bytes.withUnsafeMutableBytes { worker.receive($0, from: Self.elsewhere[1], now: call.network.now) }
        }
        #expect(worker.counters.dropped(.notAuthentic) == before + 4)
        call.network.relayLoss = 0
        call.talk(.seconds(1))
        #expect(call.frames(in: .seconds(2)).allSatisfy { $0 >= 50 })
    }

    @Test("No seat is heard from where another worker is, whatever source its checks name")
    func seat() throws {
        var call = try call(324)
        call.talk(.seconds(1))
        let (own, other) = (call.ada.address, try #require(call.network.relays.first?.home.address))
        let paths = call.network.worker.pathCount
        // From now on what goes to the other worker goes to her.
        call.ada.address = other
        call.talk(.seconds(4))
        #expect(call.network.worker.pathCount == paths)
        #expect(call.network.worker.counters.dropped(.notAuthentic) == 0, "the relay's packets are not taken for hers")
        call.ada.address = own
        call.talk(.seconds(1))
        #expect(call.frames(in: .seconds(2)).allSatisfy { $0 >= 50 })
        #expect(call.ada.ended == nil && call.bob.ended == nil)
    }
}
