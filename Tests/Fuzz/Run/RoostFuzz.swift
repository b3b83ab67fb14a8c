import ArgumentParser
import Foundation
import FuzzTargets

@main
struct RoostFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-fuzz",
        abstract: "Gives damaged packets and offers to the parsers of the media node.",
        discussion: """
            Ends with an error when an input traps, hangs or breaks what must hold, and writes that input to a file: \
            put it into Tests/Fuzz/Corpus with the fix, and the unit tests replay it.
            """)

    @Option(help: "Only these targets, separated by commas.")
    var targets: String?
    @Option(help: "Seconds for each target.")
    var secondsEach = 600
    @Option(help: "Repeats a run; without it one is chosen and printed.")
    var seed: UInt64 = .random(in: 1...UInt64.max)
    @Option(help: "Where an input that fails is written.")
    var output = "fuzz-failure.bin"

    func run() throws {
        let names = targets?.split(separator: ",").map(String.init)
        let chosen = FuzzTarget.all.filter { names?.contains($0.name) ?? true }
        guard !chosen.isEmpty, chosen.count == names?.count ?? chosen.count else {
            throw ValidationError("Targets are \(FuzzTarget.all.map(\.name).joined(separator: ", ")).")
        }
        LastInput.watch(output)
        for target in chosen { try fuzz(target) }
    }

    private func fuzz(_ target: FuzzTarget) throws {
        say("\(target.name): seed \(seed)")
        var fuzzer = Fuzzer(target, corpus: try Fuzzer.corpus(of: target), seed: seed)
        let end = ContinuousClock.now + .seconds(secondsEach)
        do throws(Fuzzer.Finding) {
            try fuzzer.replay()
            while ContinuousClock.now < end {
                // An input that takes longer than this for a hundred of them hangs.
                alarm(20)
                for _ in 0..<100 { try fuzzer.step { LastInput.keep($0) } }
            }
        } catch {
            try Data(error.input).write(to: URL(fileURLWithPath: output))
            throw error
        }
        alarm(0)
        say("\(target.name): \(fuzzer.runCount) inputs, \(fuzzer.featureCount) different outcomes, no fault")
    }

    /// At once: what a buffer holds, a trap takes along.
    private func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}

/// The input that is being run, where a signal's handler finds it: a trap of Swift is a signal.
///
/// SAFETY: `nonisolated(unsafe)` because one thread writes it, and the handler reads it on that thread after it has stopped;
/// the handler calls nothing but what signal-safety(7) allows.
private enum LastInput {
    nonisolated(unsafe) private static let memory = UnsafeMutableRawPointer.allocate(
        byteCount: Mutator.byteCount, alignment: 16)
    nonisolated(unsafe) private static var byteCount = 0
    nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar>?

    static func keep(_ input: [UInt8]) {
        byteCount = min(input.count, Mutator.byteCount)
        input.withUnsafeBytes { input in
            if let start = input.baseAddress { memory.copyMemory(from: start, byteCount: byteCount) }
        }
    }

    static func watch(_ output: String) {
        path = strdup(output)
        byteCount = 0
        _ = memory
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM] {
            signal(number) { number in
                if let path = LastInput.path {
                    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
                    _ = write(file, LastInput.memory, LastInput.byteCount)
                    close(file)
                }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }
}
