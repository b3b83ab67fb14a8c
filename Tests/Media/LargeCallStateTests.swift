import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import MediaServer
import ServiceKit
import Testing

@Suite("What a call of five hundred is told, in virtual time")
struct LargeCallStateTests {
    private struct Place {
        let seat: Seat
        let route: SeatRoute
    }

    private struct Reported {
        let at: MediaTime
        let count: Int
    }

    /// A state: when it was told, to whom, and its bytes on the bus.
    private struct Told {
        let at: MediaTime
        let participant: ParticipantID
        let state: CallState
        let byteCount: Int
    }

    /// Seats without peers: what is told goes by the bus, not by the link.
    private final class Crowd {
        let network: CallNetwork
        let worker: Worker
        private(set) var seats: [Place] = []
        private(set) var now: MediaTime
        private(set) var reports: [Reported] = []
        private(set) var told: [Told] = []
        private let encoder = CallStateEncoder()

        init(seed: UInt64) throws {
            network = try CallNetwork(seed: seed)
            worker = network.worker
            now = network.now
        }

        func join(_ count: Int = 1, rights: CallRights = .ordinary) throws {
            for _ in 0..<count {
                let seat = network.seat()
                let route = SeatRoute(gateway: network.freshID(), connectionID: network.freshID())
                _ = try worker.join(
                    seat, rights: rights, route: route, joinedAt: Timestamp(milliseconds: now.nanoseconds / 1_000_000),
                    now: now)
                seats.append(Place(seat: seat, route: route))
            }
        }

        func raise(hand isRaised: Bool, of index: Int) throws {
            try worker.update(
                SeatUpdateRequest(
                    participantID: seats[index].seat.participantID, connectionID: seats[index].route.connectionID,
                    update: CallUpdate(active: [], isHandRaised: isRaised)),
                now: now)
        }

        func leave(_ index: Int) {
            let place = seats.remove(at: index)
            worker.leave(
                SeatLeaveRequest(participantID: place.seat.participantID, connectionID: place.route.connectionID),
                now: now)
        }

        /// Whatever was told so far is no matter.
        func forget() {
            told = []
            reports = []
        }

        func run(for duration: Duration, each: (_ step: Int) throws -> Void = { _ in }) throws {
            for step in 0..<Int(duration / .milliseconds(10)) {
                now = now + .milliseconds(10)
                try each(step)
                worker.handleTimeout(now: now)
                for notice in worker.takeNotices() { try take(notice) }
            }
        }

        private func take(_ notice: Notice) throws {
            switch notice {
            case .report(let report): reports.append(Reported(at: now, count: report.participants.count))
            case .frame(.callState(let state), let participant, let route):
                let bytes = try encoder.encode(
                    SeatNotice(
                        node: .example, participantID: participant, connectionID: route.connectionID,
                        frame: .callState(state)))
                told.append(Told(at: now, participant: participant, state: state, byteCount: bytes.count))
            default: break
            }
        }
    }

    @Test("A call has five hundred seats, and no more")
    func seats() throws {
        let crowd = try Crowd(seed: 701)
        try crowd.join(Limits.participantsPerCall)
        #expect(Limits.participantsPerCall == 500)
        #expect(throws: SeatError.self) { try crowd.join() }
        crowd.leave(77)
        try crowd.join()
    }

