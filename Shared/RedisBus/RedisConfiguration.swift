/// Where Redis is and how to sign in, read from a URL:
///
///     redis://[[user]:password@]host[:port][/database]
///     rediss://…                                            the same over TLS
///     redis+unix://[[user]:password@]/path/of/socket[?db=database]
///
/// User and password are percent-encoded (RFC 3986 §2.1), an IPv6 address stands in brackets. `?ca=/path.pem` names the
/// certificates that `rediss` trusts instead of the system's.
package struct RedisConfiguration: Hashable, Sendable {
    package enum Endpoint: Hashable, Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    /// The URL is not one of Redis; the text says why and never holds the password.
    package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package let endpoint: Endpoint
    package let usesTLS: Bool
    /// `nil` is Redis's user `default`.
    package let user: String?
    /// `nil` is no sign-in.
    package let password: String?
    /// The number of the database, 0 unless the URL names one.
    package let database: Int
    /// A PEM file; `nil` is the system's certificates.
    package let trustedCertificates: String?

    /// - Throws: ``Malformed``.
    package init(url: String) throws(Malformed) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw Malformed(description: "A Redis URL begins with redis://, rediss:// or redis+unix://.")
        }
        let scheme = url[..<schemeEnd.lowerBound]
        var (rest, query) = split(url[schemeEnd.upperBound...], at: "?")
        let parameters = try readParameters(query)

        var user: String?
        var password: String?
        if let at = rest.lastIndex(of: "@") {
            let (name, secret) = split(rest[..<at], at: ":")
            user = name.isEmpty ? nil : try decoded(name)
            password = try secret.map { text throws(Malformed) in try decoded(text) }
            guard password != nil else { throw Malformed(description: "A user needs a password: user:password@host.") }
            rest = rest[rest.index(after: at)...]
        }
        self.user = user
        self.password = password
        usesTLS = scheme == "rediss"
        trustedCertificates = try parameters["ca"].map { text throws(Malformed) in try decoded(text) }

        switch scheme {
        case "redis", "rediss":
            let (authority, path) = split(rest, at: "/")
            endpoint = try readAuthority(authority)
            database = try readDatabase(path ?? "")
        case "redis+unix":
            guard rest.hasPrefix("/"), rest.count > 1 else {
                throw Malformed(description: "redis+unix:// is followed by the absolute path of a socket.")
            }
            endpoint = .unix(path: try decoded(rest))
            database = try readDatabase(parameters["db"] ?? "")
        default:
            throw Malformed(description: "\(scheme):// is not a scheme of Redis.")
        }
    }
}

extension RedisConfiguration: CustomStringConvertible {
    /// The address without user and password, for logs.
    package var description: String {
        switch endpoint {
        case .tcp(let host, let port): "\(usesTLS ? "rediss" : "redis")://\(host):\(port)/\(database)"
        case .unix(let path): "redis+unix://\(path)?db=\(database)"
        }
    }
}

private func split(_ text: Substring, at separator: Character) -> (Substring, Substring?) {
    guard let index = text.firstIndex(of: separator) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
}

private func readParameters(_ query: Substring?) throws(RedisConfiguration.Malformed) -> [Substring: Substring] {
    var parameters: [Substring: Substring] = [:]
    for pair in query?.split(separator: "&") ?? [] {
        let (name, value) = split(pair, at: "=")
        guard name == "db" || name == "ca" else {
            throw .init(description: "\(name) is not a parameter of a Redis URL; db and ca are.")
        }
        parameters[name] = value
    }
    return parameters
}

private func readAuthority(_ text: Substring) throws(RedisConfiguration.Malformed) -> RedisConfiguration.Endpoint {
    var host: Substring
    var portText: Substring?
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
        host = text[text.index(after: text.startIndex)..<end]
        (_, portText) = split(text[end...], at: ":")
    } else {
        (host, portText) = split(text, at: ":")
    }
    let port = portText.map { Int($0) } ?? 6379
    guard !host.isEmpty, let port, (1...65_535).contains(port) else {
        throw .init(description: "\(text) is not a host and a port.")
    }
    return .tcp(host: String(host), port: port)
}

private func readDatabase(_ text: Substring) throws(RedisConfiguration.Malformed) -> Int {
    guard !text.isEmpty else { return 0 }
    guard let number = Int(text), number >= 0 else {
        throw .init(description: "\(text) is not the number of a database.")
    }
    return number
}

private func decoded(_ text: Substring) throws(RedisConfiguration.Malformed) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        let digits = rest.prefix(2)
        guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
            throw .init(description: "A % of the URL is not followed by two hexadecimal digits.")
        }
        bytes.append(value)
        rest.removeFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
}
