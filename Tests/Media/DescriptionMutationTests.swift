import Foundation
import MediaCore
import Testing

@Suite("Damaged offers")
struct DescriptionMutationTests {
    /// Set `ROOST_SDP_SEED` to repeat a run.
    private static let seed =
        ProcessInfo.processInfo.environment["ROOST_SDP_SEED"].flatMap { UInt64($0) }
        ?? UInt64.random(in: 0...UInt64.max)

    @Test("20,000 damaged offers are refused or answered in full, and none traps")
    func damaged() throws {
        let offers = try DescriptionFixture.clients.map { try short(DescriptionFixture.offer("\($0)-first")) }
        var random = Random(state: Self.seed)
        let local = try DescriptionFixture.local()
        var answeredCount = 0
        for round in 0..<20_000 {
            var lines = offers[round % offers.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) { damage(&lines, &random) }
            let offer = String(decoding: joined(lines), as: UTF8.self)
            guard let session = try? NegotiatedSession(offer: offer) else { continue }
            answeredCount += 1
            let answer = session.answer(local, senders: DescriptionFixture.senders(session))
            #expect(isWhole(answer, session), "seed \(Self.seed), round \(round)")
        }
        print("Damaged offers: seed \(Self.seed), \(answeredCount) answered")
        #expect(answeredCount > 1_000 && answeredCount < 19_000, "seed \(Self.seed)")
    }

    @Test("An offer cut off somewhere is refused or answered in full", arguments: DescriptionFixture.clients)
    func cut(client: String) throws {
        let offer = joined(try short(DescriptionFixture.offer("\(client)-first")))
        let local = try DescriptionFixture.local()
        for count in stride(from: 0, to: offer.count, by: 3) {
            let text = String(decoding: offer.prefix(count), as: UTF8.self)
            guard let session = try? NegotiatedSession(offer: text) else { continue }
            #expect(isWhole(session.answer(local, senders: DescriptionFixture.senders(session)), session), "\(count)")
        }
    }

    /// The session's lines and one section of each sort.
    private func short(_ offer: String) throws -> [[UInt8]] {
        let sections = DescriptionFixture.sections(offer)
        try #require(sections.count > 11)
        return [0, 1, 2, 5, 11].flatMap { sections[$0] }.map { Array($0.utf8) }
    }

    private func joined(_ lines: [[UInt8]]) -> [UInt8] { Array(lines.joined(separator: "\r\n".utf8)) }

    private func damage(_ lines: inout [[UInt8]], _ random: inout Random) {
        let place = Int.random(in: 0..<lines.count, using: &random)
        let other = Int.random(in: 0..<lines.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0 where lines.count > 1: lines.remove(at: place)
        case 1: lines.insert(lines[place], at: other)
        case 2: lines.swapAt(place, other)
        case 3: lines[place] = lines[place].dropLast(Int.random(in: 0...lines[place].count, using: &random))
        case 4: lines[place] += lines[other]
        case 5: lines[place].insert(UInt8.random(in: 0...255, using: &random), at: lines[place].count / 2)
        default:
            guard let index = lines[place].indices.randomElement(using: &random) else { return }
            lines[place][index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
    }

    /// Whether the answer has all sections, only whole lines, and all accepted sections bundled. What is alone, or has no
    /// mids, needs no group.
    private func isWhole(_ answer: String, _ session: NegotiatedSession) -> Bool {
        let sections = DescriptionFixture.sections(answer)
        let text = answer.replacing("\r\n", with: "")
        let accepted = session.sections.filter { $0.role != .rejected }.map { Substring($0.mid) }
        let group = sections[0].first { $0.hasPrefix("a=group:BUNDLE ") }
        let bundled = group?.split(separator: " ").dropFirst() ?? accepted[...]
        let hasMids = sections.contains { $0.contains { $0.hasPrefix("a=mid:") } }
        return answer.hasSuffix("\r\n") && !text.utf8.contains { $0 == 10 || $0 == 13 || $0 == 0 }
            && sections.count == session.sections.count + 1
            && (!hasMids || zip(session.sections, sections.dropFirst()).allSatisfy { $1.contains("a=mid:\($0.mid)") })
            && (group != nil || !hasMids || session.sections.count == 1)
            && !accepted.isEmpty && Set(bundled) == Set(accepted) && bundled.count == accepted.count
    }

    /// SplitMix64.
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