    @Test("However much happens among five hundred, the states of a second take no more than 8 MB")
    func bounded() throws {
        let crowd = try Crowd(seed: 702)
        try crowd.join(Limits.participantsPerCall - 1)
        try crowd.run(for: .seconds(8)) { step in
            try crowd.raise(hand: step.isMultiple(of: 2), of: step % 400)
            if step % 20 == 0 { try crowd.join() }
            if step % 20 == 10 { crowd.leave(450) }
        }
        let states = crowd.told
        #expect(states.count > 500)
        for first in states.indices where first.isMultiple(of: 25) {
            let second = states[first...].prefix { $0.at < states[first].at + .seconds(1) }
            let largest = second.map(\.byteCount).max() ?? 0
            let byteCount = second.reduce(0) { $0 + $1.byteCount }
            // A tenth for the estimate, and the state with which the burst ends.
            #expect(byteCount <= (Limits.callStateByteRate + Limits.callStateBurst) * 11 / 10 + largest)
        }
        let all = states.reduce(0) { $0 + $1.byteCount }
        #expect(all <= (8 * Limits.callStateByteRate + Limits.callStateBurst) * 11 / 10)
        // And no less than half of that, or it would be something else that slows them.
        #expect(all >= 4 * Limits.callStateByteRate)
        // Nobody is left out while others are told again and again.
        let reached = Set(states.map(\.participant))
        #expect(crowd.seats.prefix(400).allSatisfy { reached.contains($0.seat.participantID) })
    }

    @Test("One change is told to each of five hundred once, within six seconds; to the last what holds then")
    func oneChange() throws {
        let crowd = try Crowd(seed: 703)
        try crowd.join(Limits.participantsPerCall)
        try crowd.run(for: .seconds(6))
        crowd.forget()
        try crowd.raise(hand: true, of: 3)
        let start = crowd.now
        try crowd.run(for: .seconds(1))
        // Told to half of them, it is another one already.
        #expect((50...450).contains(crowd.told.count))
        try crowd.raise(hand: true, of: 4)
        // Those who still wait for the first are told the second with it.
        try crowd.run(for: .milliseconds(500))
        let early = crowd.told
        let waiting = Set(crowd.seats.map(\.seat.participantID)).subtracting(early.map(\.participant))
        try crowd.run(for: .seconds(6))
        #expect(early.first.map { $0.at - start < .seconds(1) } ?? false)
        let late = crowd.told.dropFirst(early.count)
        for participant in waiting {
            let first = late.first { $0.participant == participant }
            #expect(first?.state.hands.count == 2)
            #expect(first.map { $0.at - start < .seconds(6) } ?? false)
        }
        var last: [ParticipantID: CallState] = [:]
        for one in crowd.told { last[one.participant] = one.state }
        #expect(last.count == Limits.participantsPerCall)
        #expect(last.values.allSatisfy { $0.hands.count == 2 })
        let told = Dictionary(grouping: crowd.told, by: \.participant)
        #expect(told.values.allSatisfy { $0.count <= 2 })
        #expect(waiting.allSatisfy { told[$0]?.count == 1 })
    }

    @Test("A call of a hundred is told each change at once, as one of five is", arguments: [5, 100])
    func small(count: Int) throws {
        let crowd = try Crowd(seed: 704)
        try crowd.join(count)
        try crowd.run(for: .seconds(1))
        crowd.forget()
        try crowd.raise(hand: true, of: 0)
        try crowd.run(for: .milliseconds(550))
        #expect(crowd.told.count == count)
        #expect(Set(crowd.told.map(\.at.nanoseconds)).count == 1)
    }

    @Test("Who is in a call of five hundred is reported at once, then every twelve seconds")
    func reports() throws {
        let crowd = try Crowd(seed: 705)
        try crowd.join(Limits.participantsPerCall - 10)
        try crowd.run(for: .milliseconds(60))
        #expect(crowd.reports.map(\.count) == [490])
        try crowd.run(for: .seconds(13)) { step in
            if step < 10 { try crowd.join() }
        }
        #expect(crowd.reports.map(\.count) == [490, 500])
        #expect(crowd.reports[1].at - crowd.reports[0].at > .seconds(11))
    }

    // MARK: How they are written

