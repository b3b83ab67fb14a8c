import Foundation
import FuzzTargets
import Testing

/// What `make fuzz` does for hours, for a moment: the corpus, in which every input stands that once failed, and some
/// thousand changes of it.
@Suite("Damaged packets and offers")
struct FuzzCorpusTests {
    @Test(
        "No input of the corpus, and none of 5,000 changes of it, traps a parser", arguments: FuzzTarget.all.map(\.name)
    )
    func corpus(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let text = ProcessInfo.processInfo.environment["ROOST_TEST_SEED"]
        let seed = text.flatMap { UInt64($0) } ?? 20_251_121
        var fuzzer = Fuzzer(target, corpus: try Fuzzer.corpus(of: target), seed: seed)
        try fuzzer.replay()
        let known = fuzzer.featureCount
        for _ in 0..<5_000 { try fuzzer.step() }
        #expect(fuzzer.runCount > 5_000)
        // Changes that all end at the first check would show nothing.
        #expect(fuzzer.featureCount > known, "seed \(seed)")
    }

    @Test("The same seed makes the same inputs")
    func determinism() throws {
        var one = Mutator(seed: 7)
        var two = Mutator(seed: 7)
        let corpus: [[UInt8]] = [[1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12]]
        let inputs = (0..<1000).map { _ in one.input(from: corpus) }
        let again = (0..<1000).map { _ in two.input(from: corpus) }
        #expect(inputs == again)
        #expect(Set(inputs).count > 800)
    }
}
