import Contracts
import SocketIOCodec
import Testing

private let start = Timestamp(milliseconds: 1_000_000)

private func machine() -> MachineUnderTest {
    MachineUnderTest(SocketIOMachine(namespaces: ["/", "/custom"], maximumByteCount: 1000, now: start))
}

@Suite("The namespaces of a session")
struct SocketIOMachineTests {
    @Test("A client enters, speaks and leaves")
    func membership() {
        let machine = machine()
        #expect(
            machine.receive(.text(#"0{"token":"x"}"#)) == .connect(namespace: "/", auth: ["token": "x"]))
        #expect(machine.entered("/"))
        #expect(
            machine.receive(.text(#"27["a",1]"#))
                == .event(namespace: "/", name: "a", arguments: [1], id: 7))
        #expect(machine.receive(.text("1")) == .disconnect(namespace: "/"))
        #expect(machine.receive(.text("0")) == .connect(namespace: "/", auth: nil))
    }

    @Test("A namespace that does not exist is refused, and the session goes on")
    func unknownNamespace() {
        let machine = machine()
        #expect(machine.receive(.text("0/random")) == .refuse(namespace: "/random"))
        #expect(machine.receive(.text("0/custom")) == .connect(namespace: "/custom", auth: nil))
    }

    @Test("A packet for a namespace that the client is not in ends the session", arguments: [#"2["a"]"#, "1", "31[]"])
    func beforeConnect(text: String) {
        let machine = machine()
        #expect(machine.receive(.text(text)) == .close(.malformed))
    }

    @Test("An event before the server's answer, and a second connect, end the session", arguments: [#"2["a"]"#, "0"])
    func whileEntering(text: String) {
        let machine = machine()
        _ = machine.receive(.text("0"))
        #expect(machine.receive(.text(text)) == .close(.malformed))
    }

    @Test("A client that left while it was being let in does not enter")
    func leftWhileEntering() {
        let machine = machine()
        _ = machine.receive(.text("0"))
        #expect(machine.receive(.text("1")) == .disconnect(namespace: "/"))
        #expect(!machine.entered("/"))
    }

    @Test("A session that enters nothing in time is not worth keeping")
    func connectTimeout() {
        let machine = machine()
        let deadline = start + Limits.socketIOConnectTimeout
        #expect(machine.check(now: start))
        #expect(!machine.check(now: deadline))
        _ = machine.receive(.text("0"))
        #expect(machine.check(now: deadline))
    }
}
