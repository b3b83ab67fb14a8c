import Contracts

/// The files that are generated from the Swift types. `make contracts` writes them; a test fails when they are stale.
package struct ContractDocuments {
    /// A generated file: its path from the repository's root, and its text.
    package struct File {
        package let path: String
        package let text: String
    }

    package let files: [File]

    package init() throws {
        var catalogue = TypeCatalogue()
        for endpoint in Endpoints.all {
            if let body = endpoint.body { try catalogue.add(body) }
            if let answer = endpoint.answer { try catalogue.add(answer) }
        }
        try catalogue.add(Problem.self)
        for variant in ClientFrame.variants + ServerFrame.variants { try catalogue.add(variant.payload) }
        for name in EventName.allCases { try catalogue.add(name.payloadType) }
        catalogue.add(EventName.self)
        catalogue.add(StreamKind.self)
        let schema = JSONSchema(catalogue: catalogue)
        files = [
            File(path: "Services/Web/docs/openapi.json", text: openAPI(schema).text() + "\n"),
            File(path: "Services/Web/docs/asyncapi.json", text: asyncAPI(schema).text() + "\n"),
            File(path: "Services/Web/source/core/contracts.ts", text: typeScript(catalogue)),
        ]
    }
}
