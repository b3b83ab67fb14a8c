import Foundation

/// A page of figures as Prometheus reads it (text format 0.0.4). Names and labels are the caller's and are taken as they
/// are; values of labels are escaped.
package struct PrometheusText: Sendable {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The page so far.
    package private(set) var text = ""

    package init() {}

    /// One figure that only grows, and begins anew with the process.
    package mutating func counter(_ name: String, _ help: String, _ value: Int) {
        counter(name, help, [([], value)])
    }

    /// The same, one for each combination of labels.
    package mutating func counter(
        _ name: String, _ help: String, _ samples: [(labels: [(name: String, value: String)], value: Int)]
    ) {
        head(name, help, "counter")
        for sample in samples { line(name, sample.labels, "\(sample.value)") }
    }

    /// A figure that goes up and down.
    package mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        gauge(name, help, [([], value)])
    }

    /// The same, one for each combination of labels.
    package mutating func gauge(
        _ name: String, _ help: String, _ samples: [(labels: [(name: String, value: String)], value: Double)]
    ) {
        head(name, help, "gauge")
        for sample in samples { line(name, sample.labels, Self.number(sample.value)) }
    }

    /// How often something took how long.
    /// - Parameters:
    ///   - bounds: in seconds, ascending.
    ///   - counts: up to each bound and above the one before, and above the last: one more than there are bounds.
    ///   - sum: of all, in seconds.
    package mutating func histogram(_ name: String, _ help: String, bounds: [Double], counts: [Int], sum: Double) {
        precondition(counts.count == bounds.count + 1, "A histogram counts what is above its last bound too.")
        head(name, help, "histogram")
        var total = 0
        for (bound, count) in zip(bounds, counts) {
            total += count
            line("\(name)_bucket", [("le", Self.number(bound))], "\(total)")
        }
        total += counts[bounds.count]
        line("\(name)_bucket", [("le", "+Inf")], "\(total)")
        line("\(name)_sum", [], Self.number(sum))
        line("\(name)_count", [], "\(total)")
    }

    /// What the system says of this process (proc(5)); nothing where it says nothing.
    package mutating func addProcess() {
        guard let usage = ProcessUsage.current else { return }
        head("process_cpu_seconds_total", "Time that the process has had of processors.", "counter")
        line("process_cpu_seconds_total", [], Self.number(usage.processorSeconds))
        gauge("process_resident_memory_bytes", "Memory that is really there.", Double(usage.residentByteCount))
        gauge("process_open_fds", "Open descriptors.", Double(usage.descriptorCount))
    }

    private mutating func head(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
