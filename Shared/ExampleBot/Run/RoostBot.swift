import ArgumentParser
import BotCommands
import Contracts
import Foundation
import RoostClient

/// A bot as an example of the client library: signs in, joins a channel and answers `!echo` and `!roll`. Stopped and
/// started again it goes on where it stood, and what was written meanwhile is answered once.
@main
struct RoostBot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-bot",
        abstract: "Answers !echo and !roll in a channel.",
        discussion: "The password comes from the environment: ROOST_BOT_PASSWORD.")

    @Option(help: "The address of Roost.")
    var site = "http://127.0.0.1:8080"
    @Option(help: "The bot's user name or e-mail address.")
    var login: String
    @Option(help: "The id of the channel: one it is in, or a public one of its workspaces.")
    var channel: String
    @Option(help: "The file that keeps its place between runs.")
    var cursors = "roost-bot.cursors"

    func run() async throws {
        guard let address = ServerAddress(site) else { throw ValidationError("--site must be http://host:port") }
        guard let channel = ChannelID(channel) else { throw ValidationError("--channel must be a UUID") }
        guard let password = ProcessInfo.processInfo.environment["ROOST_BOT_PASSWORD"] else {
            throw ValidationError("set ROOST_BOT_PASSWORD")
        }
        let api = try await RoostAPI.signIn(at: [address], login: login, password: password)
        try await api.call(Endpoints.joinChannel, path: [channel])
        try await Bot(api: api, channel: channel, file: CursorFile(path: cursors)).run(at: address)
    }
}

/// Follows one channel.
struct Bot {
    let api: RoostAPI
    let channel: ChannelID
    let file: CursorFile

    func run(at address: ServerAddress) async throws {
        guard let credentials = api.credentials else { return }
        let me = await credentials.userID
        // The first run answers nothing of what was before it.
        var places = CursorTable(try await startingPlace())
        try file.save(places.cursors)
        let client = RoostClient(credentials: credentials, gateways: [address], cursors: places.cursors)
        async let running: Void = client.run()
        for await update in client.updates {
            if case .state(let state) = update { say("\(state)") }
            if case .event(let frame, _) = update, case .messageCreated(let message) = frame.event,
                message.channelID == channel, message.authorID != me
            {
                await answer(message)
            }
            // After the answer: dying between the two answers again, with the same key, which is one message.
            if places.follow(update) { try file.save(places.cursors) }
        }
        await running
    }

    private func startingPlace() async throws -> [Cursor] {
        if let saved = try file.load() { return saved }
        return try await api.call(Endpoints.bootstrap).cursors
    }

    private func answer(_ message: Message) async {
        guard let command = BotCommand(message.content) else { return }
        var random = SystemRandomNumberGenerator()
        let reply = SendMessageRequest(
            content: command.answer(&random), idempotencyKey: "reply-\(message.id)")
        do {
            try await api.call(Endpoints.sendMessage, path: [channel], body: reply)
        } catch {
            say("not answered: \(error)")
        }
    }

    /// At once, also into a file.
    private func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }
}
