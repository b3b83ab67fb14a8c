import BotCommands
import Contracts
import TestSupport
import Testing

@Suite("Commands of the example bot")
struct BotCommandTests {
    @Test(
        "Messages are read as commands or are none",
        arguments: [
            ("!echo hello  there", BotCommand.echo("hello  there")), ("!roll", .roll(dice: 1, sides: 6)),
            ("!roll 3D20", .roll(dice: 3, sides: 20)), ("!roll d4", .roll(dice: 1, sides: 4)), ("!roll 0d6", .help),
            ("!roll 21d6", .help), ("!roll 2d1", .help), ("!roll two", .help), ("!echo", .help), ("!help", .help),
            ("hello", nil), ("", nil), ("say !echo hello", nil),
        ] as [(String, BotCommand?)])
    func reading(text: String, command: BotCommand?) {
        #expect(BotCommand(text) == command)
    }

    @Test("Rolls keep to their dice, and an echo to the length of a message")
    func answers() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<100 {
            let answer = BotCommand.roll(dice: 1, sides: 6).answer(&random)
            let number = try #require(Int(answer.dropFirst(2)))
            #expect((1...6).contains(number))
        }
        let longest = String(repeating: "é", count: Limits.messageScalarCount.upperBound)
        #expect(BotCommand.echo(longest).answer(&random).unicodeScalars.count <= Limits.messageScalarCount.upperBound)
        #expect(BotCommand(BotCommand.echo("!roll").answer(&random)) == nil, "an answer is no command")
    }
}