    @Test("What a state takes on the bus is estimated within a tenth", arguments: [1, 20, 100, 500])
    func estimate(count: Int) throws {
        let crowd = try Crowd(seed: 706)
        try crowd.join(count)
        try crowd.run(for: .seconds(1))
        let last = try #require(crowd.told.last)
        var states = [last.state]
        states.append(try Self.state(of: last.state.participants))
        for state in states {
            let notice = SeatNotice(
                node: .example, participantID: .example, connectionID: .example, frame: .callState(state))
            let real = Double(try WireJSON.encode(notice).count)
            #expect(abs(Double(state.estimatedByteCount) - real) < real / 10 + 200)
        }
    }

    @Test("A state that is put together of pieces is written as any other", arguments: [0, 1, 2, 300])
    func pieces(count: Int) throws {
        let network = try CallNetwork(seed: 707)
        let people = (0..<count).map { number in
            CallParticipant(
                participantID: network.freshID(), userID: network.freshID(),
                joinedAt: Timestamp(milliseconds: Int64(number)))
        }
        let encoder = CallStateEncoder()
        // Twice, so that pieces are used again; then other lists that have some of them.
        for people in [people, people, people.reversed(), Array(people.dropFirst())] {
            let state = try Self.state(of: people)
            let notice = SeatNotice(
                node: .example, participantID: .example, connectionID: .example, frame: .callState(state))
            #expect(try encoder.encode(notice) == WireJSON.encode(notice))
            let reply = SeatJoinReply(isResumed: true, state: state)
            #expect(try encoder.encode(reply) == WireJSON.encode(reply))
        }
        let end = SeatNotice(
            node: .example, participantID: .example, connectionID: .example,
            frame: .callEnded(CallEnded(participantID: .example, reason: .left)))
        #expect(try encoder.encode(end) == WireJSON.encode(end))
    }

    /// One with everything in it, and a section name that JSON escapes.
    private static func state(of people: [CallParticipant]) throws -> CallState {
        let ids = people.map(\.participantID)
        let tracks = ids.enumerated().flatMap { index, id in
            [
                CallTrack(participantID: id, source: .microphone, isActive: index.isMultiple(of: 2), mid: nil),
                CallTrack(participantID: id, source: .camera, isActive: true, mid: index < 20 ? "\"\(index)" : nil),
            ]
        }
        return CallState(
            revision: 7, participants: people, tracks: tracks, hands: Array(ids.prefix(4)),
            mutes: ids.prefix(3).map { CallMute(participantID: $0, source: .camera) },
            moderators: Array(ids.prefix(2)), audience: Array(ids.suffix(ids.count / 2)), audioSections: 6,
            videoSections: 28, recording: CallRecording(id: .example, userID: .example, startedAt: .example))
    }

    // MARK: Who sends

    @Test("Of more than a hundred those who are muted and have no section are not named, and those who speak are")
    func muted() throws {
        let network = try CallNetwork(seed: 708)
        let people = try (1...9).map { try network.join(.init(seed: $0, sources: [.microphone])) }
        network.run(for: .seconds(1))
        for person in people { try network.update(person, active: []) }
        network.run(for: .seconds(1))
        // Six of the others have a section, which they keep while nothing else wants it.
        #expect(people[8].state.tracks.count == 8)
        #expect(people[8].state.tracks.count { $0.mid != nil } == Limits.audioSections)
        for _ in 0..<92 {
            let route = SeatRoute(gateway: network.freshID(), connectionID: network.freshID())
            _ = try network.worker.join(
                network.seat(), route: route, joinedAt: Timestamp(milliseconds: 5_000), now: network.now)
        }
        network.run(for: .seconds(1))
        #expect(people[8].state.participants.count == 101)
        #expect(people[8].state.tracks.count == Limits.audioSections)
        #expect(people[8].state.tracks.allSatisfy { $0.mid != nil && !$0.isActive })
        try network.update(people[7], active: [.microphone])
        network.run(for: .seconds(1))
        let track = people[8].state.tracks.first { $0.participantID == people[7].id }
        #expect(track?.isActive == true)
    }
}
