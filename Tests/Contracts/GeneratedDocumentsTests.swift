import ContractDocuments
import Contracts
import Foundation
import Testing

@Suite("Generated documents")
struct GeneratedDocumentsTests {
    private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")

    @Test("OpenAPI, AsyncAPI and TypeScript are what the Swift types say; `make contracts` renews them (S1, S6)")
    func fresh() throws {
        for file in try ContractDocuments().files {
            let committed = try String(contentsOf: root.appendingPathComponent(file.path), encoding: .utf8)
            #expect(committed == file.text, "\(file.path) is stale: run make contracts")
        }
    }

    @Test("The OpenAPI document has every endpoint, and every reference in it leads somewhere (S1)")
    func openAPI() throws {
        let document = try json("Services/Web/docs/openapi.json")
        #expect(document["openapi"] as? String == "3.1.0")
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        for endpoint in Endpoints.all {
            let operation = paths[endpoint.path]?[endpoint.method.rawValue.lowercased()] as? [String: Any]
            #expect(operation?["operationId"] as? String == endpoint.name)
        }
        try expectReferencesResolve(in: document)
    }

    @Test("The AsyncAPI document has every frame and event, and every reference in it leads somewhere (S6)")
    func asyncAPI() throws {
        let document = try json("Services/Web/docs/asyncapi.json")
        #expect(document["asyncapi"] as? String == "3.0.0")
        let components = try #require(document["components"] as? [String: Any])
        let messages = try #require(components["messages"] as? [String: Any])
        let names =
            ClientFrame.variants.map { "client.\($0.type)" } + ServerFrame.variants.map { "server.\($0.type)" }
            + EventName.allCases.map { "event.\($0.rawValue)" }
        #expect(Set(messages.keys) == Set(names))
        try expectReferencesResolve(in: document)
    }

    @Test("Names of operations are unique")
    func uniqueNames() {
        #expect(Set(Endpoints.all.map(\.name)).count == Endpoints.all.count)
        #expect(Set(Endpoints.all.map { "\($0.method) \($0.path)" }).count == Endpoints.all.count)
    }

    private func json(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: root.appendingPathComponent(path))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func expectReferencesResolve(in document: [String: Any]) throws {
        for reference in references(in: document) {
            var place: Any? = document
            for key in reference.dropFirst(2).split(separator: "/") {
                place = (place as? [String: Any])?[String(key)]
            }
            #expect(place != nil, "\(reference) leads nowhere")
        }
    }

    private func references(in value: Any) -> [String] {
        switch value {
        case let object as [String: Any]:
            (object["$ref"] as? String).map { [$0] } ?? object.values.flatMap(references)
        case let array as [Any]: array.flatMap(references)
        default: []
        }
    }
}
