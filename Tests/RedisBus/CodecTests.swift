import NIOCore
import RedisBus
import Testing

@Suite("Codec")
struct CodecTests {
    let stream = ByteBuffer(
        string: "+OK\r\n-ERR no\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n"
            + "*2\r\n*1\r\n:1\r\n$2\r\n\u{e9}\r\n")
    let values: [RedisValue] = [
        .simple("OK"), .error("ERR no"), .integer(-42), .bytes(ByteBuffer(string: "a\r\nbc")), .null, .null, .array([]),
        .bytes(ByteBuffer()), .array([.array([.integer(1)]), .bytes(ByteBuffer(string: "\u{e9}"))]),
    ]

    func read(_ parts: [ByteBuffer]) throws -> [RedisValue] {
        let reader = RedisReplyReader(replyByteCount: 1024)
        var found: [RedisValue] = []
        for part in parts {
            try reader.feed(part)
            while let reply = try reader.next() { found.append(reply.value) }
        }
        return found
    }

    @Test("Replies are read alike however the bytes are split")
    func splits() throws {
        #expect(try read([stream]) == values)
        for index in 0...stream.readableBytes {
            var tail = stream
            let head = tail.readSlice(length: index) ?? ByteBuffer()
            #expect(try read([head, tail]) == values, "split at \(index)")
        }
        #expect(try read(stream.readableBytesView.map { ByteBuffer(integer: $0) }) == values)
    }

    @Test("A command is an array of bulk strings with its lengths in bytes")
    func encoding() {
        var buffer = ByteBuffer()
        RedisCommand("SET", "é", .bytes(ByteBuffer(string: "\r\n")), "PX", .milliseconds(.seconds(2)), -7)
            .encode(into: &buffer)
        #expect(
            String(buffer: buffer)
                == "*6\r\n$3\r\nSET\r\n$2\r\né\r\n$2\r\n\r\n\r\n$2\r\nPX\r\n$4\r\n2000\r\n$2\r\n-7\r\n")
    }

    @Test("Messages and confirmations of sharded pub/sub are told from replies")
    func pushes() throws {
        let reader = RedisReplyReader(replyByteCount: 1024)
        let bytes =
            "*3\r\n$10\r\nssubscribe\r\n$1\r\nt\r\n:1\r\n*3\r\n$8\r\nsmessage\r\n$1\r\nt\r\n$2\r\nhi\r\n"
            + "*3\r\n$12\r\nsunsubscribe\r\n$1\r\nt\r\n:0\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n"
        try reader.feed(ByteBuffer(string: bytes))
        var pushes: [RedisPush?] = []
        while let reply = try reader.next() { pushes.append(reply.push) }
        let message = RedisPush.message(topic: "t", payload: ByteBuffer(string: "hi"))
        #expect(pushes == [.subscribed(topic: "t"), message, .unsubscribed(topic: "t"), nil])
    }

    @Test("Bytes that are not RESP are refused")
    func malformed() {
        #expect(throws: RedisReplyReader.Malformed.self) { try read([ByteBuffer(string: "HTTP/1.1 200 OK\r\n")]) }
    }

    @Test("A reply beyond its bound is refused before it has arrived whole")
    func tooLarge() throws {
        let part = ByteBuffer(string: "$4000\r\n" + String(repeating: "x", count: 1000))
        #expect(try read([part]).isEmpty)
        #expect(throws: RedisReplyReader.Malformed.self) { try read([part, part]) }
    }
}
