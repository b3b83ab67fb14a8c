import Contracts
import GatewayServer
import NIOCore
import ServiceKit
import Testing
import TestSupport

@Suite("Frames read and written by hand")
struct FrameJSONTests {
    private let cursors = [
        Cursor(stream: .user(.example), seq: 0), Cursor(stream: .channel(.fresh()), seq: 999_999_999_999_999_999),
        Cursor(stream: .workspace(.fresh()), seq: 42),
    ]

    @Test("ready has the bytes of the general encoder", arguments: [0, 1, 3])
    func ready(count: Int) throws {
        let ready = Ready(
            connectionID: .fresh(), sessionID: .fresh(), userID: .fresh(), streams: Array(cursors.prefix(count)))
        var bytes = ByteBuffer()
        bytes.writeJSON(ready)
        #expect(String(buffer: bytes) == String(decoding: try WireJSON.encode(ServerFrame.ready(ready)), as: UTF8.self))
    }

    @Test("identify is read as the general decoder reads it", arguments: [0, 1, 3])
    func identify(count: Int) throws {
        let identify = Identify(token: "e30.e30.c2ln", cursors: Array(cursors.prefix(count)))
        let json = try WireJSON.encode(ClientFrame.identify(identify))
        let read = try #require(json.withUnsafeBytes(Identify.init(plainJSON:)))
        #expect(read.token == identify.token)
        #expect(read.cursors == identify.cursors)
    }

    @Test("Order and white space do not matter")
    func order() throws {
        let json = """
            { "cursors" : [ {"seq":7,"stream":"\(cursors[0].stream)"} ,
              {"stream":"\(cursors[1].stream)", "seq": 0}],\t"type":"identify", "token":"t" }
            """
        let read = try #require(Array(json.utf8).withUnsafeBytes(Identify.init(plainJSON:)))
        #expect(read.cursors == [Cursor(stream: cursors[0].stream, seq: 7), Cursor(stream: cursors[1].stream, seq: 0)])
    }

    @Test(
        "What is not plain is left to the general decoder, and what is no frame is none",
        arguments: [
            (#"{"type":"identify","token":"\u0074","cursors":[]}"#, true),
            (#"{"type":"identify","token":"t","cursors":[],"more":{"a":[1]}}"#, true),
            (#"{"type":"identify","token":"t","cursors":[{"stream":"user:x","seq":1}]}"#, false),
            (#"{"type":"identify","token":"t","cursors":[{"stream":"\#(StreamID.example)","seq":01}]}"#, false),
            (#"{"type":"identify","token":"t","cursors":[{"stream":"\#(StreamID.example)","seq":1.5}]}"#, false),
            (#"{"type":"identify","token":"t","cursors":[{"stream":"\#(StreamID.example)","seq":-1}]}"#, false),
            (
                #"{"type":"identify","token":"t","cursors":[{"stream":"\#(StreamID.example)","seq":\#(Int64.min)}]}"#,
                false
            ),
            (#"{"type":"identify","token":"t","cursors":[{"stream":"\#(StreamID.example)"}]}"#, false),
            (#"{"type":"identify","token":"t","cursors":[}"#, false),
            (#"{"type":"identify","token":"t","cursors":[]"#, false),
            (#"{"type":"identify","token":"t","cursors":[]} x"#, false),
            (#"{"type":"identify","token":"t"}"#, false), (#"{"token":"t","cursors":[]}"#, false), ("", false),
            (#"{"type":"heartbeat"}"#, true),
        ])
    func notPlain(json: String, isFrame: Bool) {
        #expect(Array(json.utf8).withUnsafeBytes(Identify.init(plainJSON:)) == nil)
        #expect((ClientFrame(json: ByteBuffer(string: json)) != nil) == isFrame)
    }

    @Test("T10: whatever byte of identify is damaged, both decoders say the same")
    func damaged() throws {
        let json = try WireJSON.encode(ClientFrame.identify(Identify(token: "t", cursors: Array(cursors.prefix(2)))))
        var random = SeededRandom(seed: 7)
        for position in json.indices {
            var damaged = json
            damaged[position] = UInt8.random(in: 0...127, using: &random)
            guard let read = damaged.withUnsafeBytes(Identify.init(plainJSON:)) else { continue }
            guard case .identify(let general) = try WireJSON.decode(ClientFrame.self, from: damaged) else {
                Issue.record("\(String(decoding: damaged, as: UTF8.self)) is no identify.")
                continue
            }
            #expect(read.token == general.token)
            #expect(read.cursors == general.cursors)
        }
    }
}
