import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("The peer of the media tests")
struct MediaPeerTests {
    /// Two seconds of sound and pictures, 50 and 25 a second; each 25th picture is a key frame, or one that was asked
    /// for.
    private func talk(_ mirror: MediaPeerMirror, for duration: Duration = .seconds(2), frameByteCount: Int = 9000) {
        var frame = 0
        let start = mirror.now
        mirror.run(for: duration) { now in
            let milliseconds = (now - start).wholeNanoseconds / 1_000_000
            if milliseconds % 20 == 0 { mirror.peer.sendAudio(level: 30, now: now) }
            guard milliseconds % 40 == 0 else { return }
            let isWanted = mirror.peer.published(.camera)?.isKeyFrameWanted ?? false
            mirror.peer.sendVideoFrame(byteCount: frameByteCount, isKeyFrame: frame % 25 == 0 || isWanted, now: now)
            frame += 1
        }
        mirror.run(for: .seconds(1))
    }

    @Test("What a peer sends comes back whole", arguments: [["VP8", "H264"], ["H264"]], [60, 1100, 9000])
    func whole(videoCodecs: [String], frameByteCount: Int) throws {
        let mirror = try MediaPeerMirror.connected(seed: 3, videoCodecs: videoCodecs)
        talk(mirror, frameByteCount: frameByteCount)
        let audio = try #require(mirror.peer.received["2"])
        let video = try #require(mirror.peer.received["3"])
        #expect(audio.packets == 100 && audio.completeFrames == 100 && audio.audioLevel == 30)
        #expect(audio.origin == mirror.peer.published(.microphone)?.ssrc)
        #expect(video.completeFrames == 50 && video.keyFrames == 2 && video.lastFrame == 49)
        #expect(video.packets == 50 * ((frameByteCount + 1135) / 1136))
        #expect(video.origin == mirror.peer.published(.camera)?.ssrc)
        for section in [audio, video] {
            #expect(section.corrupt == 0 && section.missing == 0 && section.duplicates == 0 && section.wrongMids == 0)
            #expect(section.sequenceBreaks == 0 && section.timestampBreaks == 0 && section.nacksSent == 0)
        }
        #expect(mirror.peer.strayPackets == 0)
        #expect(mirror.peer.profile == .aeadAES128GCM)
        #expect(mirror.peer.mappedAddress?.description == "198.51.100.7:5000")
        #expect(mirror.packets.allSatisfy { $0.count <= 1200 })
        let starts = mirror.packets.count { packet in
            guard let header = RTPHeader(packet.span) else { return false }
            let payload = Array(packet[header.payloadRange])
            guard header.ssrc == mirror.peer.published(.camera)?.ssrc else { return false }
            return videoCodecs[0] == "VP8" ? KeyFrame.isVP8(payload.span) : KeyFrame.isH264(payload.span)
        }
        #expect(starts == 2)
    }

    @Test("Lost packets are asked for and come after all", arguments: 1...10)
    func recovery(seed: UInt64) throws {
        let mirror = try MediaPeerMirror.connected(seed: seed)
        var random = SplitMix64(seed: seed)
        var lost = 0
        mirror.isLost = { _ in
            guard random.chance(0.1) else { return false }
            lost += 1
            return true
        }
        talk(mirror)
        mirror.isLost = { _ in false }
        talk(mirror, for: .milliseconds(200))
        let video = try #require(mirror.peer.received["3"])
        #expect(video.missing == 0 && video.completeFrames == 55)
        #expect(lost > 0 && video.recovered > 0 && video.late == 0 && video.corrupt == 0)
        #expect(video.packets == mirror.peer.published(.camera)?.packetCount)
    }

    @Test("A missing packet is asked for after 10 ms, then each 60 ms, eight times")
    func pace() throws {
        let mirror = try MediaPeerMirror.connected(seed: 4)
        let victim = try #require(mirror.peer.published(.camera)).ssrc
        var first: UInt16?
        var dropped: UInt16?
        // Its retransmissions too.
        mirror.isLost = { header in
            if header.ssrc == victim, first == nil {
                first = header.sequenceNumber
                dropped = header.sequenceNumber &+ 1
            }
            return header.sequenceNumber == dropped
        }
        mirror.peer.sendVideoFrame(byteCount: 5000, isKeyFrame: true, now: mirror.now)
        mirror.run(for: .seconds(1))
        let times = mirror.feedback.compactMap { feedback -> MediaTime? in
            guard case .nack(_, let media, let numbers) = feedback.packet else { return nil }
            #expect(media == mirror.senderSSRCs["3"] && numbers == [dropped])
            return feedback.at
        }
        let steps = zip(times.dropFirst(), times).map { ($0 - $1).wholeNanoseconds / 1_000_000 }
        #expect(steps == [60, 60, 60, 60, 60, 60, 60])
        #expect(mirror.peer.received["3"]?.missing == 1)
        #expect(mirror.peer.received["3"]?.nacksSent == 8)
    }

