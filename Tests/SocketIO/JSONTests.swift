import Contracts
import NIOCore
import SocketIOCodec
import Testing

@Suite("JSON of Socket.IO")
struct JSONTests {
    @Test(
        "What is read is written the same",
        arguments: [
            "null", "true", "false", "0", "-0", "12", "-1.5e+10", "123456789012345678901234567890", #""""#,
            #""grün 😀""#,
            "[]", "{}", "[1,[2,[3]],{}]", #"{"b":1,"a":[true,null],"b":2}"#, #"["message",1,"2",{"3":[true]}]"#,
            #""\b\t\n\f\r\u001e\"\\/""#,
        ])
    func roundTrip(text: String) {
        #expect(JSONValue.parse(text)?.write().text == text)
    }

    @Test("Spaces are skipped and escapes are undone")
    func normalForm() {
        #expect(JSONValue.parse(" { \"a\" :\t[ 1 ,\r\n2 ] } ")?.write().text == #"{"a":[1,2]}"#)
        #expect(JSONValue.parse(#""\u0041\/\ud83d\ude00\u00e9""#) == "A/😀é")
    }

    @Test("Half a surrogate pair becomes U+FFFD", arguments: [#""\ud83d""#, #""\ude00""#])
    func loneSurrogate(text: String) {
        #expect(JSONValue.parse(text) == "\u{FFFD}")
    }

    @Test("What follows half a pair is still read")
    func afterLoneSurrogate() {
        #expect(JSONValue.parse(#""\ud83dx\ud83d\u0041""#) == "\u{FFFD}x\u{FFFD}A")
    }

    @Test(
        "What is no JSON is not read",
        arguments: [
            "", " ", "nul", "truex", "01", "1.", ".5", "-", "+1", "1e", "0x1", "NaN", #"""#, #""\x""#, #""\u12g4""#,
            #""\u12"#,
            "\"\n\"", "[", "[1", "[1,]", "[,1]", "[1 2]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "{1:2}",
            "1 2",
            "[]]", "'a'",
        ])
    func malformed(text: String) {
        #expect(JSONValue.parse(text) == nil)
    }

    @Test("Depth and the number of values are bounded")
    func bounds() {
        let deep = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(JSONValue.parse(deep(Limits.jsonDepth)) != nil)
        #expect(JSONValue.parse(deep(Limits.jsonDepth + 1)) == nil)
        #expect(JSONValue.parse(String(repeating: "[", count: 1_000_000)) == nil)
        let wide = { (count: Int) in "[" + Array(repeating: "1", count: count).joined(separator: ",") + "]" }
        #expect(JSONValue.parse(wide(Limits.jsonValueCount - 1)) != nil)
        #expect(JSONValue.parse(wide(Limits.jsonValueCount)) == nil)
    }

    @Test("Of a name that is there twice the last counts")
    func duplicateNames() {
        #expect(JSONValue.parse(#"{"a":1,"a":2}"#)?["a"]?.integer == 2)
    }

    @Test("Bytes leave placeholders and come back")
    func attachments() {
        let value: JSONValue = ["a", .binary(ByteBuffer(bytes: [1])), ["b": [.binary(ByteBuffer(bytes: [2, 3]))]]]
        let (text, attachments) = value.write()
        #expect(
            text == #"["a",{"_placeholder":true,"num":0},{"b":[{"_placeholder":true,"num":1}]}]"#)
        #expect(attachments == [ByteBuffer(bytes: [1]), ByteBuffer(bytes: [2, 3])])
        #expect(JSONValue.parse(text)?.placing(attachments) == value)
    }

    @Test("A placeholder that names no attachment is refused", arguments: ["1", "-1", "0.5", #""0""#, "null"])
    func badPlaceholder(number: String) {
        let value = JSONValue.parse(#"[{"_placeholder":true,"num":\#(number)}]"#)
        #expect(value != nil)
        #expect(value?.placing([ByteBuffer(bytes: [1])]) == nil)
    }
}
