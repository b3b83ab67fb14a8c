import ArgumentParser
import Foundation

/// `roost-load report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Reads lines of figures from standard input and writes a Markdown table of their medians.")

    func run() throws {
        var runs: [String: [Figures]] = [:]
        while let line = readLine() {
            let figures = try JSONDecoder().decode(Figures.self, from: Data(line.utf8))
            runs[figures.measure, default: []].append(figures)
        }
        print(Report(runs: runs).markdown)
    }
}

/// The tables of `make bench`.
struct Report {
    /// The runs of each measurement.
    let runs: [String: [Figures]]

    /// All of it.
    var markdown: String {
        ([memory] + [post, fanout, deflate, stalled, latency, crowds, media, crowd].compactMap(\.self))
            .joined(separator: "\n\n")
    }

    /// The median of a figure over the runs; of an even number the higher of the middle two.
    func median(_ measure: String, _ figure: String) -> Double? {
        Self.median((runs[measure] ?? []).compactMap { $0.values[figure] })
    }

    /// The median of the ratios that two measurements had to each other within one run.
    func ratio(_ measure: String, to other: String, _ figure: String) -> Double? {
        Self.median(
            zip(runs[measure] ?? [], runs[other] ?? []).compactMap { own, other in
                own.values[figure].flatMap { own in other.values[figure].map { own / $0 } }
            })
    }

    private static func median(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.sorted()[values.count / 2]
    }

    func count(_ measure: String) -> Int { runs[measure]?.count ?? 0 }

    private var memory: String {
        let names = Set((runs["memory"] ?? []).flatMap(\.values.keys)).map { $0.prefix { $0 != " " } }
        let rows = Set(names).sorted().map { name in
            [String(name), text(median("memory", "\(name) RSS MB"), 1), text(median("memory", "\(name) Pss MB"), 1)]
        }
        return table("Idle memory", ["process", "VmRSS, MB", "Pss, MB"], rows)
    }

    private var post: String? {
        guard let roost = median("post", "messagesPerSecond"), let bare = median("pgbench", "messagesPerSecond") else {
            return nil
        }
        func cpu(_ name: String) -> String { text(median("post", "\(name)CPUSecondsPerThousand"), 3) }
        return table(
            "Messages stored, median of \(count("post"))", ["figure", "value"],
            [
                ["POST to the API, messages/s", text(roost, 0)],
                ["pgbench, the same insert, /s", text(bare, 0)],
                ["ratio", text(ratio("post", to: "pgbench", "messagesPerSecond"), 3)],
                ["latency p50, p99, ms", pair("post")],
                ["CPU s per 1,000 messages: roost-api", cpu("api")],
                ["… PostgreSQL", cpu("postgres")],
                ["… Redis", cpu("redis")],
                ["… the clients", cpu("load")],
                ["cores used by anything else meanwhile", text(median("post", "coresUsedByOthers"), 2)],
            ])
    }

    private func pair(_ measure: String) -> String {
        text(median(measure, "p50Milliseconds"), 1) + ", " + text(median(measure, "p99Milliseconds"), 1)
    }

    func text(_ value: Double?, _ digits: Int) -> String {
        // Nothing divided by nothing is no ratio.
        guard let value, value.isFinite else { return "–" }
        return String(format: "%.\(digits)f", value)
    }

    func table(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
        let rule = ["---"] + heads.dropFirst().map { _ in "---:" }
        let lines = ([heads, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
        return "### \(title)\n\n" + lines.joined(separator: "\n")
    }
}
