import Crypto
package import NIOCore

/// The server's side of the opening handshake (RFC 6455 §4.2).
package enum Handshake {
    /// What a request for a WebSocket is answered. Both are whole HTTP responses.
    package enum Answer: Equatable, Sendable {
        /// 101: frames follow in both directions, compressed ones if `deflate` is not `nil`.
        case accepted(response: ByteBuffer, deflate: DeflateAgreement?)
        /// 400 or 426: the connection is to be closed after it.
        case refused(response: ByteBuffer)
    }

    /// - Parameter offeringDeflate: whether the server compresses, if the client offers it acceptably.
    package static func answer(_ head: RequestHead, offeringDeflate: Bool) -> Answer {
        guard head.isWebSocketUpgrade else {
            return refuse("426 Upgrade Required", upgradeFields, "Connect with a WebSocket.\n")
        }
        guard head.header("Sec-WebSocket-Version") == "13" else {
            return refuse("426 Upgrade Required", upgradeFields, "Only version 13 of WebSocket is spoken here.\n")
        }
        // Several lines of it arrive joined, and are too long.
        guard let key = head.header("Sec-WebSocket-Key"), isKey(key) else {
            return refuse("400 Bad Request", [], "Sec-WebSocket-Key is not 16 bytes in base64.\n")
        }
        var deflate: DeflateAgreement?
        if let value = head.header("Sec-WebSocket-Extensions") {
            guard let offers = ExtensionOffer.parse(value) else {
                return refuse("400 Bad Request", [], "Sec-WebSocket-Extensions is malformed.\n")
            }
            if offeringDeflate { deflate = DeflateAgreement(firstOf: offers) }
        }
        return .accepted(response: acceptance(key, deflate), deflate: deflate)
    }

    /// A whole response after which the connection is closed.
    ///
    /// - Parameters:
    ///   - status: code and reason, such as `404 Not Found`.
    ///   - fields: names and values besides `Content-Type`, `Content-Length` and `Connection: close`.
    ///   - body: plain text for a person.
    package static func response(
        _ status: String, fields: [(name: String, value: String)] = [], body: String
    ) -> ByteBuffer {
        var response = ByteBuffer(string: "HTTP/1.1 \(status)\r\n")
        for field in fields { response.writeString("\(field.name): \(field.value)\r\n") }
        response.writeString("Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n")
        response.writeString("Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return response
    }

    /// 426 must say what to upgrade to, and that `Upgrade` is of this hop (RFC 9110 §7.8, §15.5.22; RFC 6455 §4.2.2).
    private static let upgradeFields = [
        (name: "Upgrade", value: "websocket"), (name: "Connection", value: "upgrade"),
        (name: "Sec-WebSocket-Version", value: "13"),
    ]

    private static func refuse(_ status: String, _ fields: [(name: String, value: String)], _ body: String) -> Answer {
        .refused(response: response(status, fields: fields, body: body))
    }

    private static func acceptance(_ key: String, _ deflate: DeflateAgreement?) -> ByteBuffer {
        var response = ByteBufferAllocator().buffer(capacity: 256)
        response.writeStaticString(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
        writeAcceptance(of: key, to: &response)
        if let deflate {
            response.writeStaticString("\r\nSec-WebSocket-Extensions: ")
            response.writeString(deflate.headerValue)
        }
        response.writeStaticString("\r\n\r\n")
        return response
    }

    // MARK: Key

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Whether this is the base64 of 16 bytes: 22 characters and the padding.
    private static func isKey(_ key: String) -> Bool {
        let bytes = key.utf8
        return bytes.count == 24 && bytes.suffix(2).elementsEqual("==".utf8) && bytes.dropLast(2).allSatisfy(isBase64)
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"): true
        default: false
        }
    }

    /// The base64 of the SHA-1 of the key and a constant that no other protocol would add (RFC 6455 §1.3). SHA-1 proves
    /// nothing here but that the server speaks WebSocket.
    private static func writeAcceptance(of key: String, to response: inout ByteBuffer) {
        var text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        var hash = Insecure.SHA1()
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        // 20 bytes are six groups of three, and two with one character of padding.
        hash.finalize().withUnsafeBytes { digest in
            _ = response.writeWithUnsafeMutableBytes(minimumWritableBytes: 28) { text in
                for group in 0..<7 {
                    let start = group * 3
                    let last = start + 2 < digest.count ? digest[start + 2] : 0
                    let bits = UInt32(digest[start]) << 16 | UInt32(digest[start + 1]) << 8 | UInt32(last)
                    for index in 0..<4 {
                        text[group * 4 + index] = alphabet[Int(bits >> UInt32(18 - 6 * index) & 0x3F)]
                    }
                }
                text[27] = UInt8(ascii: "=")
                return 28
            }
        }
    }
}
