// roost-load: the measuring half of `make bench`. deploy/scripts/bench.sh starts what is measured and calls it.

import ArgumentParser

/// The program. Each subcommand measures one thing once and prints one line of JSON, a ``Figures``.
@main
struct RoostLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-load",
        abstract: "Measures a running Roost.",
        discussion: """
            The stack is found by the variables that `deploy/scripts/stack.sh env` prints. Each measuring subcommand \
            prints one line of JSON; `report` makes a table of many such lines, the median of each figure.
            """,
        subcommands: [
            MemoryCommand.self, PostCommand.self, FanoutCommand.self, PeerCommand.self,
            ConnectionsCommand.self,
            StormCommand.self, ResumeCommand.self, LatencyCommand.self, MediaCommand.self,
            CrowdCommand.self, JanusCommand.self,
            ReportCommand.self,
        ])
}
