import Foundation

/// One process with its children, as Linux accounts for it: the workers of nginx and the backends of PostgreSQL are
/// children of the process that was started.
struct ProcessUsage {
    /// The process that was started.
    let pid: Int

    /// This process.
    static var own: ProcessUsage { ProcessUsage(pid: Int(getpid())) }

    /// CPU seconds, user and system, of the process and the children it has now, in ticks of 10 ms (proc(5), stat).
    func cpuSeconds() throws -> Double {
        guard let own = Self.ticks(pid) else { throw LoadFailure("There is no process \(pid).") }
        let ticks = Self.children(of: pid).compactMap(Self.ticks).reduce(own, +)
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes in memory.
    struct Memory {
        /// VmRSS: pages that processes share are counted in each of them.
        var resident = 0
        /// Pss: shared pages are divided among their users; `nil` where the kernel does not tell us.
        var proportional: Int?
    }

    /// The memory of the process and its children.
    func memory() throws -> Memory {
        var sum = Memory(proportional: 0)
        for pid in [pid] + Self.children(of: pid) {
            guard let resident = Self.kilobytes("VmRSS", in: "/proc/\(pid)/status") else { continue }
            sum.resident += resident * 1024
            let share = Self.kilobytes("Pss", in: "/proc/\(pid)/smaps_rollup")
            sum.proportional = share.flatMap { share in sum.proportional.map { $0 + share * 1024 } }
        }
        guard sum.resident > 0 else { throw LoadFailure("There is no process \(pid).") }
        return sum
    }

    /// Bytes of memory that the process alone has had at once, at most (VmHWM).
    func peakResident() throws -> Int {
        guard let peak = Self.kilobytes("VmHWM", in: "/proc/\(pid)/status") else {
            throw LoadFailure("There is no process \(pid).")
        }
        return peak * 1024
    }

    /// Fields of /proc/PID/stat from the third on: the name in the second may contain spaces and brackets.
    private static func statFields(_ pid: Int) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    /// utime and stime, fields 14 and 15.
    private static func ticks(_ pid: Int) -> Int? {
        guard let fields = statFields(pid), let user = Int(fields[11]), let system = Int(fields[12]) else { return nil }
        return user + system
    }

    private static func children(of parent: Int) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int($0) }.filter { pid in statFields(pid).flatMap { Int($0[1]) } == parent }
    }

    /// A line such as `VmRSS:    1234 kB`.
    private static func kilobytes(_ name: String, in path: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}

/// CPU seconds that all of the machine has spent, on anything: what remains beside the processes measured tells how much
/// a measurement was disturbed (proc(5), stat: all but idle and iowait; guest times are part of user's).
func machineCPUSeconds() throws -> Double {
    let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
    let ticks = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
    guard ticks.count == 8 else { throw LoadFailure("/proc/stat begins with no line of the whole machine.") }
    return Double(ticks.reduce(0, +) - ticks[3] - ticks[4]) / Double(sysconf(Int32(_SC_CLK_TCK)))
}

/// Lets this process open as many files as the system allows it: each subscriber is one.
func raiseOpenFileLimit() throws {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
        throw LoadFailure("The limit of open files cannot be raised to \(limit.rlim_max).")
    }
}
