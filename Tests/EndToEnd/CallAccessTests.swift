import Contracts
import RedisBus
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    /// The API's side of calls. The tests play the gateway that asks for grants and the media nodes that rooms are placed
    /// on and that report; the APIs, Redis, PostgreSQL and the gateways of the members are real.
    @Suite("Calls: access, placement and state")
    struct CallAccessTests {
        // MARK: Access

        @Test("A member gets a signed grant for the seat, the channel and the node, and a TURN credential of their own")
        func grant() async throws {
            let scene = try await CallScene.make()
            let reply = try await scene.grant(to: scene.member)
            let claims = try await scene.verified(reply)
            #expect(claims.userID == scene.member.id)
            #expect(claims.sessionID == scene.member.signedIn.sessionID)
            #expect(claims.channelID == scene.channel)
            #expect(claims.participantID == reply.participantID)
            #expect(claims.placement.node == scene.node.id && reply.node == scene.node.id)
            #expect(claims.issuer == AccessToken.issuer && claims.audience == CallGrant.audience)
            let lifetime = claims.expiresAt.milliseconds - claims.issuedAt.milliseconds
            #expect(lifetime == 1000 * Limits.callGrantLifetime.components.seconds)

            #expect(reply.iceServers.map(\.urls) == [["stun:turn.example:3478"], ["turn:turn.example:3478"]])
            let parts = try #require(reply.iceServers.last?.username).split(separator: ":")
            let end = try #require(Int64(parts[0])) - Timestamp.now.milliseconds / 1000
            #expect(String(parts[1]) == scene.member.id.description)
            #expect((0...60).contains(Limits.turnCredentialLifetime.components.seconds - end))
            try await scene.stop()
        }

        @Test("Whoever is not in the channel gets no grant, and the same answer as for a channel that does not exist")
        func stranger() async throws {
            let scene = try await CallScene.make()
            let stranger = try await TestUser.register(on: scene.stack)
            let hidden = try await scene.team.channel(.private)
            let open = try await scene.team.channel(.public)
            let refusals = [
                await scene.refusal { try await scene.grant(to: stranger) },
                await scene.refusal { try await scene.grant(to: scene.member, in: hidden) },
                await scene.refusal { try await scene.grant(to: scene.member, in: open) },
                await scene.refusal { try await scene.grant(to: scene.member, in: .fresh()) },
            ]
            #expect(refusals.allSatisfy { $0 == refusals[0] })
            #expect(refusals[0]?.code == .notFound)
            #expect(try await scene.stack.redis("EXISTS", RedisKey.mediaRoom(scene.channel).name) == "0")
            try await scene.stop()
        }

        @Test("A session that has ended gets no grant, nor one that is somebody else's")
        func endedSession() async throws {
            let scene = try await CallScene.make()
            try await scene.member.api.call(Endpoints.logOut)
            #expect(await scene.refusal { try await scene.grant(to: scene.member) }?.code == .sessionRevoked)
            let request = CallGrantRequest(
                userID: scene.member.id, sessionID: scene.owner.signedIn.sessionID, channelID: scene.channel,
                participantID: nil, deadNode: nil)
            let borrowed = await scene.refusal {
                try await scene.gateway.ask(.callGrant, request, as: CallGrantReply.self)
            }
            #expect(borrowed?.code == .sessionRevoked)
            try await scene.stop()
        }

        @Test("A seat is taken again by whose it is, and by nobody else")
        func seats() async throws {
            let scene = try await CallScene.make()
            let seat = try await scene.grant(to: scene.member).participantID
            try await scene.report(1, [scene.participant(scene.member, id: seat)])
            #expect(try await scene.grant(to: scene.member, seat: seat).participantID == seat)
            #expect(await scene.refusal { try await scene.grant(to: scene.owner, seat: seat) }?.code == .notFound)
            try await scene.report(2, [])
            #expect(try await scene.grant(to: scene.member, seat: seat).participantID == seat)
            #expect(await scene.refusal { try await scene.grant(to: scene.owner, seat: seat) }?.code == .notFound)
            let unknown = ParticipantID.fresh()
            #expect(try await scene.grant(to: scene.owner, seat: unknown).participantID == unknown)
            try await scene.stop()
        }

        @Test("A full call takes nobody new, but whoever is in it already; a node that reports more is not believed")
        func full() async throws {
            let scene = try await CallScene.make()
            let now = Timestamp.now
            let seats = (0..<Limits.participantsPerCall + 20).map { number in
                CallParticipant(
                    participantID: .fresh(), userID: scene.owner.id, joinedAt: now + .milliseconds(number))
            }
            try await scene.report(1, seats.reversed())
            let call = try await scene.owner.api.call(Endpoints.readCall, path: [scene.channel])
            #expect(call.participants == Array(seats.prefix(Limits.participantsPerCall)))
            let refusal = await scene.refusal { try await scene.grant(to: scene.member) }
            #expect(refusal?.code == .conflict)
            #expect(refusal?.detail.contains("\(Limits.participantsPerCall) seats") == true)
            let seat = seats[3].participantID
            #expect(try await scene.grant(to: scene.owner, seat: seat).participantID == seat)
            try await scene.report(2, Array(seats.prefix(Limits.participantsPerCall - 1)))
            _ = try await scene.grant(to: scene.member)
            try await scene.stop()
        }

        @Test("Seats are renewed for members with a session; the others are named, in one answer")
        func renewal() async throws {
            let scene = try await CallScene.make()
            let (left, loggedOut) = (scene.team.people[2], try await scene.member.logIn())
            let leases = [scene.owner, scene.member, left, loggedOut].map { person in
                CallLease(
                    participantID: .fresh(), userID: person.id, sessionID: person.signedIn.sessionID,
                    channelID: scene.channel)
            }
            func refused() async throws -> Set<ParticipantID> {
                let reply: CallRenewReply = try await scene.node.ask(.callRenew, CallRenewRequest(leases: leases))
                return Set(reply.refused)
            }
            #expect(try await refused() == [])
            try await left.api.call(Endpoints.leaveChannel, path: [scene.channel])
            try await loggedOut.api.call(Endpoints.logOut)
            #expect(try await refused() == [leases[2].participantID, leases[3].participantID])
            let tooMany = CallRenewRequest(
                leases: Array(repeating: leases[0], count: Limits.callLeasesPerRequest + 1))
            let refusal = await scene.refusal { try await scene.node.ask(.callRenew, tooMany, as: CallRenewReply.self) }
            #expect(refusal?.code == .validationFailed)
            try await scene.stop()
        }

        // MARK: Placement

        @Test("A room goes to the less loaded node and stays there while it lives; to one that is full no room goes")
        func byLoad() async throws {
            let scene = try await CallScene.make()
            let nodes = try await concurrently(0..<2) { _ in try await BusClient(.media, on: scene.stack) }
            let full = MediaNodeLoad(participants: 0, rooms: 0, busyPermille: Limits.mediaNodeFullPermille)
            try await scene.node.beat(MediaNodeLoad(participants: 9, rooms: 1))
            try await nodes[0].beat(MediaNodeLoad(participants: 2, rooms: 2))
            try await nodes[1].beat(full)
            let first = try await scene.verified(try await scene.grant(to: scene.member)).placement
            #expect(first.node == nodes[0].id)
            #expect(
                try await scene.stack.redis("GET", RedisKey.mediaRoom(scene.channel).name) == first.description)

            try await nodes[0].beat(full)
            #expect(try await scene.verified(try await scene.grant(to: scene.owner)).placement == first)
            let other = try await scene.team.channel(.private)
            #expect(try await scene.grant(to: scene.owner, in: other).node == scene.node.id)
            try await scene.stop(nodes)
        }

        @Test("A room moves with a higher epoch when its node goes away, though people are in the call")
        func draining() async throws {
            let scene = try await CallScene.make()
            let first = try await scene.verified(try await scene.grant(to: scene.member)).placement
            try await scene.report(1, [scene.participant(scene.member)], epoch: first.epoch)
            try await scene.node.beat(MediaNodeLoad(participants: 1, rooms: 1, isDraining: true))
            let alone = await scene.refusal { try await scene.grant(to: scene.member) }
            #expect(alone?.code == .unavailable)
            let second = try await BusClient(.media, on: scene.stack)
            let moved = try await scene.verified(try await scene.grant(to: scene.member)).placement
            #expect(moved.node == second.id && moved.epoch > first.epoch)
            #expect(try await scene.verified(try await scene.grant(to: scene.owner)).placement == moved)
            try await scene.stop([second])
        }

        @Test("A room moves with a higher epoch when its node is found dead, and when it has left")
        func moves() async throws {
            let scene = try await CallScene.make()
            let first = try await scene.verified(try await scene.grant(to: scene.member)).placement
            #expect(first.node == scene.node.id)
            // The registry still holds what was killed a moment ago.
            let alone = await scene.refusal { try await scene.grant(to: scene.member, deadNode: first.node) }
            #expect(alone?.code == .unavailable)

            let second = try await BusClient(.media, on: scene.stack)
            try await second.beat(MediaNodeLoad(participants: 90, rooms: 9))
            let moved = try await scene.verified(try await scene.grant(to: scene.member, deadNode: first.node))
                .placement
            #expect(moved.node == second.id && moved.epoch > first.epoch)
            // Others who find the same node dead come to the same place; those who know nothing too.
            for deadNode in [first.node, nil] {
                let placement = try await scene.verified(try await scene.grant(to: scene.owner, deadNode: deadNode))
                    .placement
                #expect(placement == moved)
            }

            try await second.stop()
            let back = try await scene.verified(try await scene.grant(to: scene.member)).placement
            #expect(back.node == scene.node.id && back.epoch > moved.epoch)
            try await scene.stop()
        }

        @Test("A room that Redis has forgotten is placed above the last epoch that was reported")
        func forgotten() async throws {
            let scene = try await CallScene.make()
            // As if the clock of Redis had been ahead by an hour.
            let ahead = Timestamp.now.milliseconds + 3_600_000
            try await scene.report(1, [scene.participant(scene.member)], epoch: ahead)
            let placement = try await scene.verified(try await scene.grant(to: scene.member)).placement
            #expect(placement.epoch == ahead + 1)
            try await scene.stop()
        }

        @Test("Fifty grants at once for one channel give one placement")
        func together() async throws {
            let scene = try await CallScene.make()
            let nodes = try await concurrently(0..<3) { _ in try await BusClient(.media, on: scene.stack) }
            let people = [scene.owner, scene.member]
            let replies = try await concurrently(0..<50) { try await scene.grant(to: people[$0 % 2]) }
            let placements = try await concurrently(replies) { try await scene.verified($0).placement }
            #expect(Set(placements).count == 1)
            #expect(Set(replies.map(\.participantID)).count == 50)

            let dead = placements[0].node
            let again = try await concurrently(0..<50) { number in
                try await scene.grant(to: people[number % 2], deadNode: dead)
            }
            let moved = Set(try await concurrently(again) { try await scene.verified($0).placement })
            #expect(moved.count == 1)
            #expect(moved.allSatisfy { $0.node != dead && $0.epoch > placements[0].epoch })
            try await scene.stop(nodes)
        }

        @Test("Without a media node nobody gets a seat, and is told so")
        func noNode() async throws {
            let scene = try await CallScene.make()
            try await scene.node.stop()
            let refusal = await scene.refusal { try await scene.grant(to: scene.member) }
            #expect(refusal == BusFailure(.unavailable, "No media node takes calls at the moment."))
            try await scene.gateway.stop()
        }

        // MARK: State

        @Test(
            "A report reaches both members' sockets in order, once, and is in the snapshot; a stale one changes nothing"
        )
        func reports() async throws {
            let scene = try await CallScene.make()
            let people = [scene.owner, scene.member]
            let devices = try await concurrently(0..<2) {
                try await people[$0].connect(to: scene.stack.gatewayURLs[$0])
            }
            let away = try await scene.member.connect()
            await away.close()
            let first = scene.participant(scene.owner)
            let second = scene.participant(scene.member, at: first.joinedAt + .milliseconds(5))

            try await scene.report(1, [first])
            try await scene.report(2, [second, first])
            let both = try await scene.member.api.call(Endpoints.readCall, path: [scene.channel])
            #expect(both.participants == [first, second])
            #expect(both.startedAt == first.joinedAt)
            #expect(try await scene.member.api.call(Endpoints.bootstrap).calls == [both])
            // Again, older, of an older placement, and the same people under a newer one: nothing to tell.
            try await scene.report(2, [second, first])
            try await scene.report(1, [first])
            try await scene.report(9, [], epoch: scene.epoch - 1)
            try await scene.report(1, [first, second], epoch: scene.epoch + 1)
            try await scene.report(3, [], epoch: scene.epoch)
            #expect(try await scene.member.api.call(Endpoints.bootstrap).calls == [both])

            try await scene.report(2, [second], epoch: scene.epoch + 1)
            try await scene.report(3, [], epoch: scene.epoch + 1)
            let over = try await scene.member.api.call(Endpoints.readCall, path: [scene.channel])
            #expect(over.participants.isEmpty && over.startedAt == nil && over.version > both.version)
            #expect(try await scene.member.api.call(Endpoints.bootstrap).calls == [])

            for device in devices {
                try await device.wait(for: .channel(scene.channel), at: over.version)
                let calls = device.state.calls(in: scene.channel)
                #expect(calls.map(\.participants) == [[first], [first, second], [second], []])
                #expect(calls.map(\.version) == calls.map(\.version).sorted())
                #expect(calls[1] == both && calls.last == over)
                #expect(device.state.violations.isEmpty)
            }
            // Whoever was away is told what it came to.
            try await scene.member.connect(away)
            #expect(away.state.calls(in: scene.channel).last == over)
            #expect(away.state.violations.isEmpty)
            try await scene.stop()
        }

        @Test("Whoever comes back into a call takes the seat again; a later call has a log of its own")
        func log() async throws {
            let scene = try await CallScene.make()
            let first = scene.participant(scene.owner)
            let second = scene.participant(scene.member, at: first.joinedAt + .milliseconds(5))
            let back = CallParticipant(
                participantID: second.participantID, userID: second.userID, joinedAt: second.joinedAt + .seconds(1))
            for (revision, roster) in [[first, second], [first], [first, back], [], [back], []].enumerated() {
                try await scene.report(Int64(revision) + 1, roster)
            }
            let log = try await scene.stack.sql(
                """
                SELECT k.started_by, count(*), count(k.ended_at), count(p.left_at)
                FROM calls k JOIN call_participants p ON p.call_id = k.id WHERE k.channel_id = '\(scene.channel)'
                GROUP BY k.id ORDER BY min(p.joined_at)
                """)
            #expect(log == ["\(scene.owner.id)|2|2|2", "\(scene.member.id)|1|1|1"])
            try await scene.stop()
        }

        @Test("Of reports that come all at once to two APIs the newest is what remains")
        func crossing() async throws {
            let scene = try await CallScene.make()
            let device = try await scene.member.connect()
            let seats = (0..<4).map { scene.participant(scene.owner, at: .now + .milliseconds($0)) }
            _ = try await concurrently((1...40).shuffled()) { revision in
                try await scene.report(Int64(revision), revision == 40 ? seats : [seats[revision % 4]])
            }
            let call = try await scene.member.api.call(Endpoints.readCall, path: [scene.channel])
            #expect(call.participants == seats)
            try await device.wait(for: .channel(scene.channel), at: call.version)
            #expect(device.state.calls(in: scene.channel).last == call)
            #expect(device.state.violations.isEmpty)
            #expect(
                try await scene.stack.count(
                    "SELECT count(*) FROM calls WHERE channel_id = '\(scene.channel)' AND ended_at IS NULL") == 1)
            try await scene.stop()
        }

        @Test("Only members read who is in a call, and a report of an unknown channel is refused")
        func reading() async throws {
            let scene = try await CallScene.make()
            let open = try await scene.team.channel(.public)
            let answer = try await scene.member.api.callRaw(Endpoints.readCall, path: [open], body: Empty())
            #expect(try answer.problem().code == .forbidden)
            let never = try await scene.owner.api.call(Endpoints.readCall, path: [open])
            #expect(never == ChannelCall(channelID: open, startedAt: nil, participants: [], version: 0))
            let refusal = await scene.refusal {
                try await scene.report(1, [scene.participant(scene.owner)], channel: .fresh())
            }
            #expect(refusal?.code == .notFound)
            // A user who is gone from the channel is still told of: the node hears of it when it renews.
            try await scene.member.api.call(Endpoints.leaveChannel, path: [scene.channel])
            let present = scene.participant(scene.member)
            try await scene.report(1, [present])
            #expect(
                try await scene.owner.api.call(Endpoints.readCall, path: [scene.channel]).participants == [present])
            try await scene.stop()
        }

        @Test("A call ends when its node has died, and can begin anew; one whose node beats goes on")
        func nodeDeath() async throws {
            let scene = try await CallScene.make()
            let device = try await scene.member.connect()
            let beaten = try await scene.team.channel(.private)
            _ = try await scene.grant(to: scene.member)
            _ = try await scene.grant(to: scene.owner, in: beaten)
            let (seat, other) = (scene.participant(scene.member), scene.participant(scene.owner))
            try await scene.report(1, [seat])
            try await scene.report(1, [other], channel: beaten)
            // The living node's beat of one room; the other's lease ends by itself.
            try await scene.stack.redis("PERSIST", RedisKey.mediaRoom(beaten).name)
            try await device.wait(for: "the end", within: .seconds(60)) {
                $0.calls(in: scene.channel).last?.participants.isEmpty == true
            }
            #expect(device.state.calls(in: scene.channel).map(\.participants) == [[seat], []])
            #expect(device.state.violations.isEmpty)
            #expect(try await scene.owner.api.call(Endpoints.readCall, path: [beaten]).participants == [other])
            #expect(
                try await scene.stack.count(
                    """
                    SELECT count(*) FROM calls k JOIN call_participants p ON p.call_id = k.id
                    WHERE k.channel_id = '\(scene.channel)' AND k.ended_at IS NOT NULL AND p.left_at IS NOT NULL
                    """) == 1)
            // Its people come back on another node, and the call begins anew.
            try await scene.report(1, [seat], epoch: scene.epoch + 1)
            #expect(
                try await scene.member.api.call(Endpoints.readCall, path: [scene.channel]).participants == [seat])
            try await scene.report(2, [], epoch: scene.epoch + 1)
            try await scene.report(2, [], channel: beaten)
            try await scene.stop()
        }
    }
}

extension BusClient {
    /// Says how busy this node is.
    fileprivate func beat(_ load: MediaNodeLoad) async throws {
        _ = try await bus.send(
            RedisCommand(
                "SET", .key(.mediaNode(id)), .text(load.description), "PX", .milliseconds(.seconds(60))))
    }
}

extension GatewayClient.State {
    /// The states of a channel's call that came as events, in the order of arrival.
    fileprivate func calls(in channel: ChannelID) -> [ChannelCall] {
        events(of: .channel(channel)).compactMap { frame in
            if case .callUpdated(let call) = frame.event { call } else { nil }
        }
    }
}
