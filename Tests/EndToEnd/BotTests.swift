import Contracts
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Example bot")
    struct BotTests {
        @Test("T11: the bot answers; killed and started again, it answers what was written meanwhile, each once")
        func restart() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let (owner, bot) = (team.owner, team.people[1])
            let run = BotRun(of: bot, in: team.general, on: stack)
            try await owner.send("!echo too early", in: team.general)
            for round in 1...3 {
                let process = try await run.start()
                defer { run.kill(process) }
                try await owner.send("!echo live \(round)", in: team.general)
                try await expectAnswers(["“live \(round)”"], from: bot, in: team)
                run.kill(process)
                try await owner.send("!echo missed \(round)", in: team.general)
                try await owner.send("not for the bot", in: team.general)
            }
            let process = try await run.start()
            defer { run.kill(process) }
            try await expectAnswers(["“missed 3”"], from: bot, in: team)
            let answers = try await messages(of: bot, in: team).map(\.content)
            #expect(answers == (1...3).flatMap { ["“live \($0)”", "“missed \($0)”"] })
        }

        private func messages(of person: TestUser, in team: Team) async throws -> [Message] {
            try await team.owner.api.call(Endpoints.listMessages, path: [team.general]).messages
                .filter { $0.authorID == person.id }
        }

        private func expectAnswers(_ texts: [String], from bot: TestUser, in team: Team) async throws {
            try await eventually("the bot says \(texts)", within: .seconds(10)) {
                Set(try await messages(of: bot, in: team).map(\.content)).isSuperset(of: texts) ? true : nil
            }
        }
    }
}

/// The program of the bot, over its restarts.
private struct BotRun {
    private let bot: TestUser
    private let channel: ChannelID
    private let stack: Stack
    private let directory: URL

    init(of bot: TestUser, in channel: ChannelID, on stack: Stack) {
        self.bot = bot
        self.channel = channel
        self.stack = stack
        directory = stack.directory.appendingPathComponent("log")
    }

    /// Returns when it is current.
    func start() async throws -> pid_t {
        let log = directory.appendingPathComponent("\(uniqueName("bot-")).log")
        let binaries = ProcessInfo.processInfo.environment["ROOST_BIN_DIR"] ?? Stack.repository.path + "/.build/release"
        let process = try Command.spawn(
            binaries + "/roost-bot",
            [
                "--site", stack.url, "--login", bot.username, "--channel", "\(channel)", "--cursors",
                directory.appendingPathComponent("\(bot.username).cursors").path,
            ],
            environment: ["ROOST_BOT_PASSWORD": bot.password], output: log.path)
        try await eventually("the bot is current", within: .seconds(15)) {
            try String(contentsOf: log, encoding: .utf8).split(separator: "\n").contains("current") ? true : nil
        }
        return process
    }

    /// As a crash does. Nothing happens the second time.
    func kill(_ process: pid_t) {
        guard Glibc.kill(process, 0) == 0 else { return }
        Glibc.kill(process, SIGKILL)
        Command.waitForEnd(of: process)
    }
}
