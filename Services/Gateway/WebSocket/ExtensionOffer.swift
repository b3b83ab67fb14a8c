/// One extension that a client offers (RFC 6455 §9.1).
struct ExtensionOffer {
    struct Parameter {
        let name: Substring
        /// `nil` for a parameter without a value.
        let value: Substring?
    }

    let name: Substring
    let parameters: [Parameter]

    /// The offers in the value of `Sec-WebSocket-Extensions`, in the client's order of preference; `nil` if it does not
    /// follow the grammar, which fails the handshake:
    ///
    ///     extension-list  = 1#( extension-token *( ";" extension-param ) )
    ///     extension-param = token [ "=" ( token | quoted-string ) ]
    ///
    /// A quoted value must be a token once its quotes and backslashes are taken off. A list without any element is no
    /// offer: the grammar wants one, but clients that were told to use no extension send an empty field.
    static func parse(_ value: String) -> [ExtensionOffer]? {
        var scanner = TokenScanner(value)
        var offers: [ExtensionOffer] = []
        repeat {
            // A list may have empty elements (RFC 9110 §5.6.1.2).
            if scanner.isAtEnd || scanner.isAt(",") { continue }
            guard let offer = parseOne(&scanner) else { return nil }
            offers.append(offer)
        } while scanner.take(",")
        return scanner.isAtEnd ? offers : nil
    }

    private static func parseOne(_ scanner: inout TokenScanner) -> ExtensionOffer? {
        guard let name = scanner.token() else { return nil }
        var parameters: [Parameter] = []
        while scanner.take(";") {
            guard let name = scanner.token() else { return nil }
            if scanner.take("=") {
                guard let value = scanner.isAt("\"") ? scanner.quotedToken() : scanner.token() else { return nil }
                parameters.append(Parameter(name: name, value: value))
            } else {
                parameters.append(Parameter(name: name, value: nil))
            }
        }
        return ExtensionOffer(name: name, parameters: parameters)
    }
}

/// Reads tokens and what stands between them; whitespace around them is skipped (RFC 9110 §5.6).
private struct TokenScanner {
    private var rest: Substring.UTF8View

    init(_ value: String) {
        rest = value[...].utf8
        skipSpace()
    }

    var isAtEnd: Bool { rest.isEmpty }

    func isAt(_ character: Unicode.Scalar) -> Bool { rest.first == UInt8(ascii: character) }

    /// Takes the character if it comes next.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard isAt(character) else { return false }
        rest.removeFirst()
        skipSpace()
        return true
    }

    mutating func token() -> Substring? {
        let token = rest.prefix(while: \.isTokenByte)
        guard !token.isEmpty else { return nil }
        rest = rest[token.endIndex...]
        skipSpace()
        return Substring(token)
    }

    /// A token in quotes, in which a backslash stands before a character that means itself.
    mutating func quotedToken() -> Substring? {
        guard isAt("\"") else { return nil }
        rest.removeFirst()
        var token = ""
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") {
                skipSpace()
                return token.isEmpty ? nil : token[...]
            }
            guard let plain = byte == UInt8(ascii: "\\") ? rest.popFirst() : byte, plain.isTokenByte else { return nil }
            token.unicodeScalars.append(Unicode.Scalar(plain))
        }
        return nil
    }

    private mutating func skipSpace() {
        while let byte = rest.first, byte.isBlank { rest.removeFirst() }
    }
}
