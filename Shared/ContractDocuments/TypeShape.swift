package import Contracts

/// What a wire type looks like from outside, as far as its `Decodable` conformance tells.
package indirect enum TypeShape: Equatable {
    case string
    case integer
    case boolean
    case scalar(name: String, ScalarSchema)
    case enumeration(name: String, values: [String])
    case array(TypeShape)
    case object(name: String)
}

/// A field of a wire object.
package struct FieldShape: Equatable {
    package let name: String
    package let shape: TypeShape
    package let isOptional: Bool
}

/// Everything reachable from a set of wire types: the objects by name with their fields, and the named strings.
package struct TypeCatalogue {
    package private(set) var objects: [String: ObjectShape] = [:]
    package private(set) var enumerations: [String: [String]] = [:]
    package private(set) var scalars: [String: ScalarSchema] = [:]

    package struct ObjectShape {
        package let summary: String
        package let rules: [String: FieldRule]
        package let fields: [FieldShape]
    }

    package init() {}

    /// Adds a type and what it is made of.
    package mutating func add(_ type: any WireObject.Type) throws {
        guard objects[type.wireName] == nil else { return }
        let recorder = ShapeRecorder()
        _ = try type.init(from: recorder)
        objects[type.wireName] = ObjectShape(
            summary: type.summary, rules: type.fields, fields: recorder.fields.map(\.field))
        for name in type.fields.keys where !recorder.fields.contains(where: { $0.field.name == name }) {
            throw CatalogueError.ruleForUnknownField("\(type.wireName).\(name)")
        }
        for (field, nested) in recorder.fields {
            addNames(in: field.shape)
            if let nested { try add(nested) }
        }
    }

    private mutating func addNames(in shape: TypeShape) {
        switch shape {
        case .enumeration(let name, let values): enumerations[name] = values
        case .scalar(let name, let schema): scalars[name] = schema
        case .array(let element): addNames(in: element)
        case .string, .integer, .boolean, .object: break
        }
    }

    /// Adds a closed set of strings that no field mentions.
    package mutating func add<Value: WireEnum>(_ type: Value.Type) {
        enumerations["\(type)"] = Value.allCases.map(\.rawValue)
    }
}

package enum CatalogueError: Error {
    case ruleForUnknownField(String)
    case unsupported(String)
}

/// A decoder that answers every question with an example value and remembers what it was asked.
private final class ShapeRecorder: Decoder {
    var fields: [(field: FieldShape, nested: (any WireObject.Type)?)] = []
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RecordingContainer(recorder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw CatalogueError.unsupported("a wire object that decodes itself from an array")
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw CatalogueError.unsupported("a wire object that decodes itself from a single value")
    }

    func record<Value: Decodable>(_ type: Value.Type, _ name: String, isOptional: Bool) throws -> Value {
        let (shape, example, nested) = try describe(type)
        fields.append((FieldShape(name: name, shape: shape, isOptional: isOptional), nested))
        guard let value = example as? Value else { throw CatalogueError.unsupported("\(type)") }
        return value
    }
}

private func describe(_ type: any Decodable.Type) throws -> (TypeShape, any Decodable, (any WireObject.Type)?) {
    switch type {
    case is String.Type: return (.string, "", nil)
    case is Bool.Type: return (.boolean, false, nil)
    case is Int.Type: return (.integer, 0, nil)
    case is Int64.Type: return (.integer, Int64(0), nil)
    case let scalar as any WireScalar.Type: return describe(scalar: scalar)
    case let enumeration as any WireEnum.Type: return try describe(enumeration: enumeration)
    case let object as any WireObject.Type:
        return (.object(name: object.wireName), try object.init(from: ShapeRecorder()), object)
    case let array as any ArrayShape.Type:
        let (element, _, nested) = try describe(array.elementType)
        return (.array(element), try array.emptyArray(), nested)
    default: throw CatalogueError.unsupported("\(type)")
    }
}

private func describe<Value: WireScalar>(scalar: Value.Type) -> (TypeShape, any Decodable, (any WireObject.Type)?) {
    (.scalar(name: scalarName(scalar), Value.schema), Value.example, nil)
}

/// `EntityID<UserEntity>` is `UserID` outside.
private func scalarName(_ type: any WireScalar.Type) -> String {
    let name = "\(type)"
    guard name.hasPrefix("EntityID<"), let end = name.firstRange(of: "Entity>") else { return name }
    return name[name.index(name.startIndex, offsetBy: 9)..<end.lowerBound] + "ID"
}

private func describe<Value: WireEnum>(
    enumeration: Value.Type
) throws -> (TypeShape, any Decodable, (any WireObject.Type)?) {
    guard let first = Value.allCases.first else { throw CatalogueError.unsupported("\(enumeration) has no case") }
    return (.enumeration(name: "\(enumeration)", values: Value.allCases.map(\.rawValue)), first, nil)
}

/// Lets an array be recognised and made without knowing its element.
private protocol ArrayShape: Decodable {
    static var elementType: any Decodable.Type { get }
    static func emptyArray() throws -> any Decodable
}

extension Array: ArrayShape where Element: Decodable {
    static var elementType: any Decodable.Type { Element.self }
    static func emptyArray() throws -> any Decodable { Self() }
}

private struct RecordingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let recorder: ShapeRecorder
    let codingPath: [any CodingKey] = []
    let allKeys: [Key] = []

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try recorder.record(type, key.stringValue, isOptional: false)
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try recorder.record(type, key.stringValue, isOptional: true)
    }

    // The standard library asks for these by type before it falls back on the generic ones above.
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try recorder.record(type, key.stringValue, isOptional: false)
    }
    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try recorder.record(type, key.stringValue, isOptional: false)
    }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
        try recorder.record(type, key.stringValue, isOptional: false)
    }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
        try recorder.record(type, key.stringValue, isOptional: false)
    }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
        try recorder.record(type, key.stringValue, isOptional: true)
    }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try recorder.record(type, key.stringValue, isOptional: true)
    }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
        try recorder.record(type, key.stringValue, isOptional: true)
    }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
        try recorder.record(type, key.stringValue, isOptional: true)
    }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { throw unsupported(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { throw unsupported(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { throw unsupported(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { throw unsupported(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { throw unsupported(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { throw unsupported(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { throw unsupported(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { throw unsupported(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { throw unsupported(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { throw unsupported(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw unsupported(type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw unsupported(Key.self) }
    func superDecoder() throws -> any Decoder { throw unsupported(Key.self) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw unsupported(Key.self) }

    private func unsupported(_ type: Any.Type) -> CatalogueError { .unsupported("\(type)") }
}
