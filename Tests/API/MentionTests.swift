import APIDomain
import Contracts
import Testing

@Suite("Whom a text names")
struct MentionTests {
    @Test(
        "A name is what follows an @ at the start of a word",
        arguments: [
            ("@ada", ["ada"]), ("hello @Ada!", ["ada"]), ("(@ada) \"@bob\", '@eve'", ["ada", "bob", "eve"]),
            ("@ada's and @bob.", ["ada", "bob"]), ("@ada @ADA @aDa", ["ada"]), ("@bob @ada", ["bob", "ada"]),
            ("a\n@ada\r\n@bob", ["ada", "bob"]), ("你好@ada你好", ["ada"]), ("@x_1 @a__", ["x_1", "a__"]),
            ("*@ada* _and_ >@bob", ["ada", "bob"]),
            ("@" + String(repeating: "x", count: 20), [.init(repeating: "x", count: 20)]),
        ])
    func named(text: String, names: [String]) {
        #expect(MentionedNames(in: text).names == names)
        #expect(MentionedNames(in: text).audience == nil)
    }

    @Test(
        "Addresses, paths, other names and words that are too short or too long name nobody",
        arguments: [
            "ada@example.org", "write to a.da@example.org, please", "ada+news@bob.org", "@ada@example.org",
            "https://example.org/@ada", "\\@ada", "@@ada", "@", "@ad", "@ ada", "éad@ada", "@adaé", "@ada\u{301}",
            "@" + String(repeating: "x", count: 21), "", "no one", "ada_@bob",
        ])
    func unnamed(text: String) {
        #expect(MentionedNames(in: text).names.isEmpty)
        #expect(MentionedNames(in: text).audience == nil)
    }

    @Test(
        "Code names nobody",
        arguments: [
            ("`@ada` @bob", ["bob"]), ("``@ada ` @eve`` @bob", ["bob"]), ("`@ada", ["ada"]), ("``@ada`", ["ada"]),
            ("```\n@ada\n```\n@bob", ["bob"]), ("~~~swift\n@ada\n~~~\n@bob", ["bob"]), ("```\n@ada", []),
            ("````\n@ada\n```\n@eve\n````\n@bob", ["bob"]), ("```\n@ada\n~~~\n@eve", []), ("   ```\n@ada\n```", []),
            ("``` not `a fence\n@ada", ["ada"]), ("`one\n\n@ada` two", ["ada"]), ("`one\n@ada` @bob", ["bob"]),
            ("\\`@ada`", ["ada"]), ("`@ada\\` @bob `@eve`", ["bob"]), ("`a`@ada`b`", ["ada"]),
        ])
    func code(text: String, names: [String]) {
        #expect(MentionedNames(in: text).names == names)
    }

    @Test(
        "Some words address many; all is more than here",
        arguments: [
            ("@all", MentionAudience.all), ("@channel: stand-up", .all), ("@Everyone", .all), ("is @here busy?", .here),
            ("@here @all", .all), ("@all @here", .all),
        ])
    func audience(text: String, audience: MentionAudience) {
        #expect(MentionedNames(in: text).audience == audience)
        #expect(MentionedNames(in: text).names.isEmpty)
    }

    @Test("Nobody may have a name that addresses many")
    func reserved() {
        for name in ["all", "here", "channel", "everyone", "ALL", "Here"] {
            #expect(throws: APIError.self) { try Checks.username(name) }
        }
    }

    @Test("Names beyond the limit are not looked up, and a text of nothing but backticks or at signs is no trap")
    func bounds() {
        let many = (0..<1_000).map { "@name\($0)" }.joined(separator: " ")
        #expect(MentionedNames(in: many).names == (0..<Limits.mentionCandidates).map { "name\($0)" })
        let runs = (1...170).map { String(repeating: "`", count: $0) }.joined(separator: "@ada ")
        let start = ContinuousClock.now
        #expect(MentionedNames(in: runs).names == ["ada"])
        #expect(MentionedNames(in: String(repeating: "@", count: 16_000)).names.isEmpty)
        #expect(MentionedNames(in: String(repeating: "`@ada`", count: 2_600)).names.isEmpty)
        #expect(ContinuousClock.now - start < .seconds(1))
    }
}

@Suite("What Redis remembers of what is unread")
struct UnreadCountTests {
    @Test("A count is written and read back")
    func text() {
        let count = UnreadCount(readSeq: 7, headSeq: 12, unreadCount: 3, mentionCount: 1)
        #expect(count.text == "7 12 3 1")
        #expect(UnreadCount(text: count.text) == count)
    }

    @Test(
        "What is no count is not taken for one",
        arguments: [
            "", "7 12 3", "7 12 3 1 0", "7 12 3 4", "7 12 101 1", "-1 12 3 1", "7 x 3 1", "7  12 3 1", "7 12 3 -1",
        ])
    func malformed(text: String) { #expect(UnreadCount(text: text) == nil) }
}
