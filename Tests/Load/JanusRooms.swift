import Contracts
import MediaPeer
import MediaSecurity

/// Rooms of Janus's videoroom plugin, in one session.
final class JanusRooms: MediaServerUnderTest {
    private let client: JanusClient
    private let process: ProcessUsage
    private let session: Int
    /// The handles of the rooms' publishers, by room.
    private var publishers: [Int: Int] = [:]

    /// Makes the session and the rooms.
    init(client: JanusClient, pid: Int, count: Int) async throws {
        self.client = client
        process = ProcessUsage(pid: pid)
        guard let session = try await client.post(JanusMessage(janus: "create")).data?.id else {
            throw LoadFailure("Janus gives no session.")
        }
        self.session = session
        let handle = try await attach()
        for room in 0..<count {
            let body = JanusMessage.Body(
                request: "create", room: Self.number(room), publishers: 100, bitrate: 0, videocodec: "vp8")
            _ = try await client.post(JanusMessage(janus: "message", body: body), to: "/\(session)/\(handle)")
        }
    }

    /// Ends the session, and with it all that is in it.
    func close() async throws { _ = try await client.post(JanusMessage(janus: "destroy"), to: "/\(session)") }

    /// Janus counts rooms from 1.
    private static func number(_ room: Int) -> Int { room + 1 }

    // MARK: MediaServerUnderTest

    func processes() throws -> [ProcessUsage] { [process] }
    func fault() -> String? { nil }

    func publish(_ peer: MediaPeer, in room: Int) async throws {
        let handle = try await attach()
        publishers[room] = handle
        let number = Self.number(room)
        let offer = JanusDescription(type: "offer", sdp: peer.offer(number: 1).sdp)
        let body = JanusMessage.Body(request: "joinandconfigure", room: number, ptype: "publisher", id: number)
        let event = try await ask(body, offer, handle)
        guard let answer = event.jsep else { throw LoadFailure("Janus answers no offer.") }
        try peer.accept(CallAnswer(number: 1, sdp: answer.sdp), now: .now)
    }

    /// Subscribers can be had from when Janus knows it.
    func publisherConnected(in room: Int) async throws {
        _ = try await client.event(in: session) { $0.janus == "webrtcup" && $0.sender == publishers[room] }
    }

    func subscribe(_ peer: MediaPeer, to room: Int) async throws {
        let handle = try await attach()
        let number = Self.number(room)
        let body = JanusMessage.Body(
            request: "join", room: number, ptype: "subscriber", streams: [.init(feed: number)])
        guard let offer = try await ask(body, nil, handle).jsep else { throw LoadFailure("Janus makes no offer.") }
        let answer = JanusDescription(type: "answer", sdp: try peer.answer(offer.sdp, now: .now))
        _ = try await ask(JanusMessage.Body(request: "start", room: number), answer, handle)
    }

    private func attach() async throws -> Int {
        let message = JanusMessage(janus: "attach", plugin: "janus.plugin.videoroom")
        guard let handle = try await client.post(message, to: "/\(session)").data?.id else {
            throw LoadFailure("Janus gives no handle.")
        }
        return handle
    }

    private func ask(
        _ body: JanusMessage.Body, _ description: JanusDescription?, _ handle: Int
    ) async throws -> JanusEvent {
        let message = JanusMessage(janus: "message", body: body, jsep: description)
        _ = try await client.post(message, to: "/\(session)/\(handle)")
        return try await client.event(in: session) { $0.janus == "event" && $0.transaction == message.transaction }
    }
}
