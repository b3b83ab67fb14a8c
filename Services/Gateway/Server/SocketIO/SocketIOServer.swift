import Contracts
import NIOCore
import NIOHTTP1
import SocketIOCodec
import Synchronization

/// The sessions of Socket.IO on this gateway, by their ids. Each lives on one event loop; requests of other connections
/// find it here and hop there.
final class SocketIOServer: Sendable {
    let configuration: SocketIOConfiguration
    let people: PeopleDirectory
    private let sessions = Mutex<[EngineIOSessionID: SocketIOSession]>([:])

    init(configuration: SocketIOConfiguration, people: PeopleDirectory) {
        self.configuration = configuration
        self.people = people
    }

    /// What is served at a path; `nil` if nothing is.
    func layer(at path: some StringProtocol) -> SocketIOLayer? {
        switch path {
        case "/socket.io/", "/socket.io": .socketIO
        case "/engine.io/" where configuration.isEchoing, "/engine.io" where configuration.isEchoing: .engineEcho
        default: nil
        }
    }

    func session(_ id: EngineIOSessionID) -> SocketIOSession? { sessions.withLock { $0[id] } }

    func freshID() -> EngineIOSessionID {
        var random = SystemRandomNumberGenerator()
        return EngineIOSessionID(gateway: configuration.gatewayName, entropy: (random.next(), random.next()))
    }

    func add(_ session: SocketIOSession) { sessions.withLock { $0[session.id] = session } }

    func remove(_ session: SocketIOSession) { sessions.withLock { $0[session.id] = nil } }

    /// Has every client connect elsewhere, spread over a time: their libraries do so by themselves when the transport closes.
    func endAll(over spread: Duration) {
        let all = sessions.withLock { Array($0.values) }
        let pause = spread.nanoseconds / Int64(max(1, all.count))
        for (position, session) in all.enumerated() {
            session.endFromOutside(.mustReconnect, in: .nanoseconds(pause * Int64(position)))
        }
    }
}

/// What is spoken above Engine.IO.
enum SocketIOLayer {
    case socketIO
    /// Every message comes back.
    case engineEcho
}

/// A whole answer to an HTTP request.
struct HTTPAnswer: Sendable {
    let status: HTTPResponseStatus
    let body: String
    let contentType: String

    static func ok(_ body: String) -> HTTPAnswer {
        HTTPAnswer(status: .ok, body: body, contentType: "text/plain; charset=UTF-8")
    }

    static func refused(_ refusal: EngineIORefusal) -> HTTPAnswer {
        HTTPAnswer(status: .badRequest, body: refusal.json, contentType: "application/json")
    }

    static func failed(_ status: HTTPResponseStatus, _ sentence: String) -> HTTPAnswer {
        HTTPAnswer(status: status, body: sentence, contentType: "text/plain; charset=UTF-8")
    }
}
