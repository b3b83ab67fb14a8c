import Foundation

/// What one measurement found, as one line of JSON: `{"measure":"post","values":{"messagesPerSecond":4200}}`.
struct Figures: Codable {
    /// What was measured; lines with the same name are runs of the same measurement.
    let measure: String
    /// Figures by name; the unit is in the name.
    let values: [String: Double]

    /// Writes the line to standard output.
    func print() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        FileHandle.standardOutput.write(try encoder.encode(self) + Data("\n".utf8))
    }
}

/// Latencies in microseconds, kept one by one: two million of them are 8 MB, and percentiles are exact.
struct LatencySamples {
    private var microseconds: [UInt32] = []

    /// Samples so far.
    var count: Int { microseconds.count }

    /// Makes room, so that no growth of the array disturbs the measurement.
    mutating func reserve(_ count: Int) { microseconds.reserveCapacity(count) }

    /// Adds one latency; a negative one counts as 0.
    mutating func add(nanoseconds: Int64) { microseconds.append(UInt32(clamping: nanoseconds / 1000)) }

    /// Adds all of another.
    mutating func add(_ other: LatencySamples) { microseconds += other.microseconds }

    /// The values in milliseconds below which the given shares (0 to 1) of all samples lie; 0 without samples.
    consuming func milliseconds(atShares shares: [Double]) -> [Double] {
        let sorted = microseconds.sorted()
        return shares.map { share in
            sorted.isEmpty ? 0 : Double(sorted[Int(share * Double(sorted.count - 1))]) / 1000
        }
    }
}

/// Why a measurement is void. Its text is for the person who started it.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
