import APIDomain
import Contracts
import Testing

@Suite("What people type")
struct ChecksTests {
    @Test("Names are trimmed and bounded", arguments: ["  general ", "general"])
    func names(text: String) throws { #expect(try Checks.channelName(text) == "general") }

    @Test(
        "What cannot be a name is refused",
        arguments: ["", "   ", "a\nb", "a\u{0}b", String(repeating: "x", count: 65)])
    func noNames(text: String) {
        #expect(throws: APIError.self) { try Checks.channelName(text) }
        #expect(throws: APIError.self) { try Checks.displayName(text) }
        #expect(throws: APIError.self) { try Checks.workspaceName(text) }
    }

    @Test("User names have 3 to 20 letters, digits or underscores (T12)")
    func usernames() throws {
        for text in ["ada", "Ada_1815", String(repeating: "x", count: 20)] {
            #expect(try Checks.username(text) == text)
        }
        for text in ["", "ad", "a b", "ädä", "a-b", String(repeating: "x", count: 21)] {
            #expect(throws: APIError.self) { try Checks.username(text) }
        }
    }

    @Test("E-mail addresses have one @ and no spaces")
    func emails() throws {
        #expect(try Checks.email(" ada@example.org ") == "ada@example.org")
        for text in ["", "ada", "ada@", "@example.org", "a b@c", "a@b@c"] {
            #expect(throws: APIError.self) { try Checks.email(text) }
        }
    }

    @Test("A message is bounded in scalars and in bytes, and is not blank")
    func messages() throws {
        #expect(try Checks.messageContent("  indented\n") == "  indented\n")
        #expect(try Checks.messageContent(String(repeating: "x", count: 16_000)).count == 16_000)
        #expect(try Checks.messageContent(String(repeating: "😀", count: 16_000)).utf8.count == 64_000)
        for text in ["", " \n ", "a\u{0}", String(repeating: "x", count: 16_001)] {
            #expect(throws: APIError.self) { try Checks.messageContent(text) }
        }
    }

    @Test("Idempotency keys are 8 to 64 safe characters (T6)")
    func keys() throws {
        #expect(try Checks.idempotencyKey("0192f3a4-0000-7000-8000-000000000000").count == 36)
        for text in ["", "short", "with space", "schlüssel-1", String(repeating: "k", count: 65)] {
            #expect(throws: APIError.self) { try Checks.idempotencyKey(text) }
        }
    }

    @Test("Cursors come back as they were given, and nothing else is one")
    func cursors() throws {
        #expect(try PageCursor.messageSeq(PageCursor.encode(StreamSequence(123_456)), field: "before") == 123_456)
        #expect(try PageCursor.user(PageCursor.encode(UserID.example), field: "after") == .example)
        #expect(try PageCursor.call(PageCursor.encode(CallID.example), field: "before") == .example)
        #expect(try PageCursor.messageSeq(nil as String?, field: "before") == nil)
        for text in ["", "m", "m-1", "u1", "123"] {
            #expect(throws: APIError.self) { try PageCursor.messageSeq(text, field: "before") }
            #expect(throws: APIError.self) { try PageCursor.user(text, field: "after") }
            #expect(throws: APIError.self) { try PageCursor.call(text, field: "before") }
        }
    }

    @Test("The page limit is a number in its range")
    func limits() throws {
        #expect(try Checks.pageLimit(nil as String?) == Limits.defaultPageCount)
        #expect(try Checks.pageLimit("200") == 200)
        for text in ["0", "201", "-1", "many"] { #expect(throws: APIError.self) { try Checks.pageLimit(text) } }
    }
}

@Suite("Message rate without Redis")
struct SlidingWindowTests {
    private let start = Timestamp(milliseconds: 1_000_000)

    private func admit(_ window: inout SlidingWindow, _ key: String, _ seconds: Double) -> SlidingWindow.Outcome {
        window.admit(key, now: start + .seconds(seconds), count: 3, window: .seconds(10))
    }

    @Test("The member past the rate is muted; a known one costs nothing, muted or not (T6)")
    func rate() {
        var window = SlidingWindow()
        #expect(admit(&window, "a", 0) == .counted)
        #expect(admit(&window, "a", 1) == .known)
        #expect(admit(&window, "b", 1) == .counted)
        #expect(admit(&window, "c", 2) == .counted)
        #expect(admit(&window, "d", 3) == .exceeded)
        #expect(admit(&window, "d", 3) == .exceeded, "nobody is muted for what may be a retry")
        window.mute(now: start + .seconds(3), for: .seconds(30))
        #expect(admit(&window, "c", 3) == .known)
        #expect(admit(&window, "d", 13) == .muted(.seconds(20)))
        #expect(admit(&window, "d", 33) == .counted)
    }

    @Test("The window slides, and a member that is forgotten makes room")
    func slide() {
        var window = SlidingWindow()
        for (index, key) in ["a", "b", "c"].enumerated() { _ = admit(&window, key, Double(index)) }
        #expect(admit(&window, "d", 10.5) == .counted)
        window.forget("b")
        #expect(admit(&window, "e", 10.6) == .counted)
    }
}