    @Test("A peer sends again what it is asked for, and knows that a key frame is wanted")
    func feedback() throws {
        let mirror = try MediaPeerMirror.connected(seed: 5)
        mirror.peer.sendVideoFrame(byteCount: 5000, isKeyFrame: true, now: mirror.now)
        mirror.run(for: .milliseconds(50))
        let track = try #require(mirror.peer.published(.camera))
        let before = mirror.packets
        let numbers = before.compactMap { RTPHeader($0.span)?.sequenceNumber }
        // What is repeated has the same bytes, and the mirror's SRTP refuses it: that is how it is seen here.
        mirror.send { $0.nack(sender: 1, media: track.ssrc, sequenceNumbers: numbers.dropFirst() + [numbers[0] &- 9]) }
        mirror.send { $0.pictureLoss(sender: 1, media: track.ssrc) }
        mirror.send { $0.fullIntra(sender: 1, media: track.ssrc, number: 1) }
        mirror.run(for: .milliseconds(50))
        #expect(mirror.packets == before)
        #expect(mirror.peer.nacksReceived == numbers.count && mirror.peer.nacksAnswered == numbers.count - 1)
        #expect(mirror.peer.keyFrameRequestsReceived == 2)
        #expect(mirror.peer.published(.camera)?.isKeyFrameWanted == true)
        mirror.peer.sendVideoFrame(byteCount: 100, isKeyFrame: true, now: mirror.now)
        #expect(mirror.peer.published(.camera)?.isKeyFrameWanted == false)
        mirror.peer.requestKeyFrame(mid: "3")
        mirror.run(for: .milliseconds(50))
        #expect(
            mirror.feedback.contains {
                $0.packet == .pictureLoss(sender: mirror.peer.published[0].ssrc, media: mirror.senderSSRCs["3"] ?? 0)
            })
    }

    @Test("Reports come each second, and say what was lost")
    func reports() throws {
        let mirror = try MediaPeerMirror.connected(seed: 6)
        var count = 0
        mirror.isLost = { header in
            guard header.ssrc == mirror.peer.published(.microphone)?.ssrc else { return false }
            count += 1
            return count % 4 == 0
        }
        // Sound is not asked for again, so what is lost stays lost.
        talk(mirror, for: .seconds(5))
        var sent = 0
        var worst: UInt8 = 0
        for case .senderReport(let ssrc, _, _, let packets, _, let blocks) in mirror.feedback.map(\.packet) {
            guard ssrc == mirror.peer.published(.microphone)?.ssrc else { continue }
            sent += 1
            #expect(packets > 0)
            for block in blocks where block.ssrc == mirror.senderSSRCs["2"] { worst = max(worst, block.fractionLost) }
        }
        #expect(sent == 5 || sent == 6)
        #expect((50...80).contains(worst), "a quarter of 256")
        #expect(mirror.peer.received["2"]?.nacksSent == 0)
        #expect(mirror.peer.received["2"]?.missing == 62)
    }

    @Test("A payload with a changed byte, a wrong MID and jumps are seen")
    func corruption() throws {
        let mirror = try MediaPeerMirror.connected(seed: 7)
        var count = 0
        mirror.change = { packet in
            count += 1
            switch count {
            case 2: packet[packet.count - 1] ^= 1
            case 3: packet[1] = packet[1] & 0x80 | 95  // no payload type that was agreed on
            case 5: packet[4] ^= 0x80
            case 6: packet = packet.map { $0 == UInt8(ascii: "2") ? UInt8(ascii: "7") : $0 }
            default: break
            }
            if count >= 4 { packet[2] &+= 40 }
        }
        mirror.run(for: .milliseconds(200)) { now in
            if now.nanoseconds / 1_000_000 % 20 == 0 { mirror.peer.sendAudio(level: 127, now: now) }
        }
        let audio = try #require(mirror.peer.received["2"])
        // The one whose "2" is a "7" may have such a byte in its payload, too.
        #expect(audio.corrupt == 2 || audio.corrupt == 3)
        #expect(audio.wrongMids == 1)
        #expect(audio.sequenceBreaks == 1)
        // There, and back.
        #expect(audio.timestampBreaks == 2)
        #expect(audio.audioLevel == 127)
    }

    @Test("With a wrong password no check is answered, and the peer goes on asking")
    func wrongPassword() throws {
        var configuration = MediaPeer.Configuration(seed: 8, sources: [.microphone])
        configuration.checkPassword = "not-the-password-at-all-"
        let mirror = try MediaPeerMirror(configuration)
        try mirror.negotiate(number: 1)
        mirror.run(for: .seconds(1))
        #expect(!mirror.peer.isConnected)
        #expect(mirror.peer.iceErrorCode == 401)
        #expect(mirror.peer.deadline != nil)
    }

    @Test("With a wrong fingerprint in its offer the peer fails")
    func wrongFingerprint() throws {
        var configuration = MediaPeer.Configuration(seed: 9, sources: [.microphone])
        configuration.fingerprint = "sha-256 " + [String](repeating: "AB", count: 32).joined(separator: ":")
        let mirror = try MediaPeerMirror(configuration)
        try mirror.negotiate(number: 1)
        mirror.run(for: .seconds(1))
        guard case .security(.handshake) = mirror.peer.failure else {
            Issue.record("The peer came to \(String(describing: mirror.peer.failure)).")
            return
        }
        #expect(!mirror.peer.isConnected && mirror.peer.deadline == nil)
    }

    @Test("Sections can be added and ICE restarted while media goes on")
    func renegotiation() throws {
        let mirror = try MediaPeerMirror.connected(seed: 10)
        mirror.peer.addVideoSections(2)
        try mirror.negotiate(number: 2)
        mirror.route(.camera, to: "5")
        mirror.run(for: .milliseconds(100))
        talk(mirror)
        #expect(mirror.peer.received["5"]?.completeFrames == 50)
        #expect(mirror.peer.received["3"]?.packets == 0)
        mirror.peer.restartIce()
        try mirror.negotiate(number: 3)
        #expect(!mirror.peer.isConnected)
        mirror.run(for: .milliseconds(100))
        #expect(mirror.peer.isConnected)
        talk(mirror)
        #expect(mirror.peer.received["5"]?.completeFrames == 100)
    }

    @Test("A peer that closes is silent from then on")
    func close() throws {
        let mirror = try MediaPeerMirror.connected(seed: 11)
        mirror.peer.close()
        #expect(mirror.peer.isClosed && !mirror.peer.isConnected && mirror.peer.deadline == nil)
        var sizes: [Int] = []
        mirror.peer.sendAudio(level: 1, now: mirror.now)
        mirror.peer.takeDatagrams { sizes.append($0.count) }
        #expect(sizes.count == 1)
    }

    @Test(
        "An answer that breaks a rule is refused",
        arguments: [
            ("a=ice-lite\r\n", ""), ("a=setup:passive", "a=setup:active"), ("BUNDLE 0 1", "BUNDLE 1 0"),
            ("a=mid:2", "a=mid:9"), ("m=video 9", "m=audio 9"), ("a=recvonly", "a=sendonly"),
            ("a=sendonly", "a=recvonly"), ("a=rtcp-mux\r\n", ""), ("opus/48000/2", "opus/8000"),
            ("a=ice-ufrag:mirr", "a=ice-ufrag:x"), ("a=fingerprint:sha-256", "a=fingerprint:sha-1"),
            ("\r\n", "\n"), ("typ host", "typ relay"), ("a=ssrc:900000", "a=ssrc:no"), ("/RTP/SAVPF", "/RTP/SAVP"),
            ("a=extmap:", "a=extmap:1"),
        ])
    func answers(rule: (part: String, replacement: String)) throws {
        var configuration = MediaPeer.Configuration(seed: 12, sources: [.microphone, .camera])
        configuration.audioSections = 1
        let mirror = try MediaPeerMirror(configuration)
        let answer = try mirror.answer(mirror.peer.offer(number: 1))
        let sdp = answer.sdp.replacing(rule.part, with: rule.replacement)
        #expect(sdp != answer.sdp)
        #expect(throws: MediaPeer.Failure.self) {
            try mirror.peer.accept(CallAnswer(number: 1, sdp: sdp), now: mirror.now)
        }
        #expect(throws: MediaPeer.Failure.self) {
            try mirror.peer.accept(CallAnswer(number: 2, sdp: answer.sdp), now: mirror.now)
        }
        #expect(mirror.peer.deadline == nil)
        try mirror.peer.accept(answer, now: mirror.now)
        #expect(mirror.peer.deadline == mirror.now)
        #expect(mirror.peer.remoteCandidates.map(\.host) == ["192.0.2.1"])
        #expect(mirror.peer.remoteCandidates.map(\.port) == [4000])
    }

    @Test("Two seeds make two peers that agree on no number by design")
    func seeds() throws {
        let offers = try [1, 2].map { seed in
            try MediaPeer(configuration: .init(seed: seed, sources: [.microphone, .camera])).offer(number: 1).sdp
        }
        for prefix in ["a=ssrc", "a=ice-ufrag", "a=ice-pwd", "o=", "a=rtpmap", "a=extmap:"] {
            let lines = offers.map { $0.split(separator: "\r\n").filter { $0.hasPrefix(prefix) } }
            #expect(!lines[0].isEmpty && lines[0] != lines[1], "\(prefix)")
        }
    }
}
