import Foundation

/// What this process has of the machine (proc(5)).
package struct ProcessUsage: Sendable {
    package let processorSeconds: Double
    package let residentByteCount: Int
    package let descriptorCount: Int

    /// `nil` where the system does not say.
    package static var current: ProcessUsage? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0,
            let memory = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = memory.split(separator: " ").dropFirst().first.flatMap({ Int($0) }),
            let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        else { return nil }
        return ProcessUsage(
            processorSeconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9,
            residentByteCount: pages * sysconf(Int32(_SC_PAGESIZE)), descriptorCount: descriptors.count)
    }
}
