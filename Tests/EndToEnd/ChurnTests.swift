import Contracts
import Foundation
import MediaPeer
import TestSupport
import Testing

extension EndToEnd {
    /// What people leave behind who come and go, seen from outside the processes.
    @Suite("Calls: what is left behind")
    struct ChurnTests {
        private static let environment = ProcessInfo.processInfo.environment
        private static let isFull = environment["ROOST_TEST_FULL"] != nil
        /// People come in twos, each two with a call of their own.
        private static let pairs = isFull ? 50 : 10
        private static let joins = isFull ? 10 : 5
        private static let restarts = isFull ? 100 : 50
        /// By how much a process may have grown after what warmed it up.
        private static let memoryBound = 12 << 20
        /// How long the long run takes, and its part in `make test`.
        private static let soak = Duration.seconds(environment["SOAK_SECONDS"].flatMap { Int($0) } ?? 24)

        @Test("C8: 1,000 joins and leaves and 10,000 ICE restarts (a tenth in make test) leave nothing behind")
        func churn() async throws {
            try await CallMediaScene.run(people: 2 * Self.pairs) { scene in
                let rooms = try await concurrently(0..<Self.pairs) { pair in
                    try await scene.team.channel(.private, with: Array(scene.team.people[(2 * pair)..<(2 * pair + 2)]))
                }
                try await comeAndGo(scene, rooms, joins: 2, restarts: 5)
                let before = try await eventually("nobody is left of the first") {
                    let remains = try await scene.remains()
                    return remains.seats == 0 ? remains : nil
                }
                try await comeAndGo(scene, rooms, joins: Self.joins, restarts: Self.restarts)
                let after = try await eventually("nobody is left", within: .seconds(20)) {
                    let remains = try await scene.remains()
                    let areClosed = before.descriptors.allSatisfy {
                        remains.descriptors[$0.key, default: 0] <= $0.value
                    }
                    return remains.seats == 0 && areClosed ? remains : nil
                }
                #expect(after.paths == 0 && after.rooms == 0)
                #expect(after.lastingKeys == before.lastingKeys)
                for (name, old) in before.memory {
                    let grown = try #require(after.memory[name]) - old
                    #expect(grown < Self.memoryBound, "\(name) has grown by \(grown) bytes")
                }
            }
        }

        /// Everyone takes and gives up a seat so often, then takes one and restarts ICE so often, all at once.
        private func comeAndGo(
            _ scene: CallMediaScene, _ rooms: [ChannelID], joins: Int, restarts: Int
        ) async throws {
            _ = try await concurrently(0..<(2 * rooms.count)) { person in
                let room = rooms[person / 2]
                let device = try await scene.team.people[person].connect(to: scene.gateway(person))
                for number in 0..<joins {
                    let caller = try await scene.join(person, in: room, sources: [.microphone], on: device)
                    try await scene.giveUp(caller, byClosing: number % 2 == 0)
                }
                let last = try await scene.team.people[person].connect(to: scene.gateway(person))
                let caller = try await scene.join(person, in: room, sources: [.microphone], on: last)
                for number in 0..<restarts {
                    caller.peer.restartIce()
                    let offer = caller.peer.offer(number: number + 2)
                    let answer = try await last.offer(offer.number, sdp: offer.sdp, publications: offer.publications)
                    try caller.peer.accept(answer)
                    // As often as a socket may send frames.
                    try await caller.peer.waitUntilSent(9)
                    try await caller.peer.wait(for: "the new path") { $0.isConnected }
                }
                #expect(last.state.call.ended.isEmpty && !caller.peer.snapshot.isClosed)
                try await scene.giveUp(caller, byClosing: person % 2 == 0)
                await device.close()
                await last.close()
            }
        }

        @Test("Over a long run of calls (SOAK_SECONDS; make soak takes two hours) memory is flat")
        func soak() async throws {
            try await CallMediaScene.run(people: 5) { scene in
                let callers = try await concurrently(0..<3) { try await scene.join($0) }
                var guests = scene.team.people
                var samples: [[String: Int]] = []
                let start = ContinuousClock.now
                while ContinuousClock.now - start < Self.soak {
                    for person in 3..<5 {
                        guests[person] = try await guests[person].stillSignedIn()
                        let device = try await guests[person].connect(to: scene.gateway(person))
                        let guest = try await scene.join(person, on: device)
                        try await guest.peer.wait(for: 30, .camera, of: callers[0].peer)
                        try await callers[0].peer.wait(for: 30, .camera, of: guest.peer)
                        try await scene.giveUp(guest, byClosing: person == 3)
                        await device.close()
                    }
                    samples.append(try await scene.remains().memory)
                }
                for caller in callers {
                    #expect(caller.device.state.call.ended.isEmpty)
                    for other in callers where other.id != caller.id {
                        let section = try #require(caller.peer.received(.camera, of: other.peer))
                        #expect(section.corrupt == 0 && section.sequenceBreaks == 0)
                    }
                }
                // The first quarter warms up.
                let (early, late) = (samples[samples.count / 4], try #require(samples.last))
                for (name, old) in early {
                    let grown = try #require(late[name]) - old
                    #expect(grown < Self.memoryBound, "\(name) has grown by \(grown) bytes")
                }
            }
        }
    }
}

/// What the processes of a stack hold.
private struct Remains {
    /// Of the media nodes and the gateways.
    var memory: [String: Int] = [:]
    var descriptors: [String: Int] = [:]
    /// As the media nodes count them: seats, rooms, and ICE fragments and addresses that lead to seats.
    var seats = 0
    var rooms = 0
    var paths = 0
    /// Keys of Redis that do not end by themselves.
    var lastingKeys: Set<String> = []
}

extension CallMediaScene {
    fileprivate func remains() async throws -> Remains {
        var remains = Remains()
        for name in ["media-0", "media-1", "gateway-0", "gateway-1"] {
            let footprint = try ProcessFootprint(of: stack.processID(of: name))
            remains.memory[name] = footprint.residentByteCount
            remains.descriptors[name] = footprint.descriptorCount
        }
        for url in try stack.mediaURLs {
            for line in try await APIClient(base: url).get("/metrics").text.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 2, let value = Int(words[1]) else { continue }
                switch words[0] {
                case "roost_media_seats": remains.seats += value
                case "roost_media_rooms": remains.rooms += value
                case "roost_media_paths": remains.paths += value
                default: break
                }
            }
        }
        let lasting = """
            local found = {}
            for _, key in ipairs(redis.call('KEYS', '*')) do
                if redis.call('PTTL', key) == -1 then table.insert(found, key) end
            end
            return found
            """
        let keys = try await stack.redis("EVAL", lasting, "0")
        remains.lastingKeys = Set(keys.split(separator: "\n").map(String.init))
        return remains
    }

    /// Gives up a seat by the frame or by the end of the association, and waits until it is gone.
    fileprivate func giveUp(_ caller: Caller, byClosing: Bool) async throws {
        let ended = caller.device.state.call.ended.count
        if byClosing { caller.peer.close() } else { try await caller.device.send(.callLeave(CallLeave())) }
        try await caller.device.wait(for: "the seat is given up") { $0.call.ended.count > ended }
        caller.peer.stop()
    }
}
