import NIOCore
import Testing
import WebSocketCodec

@Suite("Head of a request")
struct RequestHeadTests {
    @Test("A head is method, target and fields, and its length")
    func parses() throws {
        let text = "GET /gateway?x=1 HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Space: \t b c \t\r\n\r\n"
        guard case .head(let head, let byteCount) = RequestHead.parse(ByteBuffer(string: text + "rest")) else {
            Issue.record("not parsed")
            return
        }
        #expect(byteCount == text.utf8.count)
        #expect(head.method == "GET")
        #expect(head.target == "/gateway?x=1")
        #expect(head.path == "/gateway")
        #expect(head.header("host") == "a")
        #expect(head.header("HOST") == "a")
        #expect(head.header("X-Empty") == "")
        #expect(head.header("x-space") == "b c")
        #expect(head.header("x-spac") == nil)
        #expect(head.header("GET /gateway?x=1 HTTP/1.1\r\nHost") == nil)
    }

    @Test("The buffer is not consumed, and need not begin at its first byte")
    func offset() throws {
        var buffer = ByteBuffer(string: "xxGET / HTTP/1.0\r\nA: b\r\n\r\n")
        buffer.moveReaderIndex(forwardBy: 2)
        let before = buffer
        guard case .head(let head, let byteCount) = RequestHead.parse(buffer) else {
            Issue.record("not parsed")
            return
        }
        #expect(buffer == before)
        #expect(byteCount == buffer.readableBytes)
        #expect(head.header("a") == "b")
    }

    @Test("Lines of one field are joined (RFC 9110 §5.3)")
    func joins() throws {
        let head = try head("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nx: 3\r\n\r\n")
        #expect(head.header("X") == "1, 3")
    }

    @Test("Empty lines before a request are passed over (RFC 9112 §2.2)")
    func leadingLines() throws {
        #expect(try head("\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n").path == "/x")
    }

    @Test("Every beginning of a head is incomplete")
    func incomplete() {
        let text = "\r\nGET /gateway HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
        for count in 0..<text.utf8.count {
            guard case .incomplete = RequestHead.parse(ByteBuffer(bytes: text.utf8.prefix(count))) else {
                Issue.record("\(count) bytes are not incomplete")
                continue
            }
        }
    }

    @Test(
        "What is no head of HTTP/1 is malformed",
        arguments: [
            "\u{16}\u{03}\u{01}", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.x\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n",
            "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "\n", "\rGET / HTTP/1.0\r\n\r\n",
        ])
    func malformed(text: String) {
        guard case .malformed = RequestHead.parse(ByteBuffer(string: text)) else {
            Issue.record("taken for a head: \(text.debugDescription)")
            return
        }
    }

    @Test("A head without an end within 16 KiB is too large, one that just fits is read")
    func tooLarge() {
        let start = "GET / HTTP/1.0\r\nX: "
        let room = RequestHead.maximumByteCount - start.utf8.count
        let fits = ByteBuffer(string: start + String(repeating: "a", count: room - 4) + "\r\n\r\n")
        guard case .head(_, RequestHead.maximumByteCount) = RequestHead.parse(fits) else {
            Issue.record("what fits is not read")
            return
        }
        for text in [String(repeating: "a", count: room), String(repeating: "a", count: room - 3) + "\r\n\r\n"] {
            guard case .tooLarge = RequestHead.parse(ByteBuffer(string: start + text)) else {
                Issue.record("what does not fit is not too large")
                continue
            }
        }
    }

    @Test("A query parameter is percent-decoded, and the first of its name counts")
    func query() throws {
        let head = try head("GET /p?a=1&b=%C3%A9%20+%&a=2&c&=x&d=e=f&%67=h&i=%4g HTTP/1.0\r\n\r\n")
        #expect(head.path == "/p")
        let expected: [(String, String?)] = [
            ("a", "1"), ("b", "é +%"), ("c", ""), ("", "x"), ("d", "e=f"), ("g", "h"), ("i", "%4g"), ("z", nil),
            ("A", nil),
        ]
        for (name, value) in expected { #expect(head.query(name) == value, "\(name)") }
        #expect(try self.head("/p").query("a") == nil)
    }

    @Test(
        "A target in absolute form has the path of its origin form (RFC 9112 §3.2.2)",
        arguments: [
            ("http://a.example/gateway?x=1", "/gateway", "1"), ("http://a.example?x=2", "", "2"),
            ("/x://y?x=3", "/x://y", "3"),
        ])
    func absolute(target: String, path: String, value: String) throws {
        #expect(try head(target).path == path)
        #expect(try head(target).query("x") == value)
    }

    private func head(_ target: String) throws -> RequestHead {
        guard target.contains("HTTP/1.") else { return try WebSocketTests.head("GET \(target) HTTP/1.0\r\n\r\n") }
        return try WebSocketTests.head(target)
    }

    @Test("A request for a WebSocket is told from others")
    func upgrade() throws {
        #expect(try upgradeRequest().isWebSocketUpgrade)
        let still = [
            ("Upgrade: websocket", "upgrade: h2c, WebSocket"),
            ("Connection: Upgrade", "connection: keep-alive,upgrade"),
            ("HTTP/1.1", "HTTP/1.2"),
        ]
        for (part, other) in still {
            #expect(try upgradeRequest(replacing: part, with: other).isWebSocketUpgrade, "\(other)")
        }
        let none = [
            ("GET", "POST"), ("HTTP/1.1", "HTTP/1.0"), ("Upgrade: websocket", "Upgrade: websockets"),
            ("Connection: Upgrade", "Connection: keep-alive"), ("Connection: Upgrade", "X: y"),
            ("Upgrade: web", "U: web"),
        ]
        for (part, other) in none {
            #expect(try !upgradeRequest(replacing: part, with: other).isWebSocketUpgrade, "\(other)")
        }
    }
}
