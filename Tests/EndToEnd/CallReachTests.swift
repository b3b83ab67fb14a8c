import Contracts
import Glibc
import MediaPeer
import TestSupport
import Testing

extension EndToEnd {
    /// The ways to a media node when the network lets little through.
    @Suite("Calls: the ways to the node")
    struct CallReachTests {
        @Test("C9: a peer that comes by TCP alone and one by UDP get each other's sound and pictures")
        func byTCP() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let first = try await scene.join(0) { $0.isByTCP = true }
                let second = try await scene.join(1)
                for (receiver, sender) in [(first, second), (second, first)] {
                    for source in [CallSource.microphone, .camera] {
                        try await receiver.peer.wait(for: 60, source, of: sender.peer)
                        let section = try #require(receiver.peer.received(source, of: sender.peer))
                        #expect(section.corrupt == 0 && section.wrongMids == 0 && section.duplicates == 0)
                        #expect(section.sequenceBreaks == 0 && section.timestampBreaks == 0)
                    }
                }
            }
        }

        @Test("Who comes by IPv6, by UDP or by TCP, and who comes by IPv4 get each other's sound and pictures")
        func byIPv6() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let first = try await scene.join(0) { $0.isByIPv6 = true }
                let second = try await scene.join(1)
                let third = try await scene.join(2) { ($0.isByIPv6, $0.isByTCP) = (true, true) }
                try await scene.expectWhole([first, second, third])
            }
        }

        @Test("Eight peers that came by TCP leave no connection behind, whether they say so or not")
        func freed() async throws {
            try await CallMediaScene.run(people: 1) { scene in
                let warm = try await scene.join(0) { $0.isByTCP = true }
                let process = try scene.stack.processID(of: scene.node(of: warm))
                try await scene.giveUp(warm)
                let other = try scene.stack.processID(of: scene.node(of: warm) == "media-0" ? "media-1" : "media-0")
                func descriptors() throws -> Int {
                    try [process, other].map { try ProcessFootprint(of: $0).descriptorCount }.reduce(0, +)
                }
                let before = try await eventually("the warm one's connection is closed") {
                    try warm.peer.hasStreamEnded ? descriptors() : nil
                }
                // One connection may ask for ten seats in half a minute.
                for _ in 0..<8 {
                    let caller = try await scene.join(0, on: warm.device) { $0.isByTCP = true }
                    try await caller.peer.waitUntilSent(3)
                    try await scene.giveUp(caller)
                }
                try await eventually("no connection is left") { try descriptors() == before ? true : nil }
            }
        }

        @Test("A connection that brings no authenticated check is closed in ten seconds, one with nonsense at once")
        func unproven() async throws {
            try await CallMediaScene.run(people: 1) { scene in
                let caller = try await scene.join(0) { $0.isByTCP = true }
                let silent = try MediaStream(host: "127.0.0.1", port: caller.peer.nodePort)
                let stranger = try MediaStream(host: "::1", port: caller.peer.nodePort)
                let nonsense = try MediaStream(host: "127.0.0.1", port: caller.peer.nodePort)
                let began = ContinuousClock.now
                nonsense.send(raw: [0xFF, 0xFF, 1, 2, 3])
                try await eventually("the nonsense is over", within: .seconds(2)) { nonsense.hasEnded ? true : nil }
                // Well framed, but of nobody: packets of another's association.
                let media = caller.peer.samples.filter { $0.first.map { $0 >= 128 } ?? false }
                for packet in media { _ = packet.withUnsafeBytes { stranger.send($0) } }
                #expect(!silent.hasEnded && !stranger.hasEnded)
                for stream in [silent, stranger] {
                    try await eventually("it is closed", within: .seconds(13)) { stream.hasEnded ? true : nil }
                }
                #expect(ContinuousClock.now - began > .seconds(9))
                try await caller.peer.waitUntilSent(20)
                #expect(caller.peer.snapshot.isConnected && caller.device.state.call.ended.isEmpty)
            }
        }
    }
}

extension CallMediaScene {
    /// Ends a seat by the frame, and its peer without a word.
    fileprivate func giveUp(_ caller: Caller) async throws {
        let ended = caller.device.state.call.ended.count
        try await caller.device.send(.callLeave(CallLeave()))
        try await caller.device.wait(for: "the seat is given up") { $0.call.ended.count > ended }
        caller.peer.stop()
    }
}
