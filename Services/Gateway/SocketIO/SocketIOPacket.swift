import Contracts
package import NIOCore

/// A packet of the Socket.IO protocol, revision 5 (socket.io-protocol, "Packet encoding"):
/// `<type>[<attachments>-][<namespace>,][<acknowledgement>][<JSON>]`.
package struct SocketIOPacket: Hashable, Sendable {
    /// What it says; the first character is its type.
    package enum Content: Hashable, Sendable {
        /// `0`: enter the namespace, with what the client wants to say of itself, or the server's answer.
        case connect(JSONValue?)
        /// `1`: leave it.
        case disconnect
        /// `2`, or `5` with attachments: an event. The other side acknowledges it if it has an id.
        case event(name: String, arguments: [JSONValue], id: UInt64?)
        /// `3`, or `6` with attachments.
        case acknowledgement(id: UInt64, arguments: [JSONValue])
        /// `4`: the client may not enter the namespace; an object, or a string as older versions send it.
        case connectError(JSONValue)
    }

    /// `/`, or another name that begins with a slash.
    package let namespace: String
    package let content: Content

    package init(namespace: String, _ content: Content) {
        self.namespace = namespace
        self.content = content
    }

    /// The text, and the attachments that follow it as messages of their own.
    package func encode() -> (text: String, attachments: [ByteBuffer]) {
        let type: UInt8
        var body: JSONValue?
        var id: UInt64?
        switch content {
        case .connect(let value): (type, body) = (0, value)
        case .disconnect: type = 1
        case .event(let name, let arguments, let number):
            (type, body, id) = (2, .array([.string(name)] + arguments), number)
        case .acknowledgement(let number, let arguments): (type, body, id) = (3, .array(arguments), number)
        case .connectError(let value): (type, body) = (4, value)
        }
        let (json, attachments) = body?.write() ?? ("", [])
        var text = attachments.isEmpty ? "\(type)" : "\(type + 3)\(attachments.count)-"
        if namespace != "/" { text += namespace + "," }
        if let id { text += "\(id)" }
        return (text + json, attachments)
    }

    /// The same as messages of Engine.IO, in their order.
    package var messages: [EngineIOMessage] {
        let (text, attachments) = encode()
        return [.text(text)] + attachments.map(EngineIOMessage.binary)
    }
}

/// Makes packets of the texts and bytes that a client sends. Owned by one session.
package struct SocketIOReader {
    /// What a message was.
    package enum Input: Hashable, Sendable {
        case packet(SocketIOPacket)
        /// Attachments follow.
        case incomplete
        /// It is no packet, or it came where another kind must come.
        case malformed
    }

    /// A packet whose attachments are coming in.
    private struct Pending {
        let head: Head
        var attachments: [ByteBuffer] = []
        var byteCount: Int
    }

    private struct Head {
        var type: UInt8 = 0
        var attachmentCount = 0
        var namespace = "/"
        var id: UInt64?
        var body: JSONValue?
    }

    private let maximumByteCount: Int
    private var pending: Pending?

    /// - Parameter maximumByteCount: the most bytes that a packet may have with its attachments.
    package init(maximumByteCount: Int) { self.maximumByteCount = maximumByteCount }

    /// The next message of the client.
    package mutating func receive(_ message: EngineIOMessage) -> Input {
        switch message {
        case .text(let text):
            guard pending == nil, let head = Self.parseHead(text) else { return .malformed }
            if head.attachmentCount == 0 { return Self.packet(head, []) }
            pending = Pending(head: head, byteCount: text.utf8.count)
            return .incomplete
        case .binary(let bytes):
            guard var pending else { return .malformed }
            pending.attachments.append(bytes)
            pending.byteCount += bytes.readableBytes
            self.pending = pending
            guard pending.byteCount <= maximumByteCount else { return .malformed }
            if pending.attachments.count < pending.head.attachmentCount { return .incomplete }
            self.pending = nil
            return Self.packet(pending.head, pending.attachments)
        }
    }

    private static func parseHead(_ text: String) -> Head? {
        var rest = Substring(text)
        var head = Head()
        guard let first = rest.utf8.popFirst(), (0x30...0x36).contains(first) else { return nil }
        head.type = first - 0x30
        if head.type >= 5 {
            let digits = takeDigits(&rest)
            guard let count = Int(digits), (1...Limits.socketIOAttachmentCount).contains(count),
                rest.utf8.popFirst() == UInt8(ascii: "-")
            else { return nil }
            head.attachmentCount = count
        }
        if rest.utf8.first == UInt8(ascii: "/") {
            let namespace = rest.utf8.prefix { $0 != UInt8(ascii: ",") }
            guard namespace.count <= Limits.socketIONamespaceByteCount else { return nil }
            head.namespace = String(Substring(namespace))
            rest = rest[namespace.endIndex...]
            _ = rest.utf8.popFirst()
        }
        let digits = takeDigits(&rest)
        if !digits.isEmpty {
            guard let id = UInt64(digits) else { return nil }
            head.id = id
        }
        if !rest.isEmpty {
            guard let body = JSONValue.parse(rest) else { return nil }
            head.body = body
        }
        return head
    }

    private static func takeDigits(_ rest: inout Substring) -> Substring {
        let digits = rest.utf8.prefix { (0x30...0x39).contains($0) }
        rest = rest[digits.endIndex...]
        return Substring(digits)
    }

    private static func packet(_ head: Head, _ attachments: [ByteBuffer]) -> Input {
        var head = head
        if !attachments.isEmpty {
            guard let body = head.body?.placing(attachments) else { return .malformed }
            head.body = body
        }
        guard let content = content(head) else { return .malformed }
        return .packet(SocketIOPacket(namespace: head.namespace, content))
    }

    private static func content(_ head: Head) -> SocketIOPacket.Content? {
        switch (head.type, head.body) {
        case (0, nil): return .connect(nil)
        case (0, .object(let members)?): return .connect(.object(members))
        case (1, nil): return .disconnect
        case (2, .array(let elements)?), (5, .array(let elements)?):
            guard let name = elements.first?.text, !reservedNames.contains(name) else { return nil }
            return .event(name: name, arguments: Array(elements.dropFirst()), id: head.id)
        case (3, .array(let elements)?), (6, .array(let elements)?):
            guard let id = head.id else { return nil }
            return .acknowledgement(id: id, arguments: elements)
        case (4, .object(let members)?): return .connectError(.object(members))
        case (4, .string(let text)?): return .connectError(.string(text))
        default: return nil
        }
    }

    /// Names that mean something to each library, so no client sends them (socket.io-protocol, "Event").
    private static let reservedNames: Set<String> = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]
}
