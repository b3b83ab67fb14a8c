import CHiredis
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
        var argv = ByteBuffer()
        var lengths: [Int] = []
        lengths.reserveCapacity(words.count)
        for word in words {
            switch word {
            case .key(let key): lengths.append(argv.writeString(key.name))
            case .topic(let topic): lengths.append(argv.writeString(topic.name))
            case .text(let text): lengths.append(argv.writeString(text))
            case .bytes(let bytes): lengths.append(argv.writeImmutableBuffer(bytes))
            case .integer(let integer): lengths.append(argv.writeString(String(integer)))
            case .milliseconds(let time): lengths.append(argv.writeString(String(time.wholeMilliseconds)))
            }
        }
        buffer.writeCommand(argv, lengths: lengths)
    }
}

extension ByteBuffer {
    /// Appends one command as hiredis formats it. `argv` holds its words one after the other.
    mutating func writeCommand(_ argv: ByteBuffer, lengths: [Int]) {
        argv.withUnsafeReadableBytes { bytes in
            // SAFETY: the pointers lie in `bytes` and are read by hiredis in this call only; hiredis allocates the
            // command, which is copied here and freed. An empty argv has no base address, and then no length is read.
            let start = bytes.baseAddress.map { $0.assumingMemoryBound(to: CChar.self) }
            var offset = 0
            var words: [UnsafePointer<CChar>?] = []
            words.reserveCapacity(lengths.count)
            for length in lengths {
                words.append(start.map { $0 + offset })
                offset += length
            }
            var command: UnsafeMutablePointer<CChar>?
            let count = redisFormatCommandArgv(&command, Int32(lengths.count), &words, lengths)
            guard count >= 0, let command else { preconditionFailure("hiredis has no memory for a command") }
            writeBytes(UnsafeRawBufferPointer(start: command, count: Int(count)))
            redisFreeCommand(command)
        }
    }
}

extension Duration {
    /// Rounded down.
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
