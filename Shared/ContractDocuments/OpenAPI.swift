import Contracts

/// The OpenAPI 3.1 document of all endpoints.
func openAPI(_ schema: JSONSchema) -> JSONValue {
    var paths: [(String, [(String, JSONValue)])] = []
    for endpoint in Endpoints.all {
        let operation = (endpoint.method.rawValue.lowercased(), operation(endpoint, schema))
        if let index = paths.firstIndex(where: { $0.0 == endpoint.path }) {
            paths[index].1.append(operation)
        } else {
            paths.append((endpoint.path, [operation]))
        }
    }
    return [
        "openapi": "3.1.0",
        "info": [
            "title": "Roost",
            "version": "1",
            "description": "Commands go over HTTP; events arrive over the WebSocket at /gateway.",
        ],
        "servers": [["url": "/"]],
        "tags": .array(EndpointGroup.allCases.map { ["name": .string($0.rawValue)] }),
        "security": [["accessToken": []]],
        "paths": .object(paths.map { ($0.0, .object($0.1)) }),
        "components": [
            "securitySchemes": ["accessToken": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
            "schemas": schema.components,
        ],
    ]
}

private func operation(_ endpoint: EndpointDescription, _ schema: JSONSchema) -> JSONValue {
    var parts: [(String, JSONValue)] = [
        ("operationId", .string(endpoint.name)), ("summary", .string(endpoint.summary)),
        ("tags", [.string(endpoint.group.rawValue)]),
    ]
    if endpoint.isPublic { parts.append(("security", [])) }
    let parameters = endpoint.pathParameters.map(pathParameter) + endpoint.query.map(queryParameter)
    if !parameters.isEmpty { parts.append(("parameters", .array(parameters))) }
    if let body = endpoint.body {
        parts.append(
            (
                "requestBody",
                ["required": true, "content": ["application/json": ["schema": schema.reference(body.wireName)]]]
            ))
    }
    if let takes = endpoint.takes {
        parts.append(("requestBody", ["required": true, "content": text(takes)]))
    }
    parts.append(("responses", .object([success(endpoint, schema)] + failures(endpoint, schema))))
    return .object(parts)
}

private func pathParameter(_ name: String) -> JSONValue {
    let type: JSONValue = name.hasSuffix("ID") ? ["type": "string", "format": "uuid"] : ["type": "string"]
    return ["name": .string(name), "in": "path", "required": true, "schema": type]
}

private func queryParameter(_ parameter: QueryParameter) -> JSONValue {
    var schema = JSONSchema.parts(of: parameter.schema)
    if let range = parameter.range {
        schema += [("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound))]
    }
    return [
        "name": .string(parameter.name), "in": "query", "description": .string(parameter.meaning),
        "schema": .object(schema),
    ]
}

/// Content of a media type of its own: text, or any bytes (OpenAPI 3.1 §4.8.14.2: bytes have no schema).
private func text(_ mediaType: String) -> JSONValue {
    let isBytes = mediaType == "*/*" || mediaType == "application/octet-stream"
    let content: JSONValue = isBytes ? .object([]) : ["schema": ["type": "string"]]
    return .object([(mediaType, content)])
}

private func success(_ endpoint: EndpointDescription, _ schema: JSONSchema) -> (String, JSONValue) {
    if let gives = endpoint.gives { return ("\(endpoint.status)", ["description": "Done.", "content": text(gives)]) }
    guard let answer = endpoint.answer else { return ("\(endpoint.status)", ["description": "Done."]) }
    return (
        "\(endpoint.status)",
        [
            "description": .string(answer.summary),
            "content": ["application/json": ["schema": schema.reference(answer.wireName)]],
        ]
    )
}

/// One response a status; its description lists the codes that come with it.
private func failures(_ endpoint: EndpointDescription, _ schema: JSONSchema) -> [(String, JSONValue)] {
    var codes = endpoint.errors + Endpoints.commonErrors
    if !endpoint.isPublic { codes += Endpoints.tokenErrors }
    if endpoint.body != nil || endpoint.takes != nil { codes += [.bodyTooLarge, .unsupportedMediaType] }
    let byStatus = Dictionary(grouping: codes, by: \.httpStatus)
    return byStatus.keys.sorted().map { status in
        let lines = (byStatus[status] ?? []).map { "`\($0.rawValue)`: \($0.title)." }
        return (
            "\(status)",
            [
                "description": .string(Array(Set(lines)).sorted().joined(separator: " ")),
                "content": ["application/problem+json": ["schema": schema.reference(Problem.wireName)]],
            ]
        )
    }
}
