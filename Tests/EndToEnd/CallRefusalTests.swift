import Contracts
import MediaPeer
import Foundation
import RedisBus
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    /// Who may not take part. Some tests play a gateway that does what it must not.
    @Suite("Calls: refusals")
    struct CallRefusalTests {
        @Test("S4: without a grant of the API for this node nobody takes a seat, and a refused attempt leaves nothing")
        func grants() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let caller = try await scene.join(0, sources: [.microphone])
                let stranger = try await BusClient(.gateway, on: scene.stack)
                let (claims, node) = try await scene.claims(for: scene.team.people[1], in: scene.channel, by: stranger)
                let good = try await scene.stack.sign(claims)
                let foreignKey = try await makeKey()
                let grants = [
                    ("none", ""), ("no token", "garbage"), ("three parts", "a.b.c"),
                    ("cut off", String(good.dropLast(4))),
                    ("an access token", scene.team.people[1].token),
                    ("a forger's key", try await scene.stack.sign(claims, pem: foreignKey)),
                    ("expired", try await scene.stack.sign(claims.changed(lifetime: .seconds(-1)))),
                    ("of another node", try await scene.stack.sign(claims.changed(node: .fresh()))),
                    ("of another audience", try await scene.stack.sign(claims.changed(audience: "roost"))),
                    ("of another issuer", try await scene.stack.sign(claims.changed(issuer: "somebody"))),
                    ("unsigned", "eyJhbGciOiJub25lIn0." + good.split(separator: ".")[1] + "."),
                ]
                for (name, grant) in grants {
                    let refusal = await refusal {
                        try await stranger.join(grant, on: node, .fresh())
                    }
                    #expect(refusal?.code == .unauthenticated, "\(name)")
                }
                let call = try await scene.call()
                #expect(call.participants.map(\.participantID) == [caller.id])
                // The same claims, untouched, are good: it was not for something else that all were refused.
                let connection = ConnectionID.fresh()
                let seat = try await stranger.join(good, on: node, connection)
                #expect(seat.state.participants.count == 2)
                try await stranger.leave(claims.participantID, on: node, connection)
                try await scene.waitForCall([caller.id])
                try await stranger.stop()
            }
        }

        @Test("S4: a grant for channel X cannot take a seat in channel Y")
        func otherChannel() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                // Y is the scene's channel, X one of people who have nothing to do with it.
                let (first, second) = (try await scene.join(0), try await scene.join(1))
                try await second.peer.wait(for: 5, .microphone, of: first.peer)
                let others = try await Team.make(of: 1, on: scene.stack)
                let gateway = try await BusClient(.gateway, on: scene.stack)
                let (claims, node) = try await scene.claims(for: others.owner, in: others.general, by: gateway)
                let connection = ConnectionID.fresh()

                let seat = try await gateway.join(try await scene.stack.sign(claims), on: node, connection)
                #expect(seat.state.participants.map(\.participantID) == [claims.participantID])
                #expect(seat.state.tracks.isEmpty)
                let peer = try scene.makePeer(sources: [.microphone, .camera])
                defer { peer.stop() }
                let offer = SeatOfferRequest(
                    participantID: claims.participantID, connectionID: connection, offer: peer.offer(number: 1))
                try peer.accept(try await gateway.ask(.seatOffer, offer, of: node))
                try await peer.wait(for: "a media path in X") { $0.isConnected }
                try await peer.waitUntilSent(50)
                #expect(peer.snapshot.mediaDatagrams == 0, "nobody else is in X")

                // What is said of the seat in Y by a connection that does not hold it, to the node that has it.
                let place = try #require(try await scene.placement())
                await expectUntouched(first, on: place.node, by: connection, gateway)
                // A grant for X under the number of a seat in Y, as no API signs it.
                let usurping = try await scene.stack.sign(
                    claims.changed(participant: first.id, node: place.node))
                let refusal = await refusal { try await gateway.join(usurping, on: place.node, connection) }
                #expect(refusal?.code == .conflict)

                for (receiver, sender) in [(first, second), (second, first)] {
                    try await receiver.peer.wait(for: 10, .microphone, of: sender.peer)
                    #expect(receiver.peer.received(.microphone, of: peer) == nil)
                    #expect(receiver.device.state.call.newest?.participants.count == 2)
                    #expect(receiver.device.state.call.ended.isEmpty)
                }
                let call = try await scene.call()
                #expect(Set(call.participants.map(\.participantID)) == [first.id, second.id])
                try await gateway.leave(claims.participantID, on: node, connection)
                try await eventually("X has no place any more", within: Limits.mediaNodeLease + .seconds(2)) {
                    try await scene.placement(of: others.general) == nil ? true : nil
                }
                try await gateway.stop()
            }
        }

        /// Offer and update are refused as if there were no seat, and leave changes nothing.
        private func expectUntouched(
            _ caller: Caller, on node: InstanceID, by connection: ConnectionID, _ gateway: BusClient
        ) async {
            let offer = caller.peer.offer(number: 9)
            let offered = await refusal {
                let request = SeatOfferRequest(participantID: caller.id, connectionID: connection, offer: offer)
                return try await gateway.ask(.seatOffer, request, of: node, as: CallAnswer.self)
            }
            let updated = await refusal {
                let request = SeatUpdateRequest(
                    participantID: caller.id, connectionID: connection, update: CallUpdate(active: []))
                return try await gateway.ask(.seatUpdate, request, of: node, as: Empty.self)
            }
            let left = await refusal { try await gateway.leave(caller.id, on: node, connection) }
            #expect(offered?.code == .notFound)
            #expect(updated?.code == .notFound)
            #expect(left == nil, "giving up what is not there is no error")
        }

        @Test("Who is not in the channel gets no seat, and not another's")
        func strangers() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let caller = try await scene.join(0, sources: [])
                let closed = try await scene.team.channel(.private)
                let stranger = try await TestUser.register(on: scene.stack)
                let device = try await stranger.connect(to: scene.gateway(1))
                let member = try await scene.team.people[1].connect(to: scene.gateway(0))
                let attempts: [(GatewayClient, ChannelID, ParticipantID?)] = [
                    (device, scene.channel, nil), (device, scene.channel, caller.id), (device, .fresh(), nil),
                    (member, closed, nil), (member, scene.channel, caller.id),
                ]
                for (device, channel, seat) in attempts {
                    let refused = await #expect(throws: CallRefused.self) {
                        try await device.joinCall(of: channel, as: seat)
                    }
                    #expect(refused?.frame.code == .notFound)
                    #expect(refused?.frame.number == nil)
                }
                #expect(try await scene.call().participants.map(\.participantID) == [caller.id])
                for device in [device, member] { await device.close() }
            }
        }

        @Test("A wrong fingerprint or a wrong key of ICE gets no media path, and the seat ends")
        func impostors() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let speaker = try await scene.join(0, sources: [.microphone])
                // SHA-256 of another certificate; the key of another offer.
                let digest = (0..<32).map { String(format: "%02X", $0) }.joined(separator: ":")
                let start = ContinuousClock.now
                let keyless = try await scene.sit(1) { $0.checkPassword = "the-password-of-another-offer" }
                let forger = try await scene.sit(2) { $0.fingerprint = "sha-256 \(digest)" }
                #expect(try await forger.device.callEnd(within: .seconds(3)).reason == .timedOut)
                try await keyless.peer.wait(for: "a refused check") { $0.iceErrorCode == 401 }
                let end = try await keyless.device.callEnd(within: Limits.icePatience + .seconds(3))
                #expect(end == CallEnded(participantID: keyless.id, reason: .timedOut))
                #expect(ContinuousClock.now - start >= Limits.icePatience)
                for peer in [keyless.peer, forger.peer] {
                    let snapshot = peer.snapshot
                    #expect(!snapshot.isConnected && snapshot.mediaDatagrams == 0 && snapshot.sent[.microphone] == 0)
                }
                try await scene.waitForCall([speaker.id])
                #expect(speaker.peer.snapshot.packets == 0)
            }
        }

        // MARK: Parts

        private func makeKey() async throws -> String {
            let text = try await Command.run(
                "/usr/bin/openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
            return String(text[(text.range(of: "-----BEGIN")?.lowerBound ?? text.startIndex)...])
        }

        /// How it was refused; `nil` if it was not.
        private func refusal(_ body: () async throws -> some Any) async -> BusFailure? {
            do {
                _ = try await body()
            } catch BusError.failed(let failure) {
                return failure
            } catch {
                Issue.record(error)
            }
            return nil
        }
    }
}

