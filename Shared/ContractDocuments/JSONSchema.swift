import Contracts

/// JSON Schema 2020-12 of wire types, for OpenAPI 3.1 and AsyncAPI 3 alike.
struct JSONSchema {
    let catalogue: TypeCatalogue

    /// All named schemas, by name.
    var components: JSONValue {
        let objects = catalogue.objects.keys.sorted().map { ($0, schema(ofObject: $0)) }
        let enumerations = catalogue.enumerations.keys.sorted().map { name in
            (name, enumeration(catalogue.enumerations[name] ?? []))
        }
        return .object(objects + enumerations)
    }

    func reference(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

    private func enumeration(_ values: [String]) -> JSONValue {
        ["type": "string", "enum": .array(values.map { .string($0) })]
    }

    private func schema(ofObject name: String) -> JSONValue {
        guard let object = catalogue.objects[name] else { return [:] }
        let properties = object.fields.map { field in
            (field.name, schema(of: field.shape, rule: object.rules[field.name]))
        }
        let required = object.fields.filter { !$0.isOptional }.map { JSONValue.string($0.name) }
        return .object([
            ("type", "object"), ("description", .string(object.summary)), ("properties", .object(properties)),
            ("required", .array(required)),
        ])
    }

    private func schema(of shape: TypeShape, rule: FieldRule?) -> JSONValue {
        var parts: [(String, JSONValue)] =
            switch shape {
            case .string: [("type", "string")]
            case .integer: [("type", "integer"), ("format", "int64")]
            case .boolean: [("type", "boolean")]
            case .scalar(_, let schema): JSONSchema.parts(of: schema)
            case .enumeration(let name, _), .object(let name):
                [("$ref", .string("#/components/schemas/\(name)"))]
            case .array(let element): [("type", "array"), ("items", schema(of: element, rule: nil))]
            }
        if let count = rule?.count {
            let unit = if case .array = shape { "Items" } else { "Length" }
            parts.append(("min\(unit)", .integer(count.lowerBound)))
            parts.append(("max\(unit)", .integer(count.upperBound)))
        }
        if let pattern = rule?.pattern { parts.append(("pattern", .string(pattern))) }
        if let meaning = rule?.meaning { parts.append(("description", .string(meaning))) }
        return .object(parts)
    }

    static func parts(of schema: ScalarSchema) -> [(String, JSONValue)] {
        [("type", .string(schema.type))]
            + (schema.format.map { [("format", .string($0))] } ?? [])
            + (schema.pattern.map { [("pattern", .string($0))] } ?? [])
    }
}
