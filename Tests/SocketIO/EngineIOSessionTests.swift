import Contracts
import NIOCore
import SocketIOCodec
import Testing

private let start = Timestamp(milliseconds: 1_000_000)
private let settings = EngineIOSession.Settings(
    pingInterval: .milliseconds(300), pingTimeout: .milliseconds(200), maximumPayload: 1000)
private let id = EngineIOSessionID(gateway: "g0", entropy: (1, 2))

private func polling(_ settings: EngineIOSession.Settings = settings) -> SessionUnderTest {
    SessionUnderTest(EngineIOSession.polling(id, settings, now: start).session)
}
private func webSocket() -> SessionUnderTest {
    SessionUnderTest(EngineIOSession.webSocket(id, settings, now: start).session)
}
private func hello(_ text: String = "hello") -> EngineIOMessage { .text(text) }

@Suite("An Engine.IO session")
struct EngineIOSessionTests {
    @Test("The handshake tells the id, the upgrade, the heartbeat and the bound")
    func handshake() {
        #expect(
            EngineIOSession.polling(id, settings, now: start).answer
                == #"0{"sid":"\#(id)","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}"#
        )
        #expect(
            EngineIOSession.webSocket(id, settings, now: start).first
                == .text(#"0{"sid":"\#(id)","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}"#))
    }

    @Test("A poll waits for a message, and a message for a poll")
    func poll() {
        let session = polling()
        #expect(session.poll(now: start) == [])
        #expect(session.send([hello(), .binary(ByteBuffer(bytes: [1]))]) == [.answerPoll("4hello\u{1E}bAQ==")])
        #expect(session.send([hello("a")]) == [])
        #expect(session.send([hello("b")]) == [])
        #expect(session.poll(now: start) == [.answerPoll("4a\u{1E}4b")])
    }

    @Test("A payload has no more than fits, and one packet at least")
    func payloadBound() {
        let session = polling()
        let large = String(repeating: "x", count: 700)
        let huge = String(repeating: "y", count: 2000)
        _ = session.send([hello(large), hello("small"), hello(large), hello(huge)])
        #expect(session.poll(now: start) == [.answerPoll("4\(large)\u{1E}4small")])
        #expect(session.poll(now: start) == [.answerPoll("4\(large)")])
        #expect(session.poll(now: start) == [.answerPoll("4\(huge)")])
        #expect(session.poll(now: start) == [])
    }

