import Contracts
import NIOCore
import NIOEmbedded
import RoostClient
import Testing

@Suite("Sockets of a client")
struct LinkTests {
    @Test("Who loses the last socket connects again, however far it had come", arguments: LinkPhase.allCases)
    func last(phase: LinkPhase) {
        #expect(LinkSuccession(after: phase, others: []) == .connect(isMoving: false))
        #expect(LinkSuccession(after: phase, others: [.retired]) == .connect(isMoving: false))
    }

    @Test(
        "A socket that was to take over is made again while the old one serves",
        arguments: [LinkPhase.connecting, .replaying])
    func takingOver(phase: LinkPhase) {
        #expect(LinkSuccession(after: phase, others: [.current]) == .connect(isMoving: true))
    }

    @Test("When the old socket goes before the new one is current, the new one waits no longer")
    func overtaken() {
        #expect(LinkSuccession(after: .current, others: [.connecting]) == .hurry)
        #expect(LinkSuccession(after: .current, others: [.retired, .replaying]) == .hurry)
        #expect(LinkSuccession(after: .retired, others: [.connecting]) == .hurry)
    }

    @Test("A socket that another has taken over from ends without a word")
    func retired() {
        #expect(LinkSuccession(after: .retired, others: [.current]) == .none)
        #expect(LinkSuccession(after: .retired, others: [.current, .connecting]) == .none)
    }

    @Test("A server that accepts and says nothing is given up after 10 s")
    func silentServer() throws {
        let channel = EmbeddedChannel()
        let address = try #require(ServerAddress("http://127.0.0.1:1"))
        let upgrade = try GatewaySocket.configure(channel, for: address)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        channel.embeddedEventLoop.advanceTime(by: TimeAmount(Limits.clientAnswerPatience) - .milliseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!channel.isActive)
        #expect(throws: (any Error).self) { _ = try upgrade.wait() }
    }
}
