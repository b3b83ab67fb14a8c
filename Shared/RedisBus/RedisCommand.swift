package import Contracts
package import NIOCore

/// One argument of a command. String and integer literals are arguments too.
package enum RedisArgument: Sendable {
    case key(RedisKey)
    case topic(Topic)
    case text(String)
    case bytes(ByteBuffer)
    case integer(Int64)
    /// A time as whole milliseconds, for `PX` and the like.
    case milliseconds(Duration)
}

extension RedisArgument: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
}

/// One command, for example `RedisCommand("SET", .key(key), .bytes(value), "PX", .milliseconds(life))`.
package struct RedisCommand: Sendable {
    private let words: [RedisArgument]
    /// The script that a first argument `EVALSHA` names by its digest.
    private let script: RedisScript?

    package init(_ name: String, _ arguments: RedisArgument...) {
        self.init(name, arguments: arguments)
    }

    package init(_ name: String, arguments: [RedisArgument]) {
        words = [.text(name)] + arguments
        script = nil
    }

    /// `EVALSHA` of a script. Where Redis does not know it, its source is sent in a second round trip.
    ///
    /// - Precondition: all keys share one slot.
    package static func evaluate(
        _ script: RedisScript, keys: [RedisKey], arguments: [RedisArgument] = []
    ) -> RedisCommand {
        precondition(keys.dropFirst().allSatisfy { $0.slot == keys[0].slot }, "The keys of a script share one slot.")
        return RedisCommand(script: script, keys: keys, arguments: arguments)
    }

    private init(script: RedisScript, keys: [RedisKey], arguments: [RedisArgument]) {
        words =
            ["EVALSHA", .text(script.digest), .integer(Int64(keys.count))] + keys.map { .key($0) } + arguments
        self.script = script
    }

    /// The command with the source of its script; `nil` for any other command.
    var withScriptSource: RedisCommand? {
        guard let script else { return nil }
        return RedisCommand("EVAL", arguments: [.text(script.source)] + words.dropFirst(2))
    }

    /// Appends the command's bytes: an array of bulk strings (RESP2).
    package func encode(into buffer: inout ByteBuffer) {
        // Room for short words; a body makes the buffer grow once.
        buffer.reserveCapacity(minimumWritableBytes: 64 * words.count)
        buffer.writeHead("*", words.count)
        for word in words {
            switch word {
            case .key(let key): buffer.writeBulk(key.name)
            case .topic(let topic): buffer.writeBulk(topic.name)
            case .text(let text): buffer.writeBulk(text)
            case .bytes(let bytes): buffer.writeBulk(bytes)
            case .integer(let integer): buffer.writeBulk(String(integer))
            case .milliseconds(let duration): buffer.writeBulk(String(duration.wholeMilliseconds))
            }
        }
    }
}

extension ByteBuffer {
    /// Writes the head of an array of `count` bulk strings.
    mutating func writeArrayHead(_ count: Int) {
        writeHead("*", count)
    }

    mutating func writeBulk(_ text: String) {
        writeHead("$", text.utf8.count)
        writeString(text)
        writeStaticString("\r\n")
    }

    mutating func writeBulk(_ bytes: ByteBuffer) {
        writeHead("$", bytes.readableBytes)
        writeImmutableBuffer(bytes)
        writeStaticString("\r\n")
    }

    fileprivate mutating func writeHead(_ mark: StaticString, _ count: Int) {
        writeStaticString(mark)
        writeString(String(count))
        writeStaticString("\r\n")
    }
}

extension Duration {
    /// Rounded down.
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
