import Foundation
import MediaSecurity

/// Seconds of CPU of a server, of the load and of the whole machine, and of the clock.
struct MediaUsage {
    let server: Double
    let load: Double
    let machine: Double
    let elapsed: Double

    private init(server: Double, load: Double, machine: Double, elapsed: Double) {
        self.server = server
        self.load = load
        self.machine = machine
        self.elapsed = elapsed
    }

    /// Up to now, of a server of these processes.
    init(_ processes: [ProcessUsage]) throws {
        self.init(
            server: try processes.cpuSeconds(), load: try ProcessUsage.own.cpuSeconds(),
            machine: try machineCPUSeconds(), elapsed: Double(MediaTime.now.nanoseconds) / 1e9)
    }

    static func - (later: MediaUsage, earlier: MediaUsage) -> MediaUsage {
        MediaUsage(
            server: later.server - earlier.server, load: later.load - earlier.load,
            machine: later.machine - earlier.machine, elapsed: later.elapsed - earlier.elapsed)
    }

    /// Cores that anything but these two has used meanwhile.
    var otherCores: Double { max(0, (machine - server - load) / elapsed) }
}

/// How much of a core one thread of the load takes: near 1 it is too slow for what it measures.
struct ThreadUse {
    private var busy = 0.0
    private var elapsed = 0.0
    private var begun: (busy: Double, at: Double) = (0, 0)

    /// Called on the thread before its work.
    mutating func begin() { begun = (Self.processorTime, Double(MediaTime.now.nanoseconds) / 1e9) }

    /// Called on the thread behind its work.
    mutating func finish() {
        busy += Self.processorTime - begun.busy
        elapsed += Double(MediaTime.now.nanoseconds) / 1e9 - begun.at
    }

    /// In 0...1.
    var share: Double { elapsed > 0 ? busy / elapsed : 0 }

    private static var processorTime: Double { Double(clockNanoseconds(CLOCK_THREAD_CPUTIME_ID)) / 1e9 }
}

extension [ProcessUsage] {
    /// Bytes in memory of all of them.
    func residentBytes() throws -> Int { try reduce(0) { try $0 + $1.memory().resident } }
}
