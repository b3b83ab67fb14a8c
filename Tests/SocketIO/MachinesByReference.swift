import Contracts
import SocketIOCodec

// `#expect` takes no calls that mutate: these hold the machines by reference.

final class SessionUnderTest {
    private var session: EngineIOSession

    init(_ session: EngineIOSession) { self.session = session }

    var hasEnded: Bool { session.hasEnded }
    var deadline: Timestamp { session.deadline }

    func poll(now: Timestamp) -> [EngineIOSession.Action] { session.poll(now: now) }
    func pollCut() -> [EngineIOSession.Action] { session.pollCut() }
    func beginPost() -> [EngineIOSession.Action] { session.beginPost() }
    func post(_ packets: [EngineIOPacket]?, now: Timestamp) -> [EngineIOSession.Action] {
        session.post(packets, now: now)
    }
    func postCut() -> [EngineIOSession.Action] { session.postCut() }
    func attachWebSocket(now: Timestamp) -> Bool { session.attachWebSocket(now: now) }
    func receive(_ message: EngineIOMessage, now: Timestamp) -> [EngineIOSession.Action] {
        session.receive(message, now: now)
    }
    func receiveControlFrame(now: Timestamp) -> [EngineIOSession.Action] { session.receiveControlFrame(now: now) }
    func copy() -> SessionUnderTest { SessionUnderTest(session) }
    func webSocketClosed() -> [EngineIOSession.Action] { session.webSocketClosed() }
    func send(_ messages: [EngineIOMessage]) -> [EngineIOSession.Action] { session.send(messages) }
    func check(now: Timestamp) -> [EngineIOSession.Action] { session.check(now: now) }
    func end(_ reason: EngineIOSession.Reason) -> [EngineIOSession.Action] { session.end(reason) }
}

final class MachineUnderTest {
    private var machine: SocketIOMachine

    init(_ machine: SocketIOMachine) { self.machine = machine }

    func receive(_ message: EngineIOMessage) -> SocketIOMachine.Action { machine.receive(message) }
    func entered(_ namespace: String) -> Bool { machine.entered(namespace) }
    func check(now: Timestamp) -> Bool { machine.check(now: now) }
}

final class ReaderUnderTest {
    private var reader: SocketIOReader

    init(maximumByteCount: Int) { reader = SocketIOReader(maximumByteCount: maximumByteCount) }

    func receive(_ message: EngineIOMessage) -> SocketIOReader.Input { reader.receive(message) }
}
