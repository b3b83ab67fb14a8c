import Contracts

/// What the bot understands, and what it says. Pure: chance is given.
package enum BotCommand: Equatable, Sendable {
    case echo(String)
    case roll(dice: Int, sides: Int)
    case help

    /// Dice of one roll, and sides of a die; other numbers are answered with help.
    package static let diceCount = 1...20
    package static let sideCount = 2...1_000

    /// Reads a message; `nil` when it is not for the bot.
    package init?(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        switch words.first {
        case "!echo" where words.count == 2: self = .echo(words[1])
        case "!roll": self = Self.roll(words.count == 2 ? words[1] : "1d6") ?? .help
        case "!echo", "!help": self = .help
        default: return nil
        }
    }

    /// Reads `2d6`, or `d20`.
    private static func roll(_ text: String) -> BotCommand? {
        let parts = text.lowercased().split(separator: "d", omittingEmptySubsequences: false)
        guard parts.count == 2, let dice = parts[0].isEmpty ? 1 : Int(parts[0]), let sides = Int(parts[1]),
            diceCount.contains(dice), sideCount.contains(sides)
        else { return nil }
        return .roll(dice: dice, sides: sides)
    }

    /// The answer; never a command itself, and never longer than a message may be.
    package func answer(_ random: inout some RandomNumberGenerator) -> String {
        switch self {
        case .echo(let text): return "“\(text)”".prefix(unicodeScalars: Limits.messageScalarCount.upperBound)
        case .roll(let dice, let sides):
            let thrown = (0..<dice).map { _ in Int.random(in: 1...sides, using: &random) }
            let sum = thrown.reduce(0, +)
            return thrown.count == 1 ? "🎲 \(sum)" : "🎲 \(thrown.map(String.init).joined(separator: " + ")) = \(sum)"
        case .help: return "I know `!echo text` and `!roll 2d6`."
        }
    }
}

extension String {
    fileprivate func prefix(unicodeScalars count: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
