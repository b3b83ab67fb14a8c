import Contracts
import MediaPeer
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// Sound and pictures into and out of calls by HTTP, for encoders and players.
    @Suite("WHIP and WHEP")
    struct WhipTests {
        @Test("What is published by WHIP reaches a caller and a subscriber by WHEP, who hears and sees the caller too")
        func media() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let caller = try await scene.join(0)
                let publisher = try await scene.whip(1)
                let subscriber = try await scene.whep(2)
                for source in [CallSource.microphone, .camera] {
                    try await caller.peer.wait(for: 40, source, of: publisher.peer)
                    for sender in [publisher.peer, caller.peer] {
                        try await subscriber.peer.wait(for: 40, source, of: sender)
                        let section = try #require(subscriber.peer.received(source, of: sender))
                        #expect(section.corrupt == 0 && section.sequenceBreaks == 0 && section.duplicates == 0)
                    }
                }
                let (sends, receives) = (try #require(publisher.id), try #require(subscriber.id))
                try await scene.waitForCall([caller.id, sends, receives])
                #expect(try await publisher.delete().status == 200)
                try await publisher.peer.wait(for: "the end", within: .seconds(2)) { $0.isClosed }
                #expect(try await subscriber.delete().status == 200)
                try await scene.waitForCall([caller.id])
                #expect(try await publisher.delete().status == 404)
            }
        }

        @Test("A publisher may be the DTLS server, and come by TCP")
        func passive() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let caller = try await scene.join(0, sources: [])
                let publisher = try await scene.whip(1) {
                    $0.setup = "passive"
                    $0.isByTCP = true
                }
                try await caller.peer.wait(for: 20, .camera, of: publisher.peer)
                try await caller.peer.wait(for: 20, .microphone, of: publisher.peer)
                #expect(try await publisher.delete().status == 200)
            }
        }

        @Test("PATCH takes candidates, and restarts ICE for new credentials; the ETag says which ICE session is meant")
        func patch() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let caller = try await scene.join(0, sources: [])
                let seat = try await scene.whip(1)
                try await caller.peer.wait(for: 20, .microphone, of: seat.peer)
                let known = fragment(of: seat.peer.offer(number: 1).sdp)
                #expect(try await seat.patch(known, ifMatch: seat.entityTag).status == 204)
                #expect(try await seat.patch(known, ifMatch: nil).status == 428)
                #expect(try await seat.patch(known, ifMatch: "\"another\"").status == 412)
                #expect(try await seat.patch("hello", ifMatch: "*").status == 400)
                let text = try await seat.api.send(
                    method: "PATCH", seat.location, body: [], headers: ["If-Match": "*", "Content-Type": "text/plain"])
                #expect(text.status == 415)

                seat.peer.restartIce()
                let offer = seat.peer.offer(number: 2)
                let restarted = try await seat.patch(fragment(of: offer.sdp), ifMatch: "*")
                #expect(restarted.status == 200)
                #expect(restarted.headers.first(name: "Content-Type") == "application/trickle-ice-sdpfrag")
                let tag = try #require(restarted.headers.first(name: "ETag"))
                #expect(tag != seat.entityTag && restarted.text.contains("a=candidate:"))
                try seat.peer.accept(CallAnswer(number: 2, sdp: replaced(seat.answer, by: restarted.text)))
                #expect(try await seat.patch(fragment(of: offer.sdp), ifMatch: seat.entityTag).status == 412)
                #expect(try await seat.patch(fragment(of: offer.sdp), ifMatch: tag).status == 204)
                try await seat.peer.wait(for: "the new path") { $0.isConnected }
                try await caller.peer.wait(for: 50, .microphone, of: seat.peer)
                #expect(caller.peer.received(.microphone, of: seat.peer)?.sequenceBreaks == 0)
            }
        }

        @Test("What is no offer, of no member, too large or of another media type is refused with its reason")
        func refused() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let api = scene.team.people[1].api
                let offer = try scene.makePeer(sources: [.microphone]).offer(number: 1).sdp
                let stranger = try await TestUser.register(on: scene.stack).api
                for kind in [WhipSeat.Kind.whip, .whep] {
                    #expect(try await stranger.post(kind, sdp: offer, in: scene.channel).status == 404)
                    #expect(try await api.with(token: nil).post(kind, sdp: offer, in: scene.channel).status == 401)
                    let json = try await api.post(kind, sdp: offer, in: scene.channel, contentType: "application/json")
                    #expect(json.status == 415)
                    #expect(try json.problem().code == .unsupportedMediaType)
                    let large = offer + String(repeating: "a=x\r\n", count: Limits.sdpByteCount / 5)
                    #expect(try await api.post(kind, sdp: large, in: scene.channel).status == 413)
                    let bad = try await api.post(kind, sdp: "hello", in: scene.channel)
                    #expect(bad.status == 422)
                    #expect(try bad.problem().code == .validationFailed)
                    let options = try await api.with(token: nil).send(
                        method: "OPTIONS", "/api/v1/channels/\(scene.channel)/\(kind.rawValue)")
                    #expect(options.status == 204)
                    #expect(options.headers["Accept-Post"] == ["application/sdp"])
                }
                // A refused offer leaves no seat.
                try await scene.waitForCall([])
            }
        }

        @Test("A seat by HTTP is its session's alone: others in the call cannot touch it, whatever they know")
        func foreign() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let other = try await scene.join(0)
                let seat = try await scene.whip(1)
                try await other.peer.wait(for: 10, .microphone, of: seat.peer)
                let fragment = fragment(of: seat.peer.offer(number: 1).sdp)
                let again = try await scene.team.people[1].logIn()
                for api in [other.user.api, again.api] {
                    #expect(try await seat.patch(fragment, ifMatch: "*", by: api).status == 404)
                    #expect(try await seat.delete(by: api).status == 404)
                }
                try await other.peer.wait(for: 20, .microphone, of: seat.peer)
                #expect(!seat.peer.snapshot.isClosed)
            }
        }

        @Test("Whoever leaves the channel, or whose session is revoked, loses a seat by HTTP within a second")
        func revoked() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let stays = try await scene.join(0, sources: [])
                for person in [1, 2] {
                    let (user, seat) = (scene.team.people[person], try await scene.whip(person))
                    try await stays.peer.wait(for: 10, .microphone, of: seat.peer)
                    if person == 1 {
                        try await user.api.call(Endpoints.leaveChannel, path: [scene.channel])
                    } else {
                        let other = try await user.logIn()
                        try await other.api.call(Endpoints.revokeSession, path: [user.signedIn.sessionID])
                    }
                    try await seat.peer.wait(for: "the end", within: .seconds(1)) { $0.isClosed }
                    try await scene.waitForCall([stays.id])
                    #expect([401, 404].contains(try await seat.delete().status))
                }
            }
        }

        // MARK: Fragments of SDP

        private func fragment(of sdp: String) -> String {
            lines(sdp, "a=ice-ufrag:").prefix(1).joined() + lines(sdp, "a=ice-pwd:").prefix(1).joined()
                + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
                + "a=candidate:1 1 udp 2130706431 192.0.2.7 54321 typ host\r\na=end-of-candidates\r\n"
        }

        private func lines(_ sdp: String, _ prefix: String) -> [String] {
            sdp.split(separator: "\r\n").filter { $0.hasPrefix(prefix) }.map { String($0) + "\r\n" }
        }

        /// An answer with the credentials of a fragment.
        private func replaced(_ answer: String, by fragment: String) -> String {
            let fields = ["a=ice-ufrag:", "a=ice-pwd:"]
            return answer.split(separator: "\r\n").map { line -> String in
                guard let field = fields.first(where: { line.hasPrefix($0) }) else { return String(line) + "\r\n" }
                return lines(fragment, field).first ?? ""
            }.joined()
        }
    }
}

extension CallMediaScene {
    /// A publisher with a microphone and a camera.
    func whip(_ person: Int, configure: (inout MediaPeer.Configuration) -> Void = { _ in }) async throws -> WhipSeat {
        let peer = try makePeer(sources: [.microphone, .camera]) {
            $0.audioSections = 0
            $0.videoSections = 0
            configure(&$0)
        }
        return try await connected(.open(.whip, peer, in: channel, by: team.people[person].api))
    }

    /// A subscriber with sections for two of each.
    func whep(_ person: Int) async throws -> WhipSeat {
        let peer = try makePeer(sources: []) {
            $0.audioSections = 2
            $0.videoSections = 2
        }
        return try await connected(.open(.whep, peer, in: channel, by: team.people[person].api))
    }

    private func connected(_ seat: WhipSeat) async throws -> WhipSeat {
        try await seat.peer.wait(for: "the media path") { $0.isConnected }
        return seat
    }
}