extension CallMediaScene {
    /// What the API grants a person, and which node it names.
    fileprivate func claims(
        for user: TestUser, in channel: ChannelID, by gateway: BusClient
    ) async throws -> (CallGrant, InstanceID) {
        let request = CallGrantRequest(
            userID: user.id, sessionID: user.signedIn.sessionID, channelID: channel, participantID: nil, deadNode: nil)
        let reply: CallGrantReply = try await gateway.ask(.callGrant, request)
        let placement = try #require(try await placement(of: channel))
        let claims = CallGrant(
            userID: user.id, sessionID: user.signedIn.sessionID, channelID: channel,
            participantID: reply.participantID, placement: placement, issuedAt: .now, expiresAt: .now + .seconds(60))
        return (claims, reply.node)
    }
}

extension BusClient {
    fileprivate func join(_ grant: String, on node: InstanceID, _ connection: ConnectionID) async throws
        -> SeatJoinReply
    {
        try await ask(.seatJoin, SeatJoinRequest(grant: grant, gateway: id, connectionID: connection), of: node)
    }

    fileprivate func leave(_ seat: ParticipantID, on node: InstanceID, _ connection: ConnectionID) async throws {
        let request = SeatLeaveRequest(participantID: seat, connectionID: connection)
        let _: Empty = try await ask(.seatLeave, request, of: node)
    }
}

extension CallGrant {
    /// The same with other claims.
    fileprivate func changed(
        participant: ParticipantID? = nil, node: InstanceID? = nil, issuer: String = AccessToken.issuer,
        audience: String = CallGrant.audience, lifetime: Duration = .seconds(60)
    ) -> CallGrant {
        CallGrant(
            userID: userID, sessionID: sessionID, channelID: channelID, participantID: participant ?? participantID,
            placement: RoomPlacement(epoch: placement.epoch, node: node ?? placement.node), issuer: issuer,
            audience: audience, issuedAt: .now + (lifetime - .seconds(60)), expiresAt: .now + lifetime)
    }
}
