import Foundation
package import Logging

/// Reads a service's configuration from environment variables. Each reader names its variable in its error, so that a
/// person who started the service wrongly knows what to set.
package struct Settings: Sendable {
    private let environment: [String: String]

    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.environment = environment
    }

    /// A variable that must be set and not empty.
    package func required(_ name: String, _ meaning: String) throws(SettingsError) -> String {
        guard let value = optional(name) else { throw .missing(name: name, meaning: meaning) }
        return value
    }

    /// A variable that may be absent. Empty counts as absent.
    package func optional(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A whole number in a range.
    package func integer(_ name: String, default value: Int, in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        guard let text = optional(name) else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw .invalid(
                name: name, value: text, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One of the cases of an enum.
    package func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, default value: Value
    ) throws(SettingsError) -> Value {
        guard let text = optional(name) else { return value }
        guard let choice = Value(rawValue: text) else {
            let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid(name: name, value: text, expected: "one of \(choices)")
        }
        return choice
    }

    /// A list separated by commas; empty if absent.
    package func list(_ name: String) -> [String] {
        (optional(name) ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// A logger at the level of `ROOST_LOG_LEVEL`, `info` if absent. It writes to standard error.
    package func logger(label: String) throws(SettingsError) -> Logger {
        var logger = Logger(label: label, factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = try choice("ROOST_LOG_LEVEL", default: Logger.Level.info)
        return logger
    }
}

package enum SettingsError: Error, CustomStringConvertible, Equatable {
    case missing(name: String, meaning: String)
    case invalid(name: String, value: String, expected: String)

    package var description: String {
        switch self {
        case .missing(let name, let meaning): "Set \(name): \(meaning)."
        case .invalid(let name, let value, let expected): "\(name) is \"\(value)\"; it must be \(expected)."
        }
    }
}
