package import Contracts

/// Where clients find STUN and TURN servers (RFC 7064, RFC 7065).
package struct IceAddresses: Equatable, Sendable {
    /// `stun:` and `stuns:` addresses, which need no credential.
    package let stun: [String]
    /// `turn:` and `turns:` addresses.
    package let turn: [String]

    /// Sorts addresses by their scheme; `nil` if one has none of the four or names no host.
    package init?(urls: [String]) {
        func begins(_ url: String, _ schemes: [String]) -> Bool {
            schemes.contains { url.hasPrefix($0) && url.count > $0.count }
        }
        stun = urls.filter { begins($0, ["stun:", "stuns:"]) }
        turn = urls.filter { begins($0, ["turn:", "turns:"]) }
        guard stun.count + turn.count == urls.count else { return nil }
    }

    /// As `RTCPeerConnection` takes them: those without a credential apart from those with it.
    package func servers(username: String, credential: String) -> [IceServer] {
        var servers: [IceServer] = []
        if !stun.isEmpty { servers.append(IceServer(urls: stun)) }
        if !turn.isEmpty { servers.append(IceServer(urls: turn, username: username, credential: credential)) }
        return servers
    }
}
