import Contracts
import Foundation
import Testing

/// The samples in Tests/Fixtures/golden are read here and by the web client's tests: both sides must mean the same.
@Suite("Golden samples")
struct GoldenSamplesTests {
    @Test("Every event is sampled, read and written back unchanged (S6)")
    func events() throws {
        let samples = try samples("events")
        let frames = try samples.map { try decode(EventFrame.self, $0) }
        #expect(Set(frames.map(\.event.name)) == Set(EventName.allCases))
        for (frame, sample) in zip(frames, samples) {
            #expect(try object(encode(frame)) == sample)
            #expect(frame.event.name.streamKind == frame.stream.kind)
        }
    }

    @Test("Every frame of the gateway is sampled, read and written back unchanged (S6)")
    func serverFrames() throws {
        let samples = try samples("server-frames")
        #expect(Set(samples.compactMap { $0["type"] as? String }) == Set(ServerFrame.variants.map(\.type)))
        for sample in samples { #expect(try object(encode(decode(ServerFrame.self, sample))) == sample) }
    }

    @Test("Every frame of the client is sampled, read and written back unchanged (S6)")
    func clientFrames() throws {
        let samples = try samples("client-frames")
        #expect(Set(samples.compactMap { $0["type"] as? String }) == Set(ClientFrame.variants.map(\.type)))
        for sample in samples { #expect(try object(encode(decode(ClientFrame.self, sample))) == sample) }
    }

    @Test(
        "A frame that is not of the contract is refused",
        arguments: [
            #"{"type":"destroy"}"#, #"{"type":"identify"}"#, #"{"type":"identify","token":1,"cursors":[]}"#,
            #"{"type":"identify","token":"t","cursors":[{"stream":"planet:1","seq":1}]}"#, "[]", "7", "{}",
        ])
    func refused(text: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(ClientFrame.self, from: Data(text.utf8)) }
    }

    private func samples(_ name: String) throws -> [NSDictionary] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fixtures/golden/\(name).json")
        let array = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [[String: Any]]
        return try #require(array).map { NSDictionary(dictionary: $0) }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ sample: NSDictionary) throws -> Value {
        try JSONDecoder().decode(type, from: JSONSerialization.data(withJSONObject: sample))
    }

    private func encode(_ value: some Encodable) throws -> Data { try JSONEncoder().encode(value) }

    private func object(_ data: Data) throws -> NSDictionary {
        NSDictionary(dictionary: try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any]))
    }
}
