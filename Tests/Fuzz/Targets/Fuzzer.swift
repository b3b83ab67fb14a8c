package import Foundation

/// Runs one target over its corpus and changes of it. What leads to something new is changed further.
package struct Fuzzer {
    /// Inputs that are kept because they led to something new, at most.
    private static let keptCount = 4096

    /// An input with a fault.
    package struct Finding: Error, CustomStringConvertible {
        package let target: String
        package let fault: String
        package let input: [UInt8]

        package var description: String {
            "\(target): \(fault) \(input.map { String($0, radix: 16) }.joined(separator: " "))"
        }
    }

    package let target: FuzzTarget
    private var corpus: [[UInt8]]
    private var features: Set<UInt64> = []
    private var mutator: Mutator
    /// Inputs that were run.
    package private(set) var runCount = 0
    /// Different things that inputs led to.
    package var featureCount: Int { features.count }

    /// - Parameter corpus: as ``corpus(of:)`` reads it; not empty.
    package init(_ target: FuzzTarget, corpus: [[UInt8]], seed: UInt64) {
        precondition(!corpus.isEmpty, "A target has at least one input to change.")
        self.target = target
        self.corpus = corpus
        mutator = Mutator(seed: seed)
    }

    /// Runs the corpus as it is. - Throws: ``Finding``.
    package mutating func replay() throws(Finding) {
        for input in corpus { _ = try run(input) }
    }

    /// Runs one changed input. - Parameter observe: is told of it before, so that a trap does not take it along.
    package mutating func step(_ observe: ([UInt8]) -> Void = { _ in }) throws(Finding) {
        let input = mutator.input(from: corpus)
        observe(input)
        if try run(input), corpus.count < Self.keptCount { corpus.append(input) }
    }

    /// Whether it led to something new.
    private mutating func run(_ input: [UInt8]) throws(Finding) -> Bool {
        runCount += 1
        let outcome = target.run(input)
        if let fault = outcome.fault { throw Finding(target: target.name, fault: fault, input: input) }
        return features.insert(outcome.feature).inserted
    }

    /// Where the corpus is: a folder for each target, a file for each input.
    package static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Corpus").standardizedFileURL

    /// The inputs of a target, by the names of their files.
    package static func corpus(of target: FuzzTarget) throws -> [[UInt8]] {
        let files = try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(target.name), includingPropertiesForKeys: nil)
        return try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
    }
}
