import ArgumentParser

/// `roost-load memory`
struct MemoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Measures the memory of each process of the stack as it stands.",
        discussion: """
            Megabytes of 1,000,000 bytes: VmRSS and, where it may be read, Pss, in which pages that processes share are \
            divided among them. PostgreSQL and nginx are the sums of all their processes, so only Pss is true of them.
            """)

    func run() throws {
        let stack = Stack()
        var values: [String: Double] = [:]
        for name in try stack.names() {
            let memory = try stack.process(name).memory()
            values["\(name) RSS MB"] = Double(memory.resident) / 1e6
            values["\(name) Pss MB"] = memory.proportional.map { Double($0) / 1e6 }
        }
        try Figures(measure: "memory", values: values).print()
    }
}
