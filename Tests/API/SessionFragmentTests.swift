import APIDomain
import Contracts
import Testing

@Suite("ICE of seats by HTTP")
struct SessionFragmentTests {
    @Test("A fragment of SDP says the client's user name fragment, with any line ends and anything besides")
    func read() throws {
        let full = "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:x\r\n"
        #expect(try SessionFragment(full).username == "EsAw")
        #expect(try SessionFragment("a=ice-ufrag:ab+/\na=ice-pwd:secret\na=end-of-candidates\n").username == "ab+/")
    }

    @Test(
        "What names no user, or no possible one, is malformed",
        arguments: [
            "", "hello", "a=ice-pwd:x\r\n", "a=ice-ufrag:abc\r\n", "a=ice-ufrag:ab cd\r\n", "a=ice-ufrag:a\"bc\r\n",
            "a=ice-ufrag:" + String(repeating: "x", count: 257),
        ])
    func malformed(text: String) {
        let error = #expect(throws: APIError.self) { try SessionFragment(text) }
        #expect(error?.code == .malformedRequest)
    }

    @Test("If-Match names an ICE session, or any; without it, or with what fits none, nothing is done")
    func tags() throws {
        #expect(try ExpectedTag("*").value == nil)
        #expect(try ExpectedTag("\"abc+/1\"").value == "abc+/1")
        let missing = #expect(throws: APIError.self) { try ExpectedTag(nil) }
        #expect(missing?.code == .preconditionRequired)
        for text in ["", "\"", "\"\"", "abc", "W/\"abc\"", "\"a\", \"b\""] {
            let error = #expect(throws: APIError.self, "\(text)") { try ExpectedTag(text) }
            #expect(error?.code == .preconditionFailed, "\(text)")
        }
    }
}
