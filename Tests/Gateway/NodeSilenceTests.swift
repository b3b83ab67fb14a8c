import Contracts
import GatewayDomain
import Testing

@Suite("Media nodes that nobody hears")
struct NodeSilenceTests {
    private let first = InstanceID(at: Timestamp(milliseconds: 1), entropy: (0, 4))
    private let second = InstanceID(at: Timestamp(milliseconds: 1), entropy: (0, 8))

    @Test("A node that is not heard in several looks in a row is dead, and is told of once")
    func dead() {
        var silence = NodeSilence()
        var told: [[InstanceID]] = []
        for _ in 0..<(Limits.mediaNodeLooks + 3) { told.append(silence.look(at: [first: 0, second: 1])) }
        let expected = (1...Limits.mediaNodeLooks + 3).map { $0 == Limits.mediaNodeLooks ? [first] : [] }
        #expect(told == expected)
        #expect(silence.isDead(first) && !silence.isDead(second))
    }

    @Test("A node that is heard in between lives, and one that is heard again is no longer dead")
    func heard() {
        var silence = NodeSilence()
        for look in 0..<20 {
            let dead = silence.look(at: [first: look % Limits.mediaNodeLooks == 0 ? 1 : 0])
            #expect(dead.isEmpty)
        }
        for _ in 0..<Limits.mediaNodeLooks { _ = silence.look(at: [first: 0]) }
        #expect(silence.isDead(first))
        _ = silence.look(at: [first: 1])
        #expect(!silence.isDead(first))
    }

    @Test("Looks from before the link broke do not count")
    func reset() {
        var silence = NodeSilence()
        for _ in 0..<10 {
            for _ in 1..<Limits.mediaNodeLooks {
                let dead = silence.look(at: [first: 0])
                #expect(dead.isEmpty)
            }
            silence.reset()
        }
        #expect(!silence.isDead(first))
    }
}