    @Test("A post's packets are delivered in order")
    func post() {
        let session = polling()
        #expect(session.beginPost() == [])
        #expect(
            session.post([.message(hello("a")), .message(hello("b"))], now: start)
                == [.acceptPost, .deliver(hello("a")), .deliver(hello("b"))])
    }

    @Test("A post that cannot be read ends the session")
    func badPost() {
        let session = polling()
        #expect(session.beginPost() == [])
        #expect(session.post(nil, now: start) == [.refusePost, .end(.malformed)])
        #expect(session.poll(now: start) == [.refusePoll])
        #expect(session.beginPost() == [.refusePost])
    }

    @Test("A second poll ends the session: the first is told, the second refused")
    func secondPoll() {
        let session = polling()
        _ = session.poll(now: start)
        #expect(session.poll(now: start) == [.answerPoll("1"), .refusePoll, .end(.overlap)])
        #expect(session.poll(now: start) == [.refusePoll])
    }

    @Test("A second post at the same time ends the session")
    func secondPost() {
        let session = polling()
        #expect(session.beginPost() == [])
        #expect(session.beginPost() == [.refusePost, .end(.overlap)])
        #expect(session.post([.message(hello())], now: start) == [.refusePost])
    }

    @Test("A poll or a post that is cut ends the session")
    func cut() {
        let session = polling()
        #expect(session.pollCut() == [])
        _ = session.poll(now: start)
        #expect(session.pollCut() == [.end(.transportClosed)])
        let other = polling()
        #expect(other.postCut() == [])
        _ = other.beginPost()
        #expect(other.postCut() == [.end(.transportClosed)])
    }

    @Test("The client's close answers the waiting poll with a noop")
    func clientCloses() {
        let session = polling()
        _ = session.poll(now: start)
        _ = session.beginPost()
        #expect(session.post([.close], now: start) == [.acceptPost, .answerPoll("6"), .end(.closedByClient)])
        let other = webSocket()
        #expect(other.receive(.text("1"), now: start) == [.end(.closedByClient)])
        #expect(other.poll(now: start) == [.refusePoll])
    }

    @Test("A poll that the client's close has overtaken is answered with a noop, once")
    func closeOvertakesPoll() {
        let session = polling()
        _ = session.beginPost()
        #expect(session.post([.close], now: start) == [.acceptPost, .end(.closedByClient)])
        #expect(session.poll(now: start) == [.answerPoll("6")])
        #expect(session.poll(now: start) == [.refusePoll])
    }

    @Test("Nothing after the client's close is delivered")
    func afterClose() {
        let session = polling()
        _ = session.beginPost()
        #expect(session.post([.close, .message(hello())], now: start) == [.acceptPost, .end(.closedByClient)])
    }

    @Test("A ping goes out after each interval that a pong began, by polling")
    func pollingHeartbeat() {
        let session = polling()
        var now = start
        for _ in 0..<3 {
            #expect(session.poll(now: now) == [])
            now = now + .milliseconds(299)
            #expect(session.check(now: now) == [])
            now = now + .milliseconds(1)
            #expect(session.deadline == now)
            #expect(session.check(now: now) == [.answerPoll("2")])
            now = now + .milliseconds(199)
            _ = session.beginPost()
            #expect(session.post([.pong("")], now: now) == [.acceptPost])
        }
    }

    @Test("A ping that nobody answers ends the session", arguments: [true, false])
    func pingTimeout(polls: Bool) {
        let session = polls ? polling() : webSocket()
        let ping = session.check(now: start + .milliseconds(300))
        #expect(ping == (polls ? [] : [.write(.text("2"))]))
        #expect(session.check(now: start + .milliseconds(499)) == [])
        #expect(session.check(now: start + .milliseconds(500)) == [.end(.pingTimeout)])
        #expect(session.hasEnded)
    }

    @Test("A timer that comes late ends the session all the same")
    func lateTimer() {
        let session = polling()
        #expect(session.poll(now: start + .milliseconds(600)) == [.end(.pingTimeout), .refusePoll])
    }

    @Test("On a WebSocket messages go both ways and bytes are frames of their own")
    func webSocketMessages() {
        let session = webSocket()
        #expect(session.receive(.text("4hello"), now: start) == [.deliver(hello())])
        let bytes = EngineIOMessage.binary(ByteBuffer(bytes: [1, 2]))
        #expect(session.receive(bytes, now: start) == [.deliver(bytes)])
        #expect(session.send([hello(), bytes]) == [.write(.text("4hello")), .write(bytes)])
        #expect(session.poll(now: start) == [.refusePoll])
        #expect(session.beginPost() == [.refusePost])
        #expect(!session.attachWebSocket(now: start))
        #expect(!session.hasEnded)
    }

    @Test("What a client may not send ends the session", arguments: ["abc", "", "2", "0{}", "7"])
    func malformed(text: String) {
        let session = webSocket()
        #expect(session.receive(.text(text), now: start) == [.end(.malformed)])
    }

    @Test("A WebSocket takes over after probe and upgrade, and what waited goes out on it")
    func upgrade() {
        let session = polling()
        #expect(session.attachWebSocket(now: start))
        #expect(!session.attachWebSocket(now: start))
        #expect(session.poll(now: start) == [])
        #expect(session.receive(.text("2probe"), now: start) == [.write(.text("3probe")), .answerPoll("6")])
        #expect(session.send([hello()]) == [])
        #expect(session.receive(.text("5"), now: start) == [.write(.text("4hello"))])
        #expect(session.poll(now: start) == [.refusePoll])
        #expect(session.webSocketClosed() == [.end(.transportClosed)])
    }

    @Test("A poll that waits when the upgrade comes is ended with a noop")
    func upgradeWithPoll() {
        let session = polling()
        _ = session.attachWebSocket(now: start)
        _ = session.receive(.text("2probe"), now: start)
        #expect(session.poll(now: start) == [.answerPoll("6")])
        #expect(session.receive(.text("5"), now: start) == [])
        #expect(session.receive(.text("4x"), now: start) == [.deliver(hello("x"))])
    }

    @Test("A post under way when the upgrade comes is still refused, not lost in silence")
    func upgradeWithPost() {
        let session = polling()
        _ = session.attachWebSocket(now: start)
        _ = session.receive(.text("2probe"), now: start)
        _ = session.beginPost()
        _ = session.receive(.text("5"), now: start)
        #expect(session.post([.message(hello())], now: start) == [.refusePost])
        #expect(!session.hasEnded)
    }

    @Test("An upgrade that is cut, wrong or too slow leaves the session to polling")
    func failedUpgrade() {
        let session = polling()
        _ = session.attachWebSocket(now: start)
        #expect(session.webSocketClosed() == [])
        #expect(session.attachWebSocket(now: start))
        #expect(session.receive(.text("4early"), now: start) == [.dropWebSocket])
        #expect(session.poll(now: start) == [])
        let other = polling(EngineIOSession.Settings())
        _ = other.attachWebSocket(now: start)
        let deadline = start + Limits.socketIOUpgradeTimeout
        #expect(other.deadline == deadline)
        #expect(other.check(now: deadline) == [.dropWebSocket])
        #expect(other.attachWebSocket(now: deadline))
    }

    @Test("A client that does not poll is given up when too much waits for it")
    func tooSlow() {
        let session = polling()
        let message = hello(String(repeating: "x", count: 64 * 1024))
        for _ in 0..<15 { #expect(session.send([message]) == []) }
        #expect(session.send([message, message]) == [.end(.tooSlow)])
        let other = polling()
        for _ in 0..<Limits.socketIOQueueCount { _ = other.send([hello("")]) }
        #expect(!other.hasEnded)
        #expect(other.send([hello("")]) == [.end(.tooSlow)])
    }

    @Test("Who is to connect again is not told to stay away: the poll that waits is refused")
    func mustReconnect() {
        let session = polling()
        _ = session.poll(now: start)
        #expect(session.end(.mustReconnect) == [.refusePoll, .end(.mustReconnect)])
        #expect(session.poll(now: start) == [.refusePoll])
        let other = polling()
        _ = other.poll(now: start)
        #expect(other.end(.tooSlow) == [.answerPoll("1"), .end(.tooSlow)])
    }

    /// What a client can send without end on a WebSocket.
    enum Flood: CaseIterable {
        case message, pong, upgrade, noop, controlFrame
    }

    @Test(
        "More packets and frames in a window than allowed end the session, and the next window is new",
        arguments: Flood.allCases)
    func rate(flood: Flood) {
        let session = webSocket()
        func send(to session: SessionUnderTest, at time: Timestamp) -> [EngineIOSession.Action] {
            switch flood {
            case .message: session.receive(.text("4x"), now: time)
            case .pong: session.receive(.text("3"), now: time)
            case .upgrade: session.receive(.text("5"), now: time)
            case .noop: session.receive(.text("6"), now: time)
            case .controlFrame: session.receiveControlFrame(now: time)
            }
        }
        for _ in 1...Limits.socketIOPacketRate { _ = send(to: session, at: start) }
        #expect(!session.hasEnded)
        let other = session.copy()
        #expect(send(to: session, at: start) == [.end(.tooManyPackets)])
        _ = send(to: other, at: start + Limits.clientFrameWindow)
        #expect(!other.hasEnded)
    }

    @Test("A post is no way around the rate of packets")
    func rateOfPosts() {
        let session = polling()
        _ = session.beginPost()
        let packets = Array(repeating: EngineIOPacket.pong(""), count: Limits.socketIOPacketRate + 1)
        #expect(session.post(packets, now: start) == [.acceptPost, .end(.tooManyPackets)])
    }

    @Test("A message over the bound ends the session")
    func tooLarge() {
        let session = webSocket()
        let message = String(repeating: "x", count: 1001)
        #expect(session.receive(.text("4" + message.dropLast()), now: start).count == 1)
        #expect(session.receive(.text("4" + message), now: start) == [.end(.malformed)])
    }
}
