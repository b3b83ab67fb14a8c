package import NIOCore

/// What an argument of a Socket.IO event may be: JSON, with bytes as one more kind of leaf.
///
/// Numbers keep their digits and objects their order, so that what is passed on is what came.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The digits as they were written, by the grammar of RFC 8259 §6.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])
    /// Bytes. They travel beside the JSON, in which a placeholder stands for them.
    case binary(ByteBuffer)

    /// One name and value of an object.
    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// A member of an object by its name, the last if it is there twice; `nil` for what is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The text of a string; `nil` for all else.
    package var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The elements of an array; `nil` for all else.
    package var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

    /// Whether it is true or false; `nil` for all else.
    package var truth: Bool? { if case .bool(let truth) = self { truth } else { nil } }

    /// A number that is whole and fits; `nil` for all else.
    package var integer: Int? { if case .number(let digits) = self { Int(digits) } else { nil } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral text: String) { self = .string(text) }
    package init(booleanLiteral truth: Bool) { self = .bool(truth) }
    package init(integerLiteral number: Int) { self = .number("\(number)") }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }
}
