import Glibc

/// What carries the packets of a path.
package enum TransportKind: UInt8, Sendable {
    case udp
    /// Packets framed in a TCP connection that the peer has opened (RFC 6544, RFC 4571).
    case tcp
}

/// An IPv4 or IPv6 address with a port: where a datagram came from or goes to.
///
/// A plain value without a heap object, cheap to hash. `192.0.2.1` and the IPv6 address `::ffff:192.0.2.1` are different
/// addresses, so that an answer leaves by the socket family its request came in. IPv6 zones are not kept: a link-local
/// address is of no use as a candidate of a server.
package struct TransportAddress: Hashable, Sendable {
    /// The IPv6 address in host order; an IPv4 address is in the lower 32 bits of `low`.
    private let high: UInt64
    private let low: UInt64
    /// In host order.
    package let port: UInt16
    /// The family; an IPv4-mapped IPv6 address is IPv6.
    package let isIPv4: Bool
    /// Which of this machine's addresses the peer has reached, as the socket numbers them: answers leave from there, or
    /// the peer would not know them. The same peer by another of them is another path. 0 where it makes no difference.
    package var localIndex: UInt8 = 0
    /// The same address and port by the other kind is another path.
    package var kind = TransportKind.udp

    private init(high: UInt64, low: UInt64, port: UInt16, isIPv4: Bool) {
        self.high = high
        self.low = low
        self.port = port
        self.isIPv4 = isIPv4
    }

    /// An IPv4 address, `hostOrder` being `0xC0000201` for 192.0.2.1.
    package static func v4(_ hostOrder: UInt32, port: UInt16) -> Self {
        Self(high: 0, low: UInt64(hostOrder), port: port, isIPv4: true)
    }

    /// An IPv6 address; `high` is its first eight bytes, `0x2001_0db8_0000_0000` for 2001:db8::.
    package static func v6(high: UInt64, low: UInt64, port: UInt16) -> Self {
        Self(high: high, low: low, port: port, isIPv4: false)
    }

    /// Reads a textual address, `192.0.2.1` or `2001:db8::1`, with neither brackets nor zone.
    /// `nil` for anything else; names are not resolved.
    package init?(host: String, port: UInt16) {
        // A C string ends at its first zero: without this check "192.0.2.1\0.example" would be an address.
        guard !host.utf8.contains(0) else { return nil }
        var hostOrder: UInt32 = 0
        var words: (high: UInt64, low: UInt64) = (0, 0)
        // SAFETY: inet_pton writes 4 bytes for AF_INET and 16 for AF_INET6; the variables are that large, and a tuple of
        // two UInt64 has no gap.
        if inet_pton(AF_INET, host, &hostOrder) == 1 {
            self = .v4(UInt32(bigEndian: hostOrder), port: port)
        } else if inet_pton(AF_INET6, host, &words) == 1 {
            self = .v6(high: UInt64(bigEndian: words.high), low: UInt64(bigEndian: words.low), port: port)
        } else {
            return nil
        }
    }

    /// A number that different addresses seldom share, for tables that a packet's cost depends on: it has no secret, so
    /// that peers could choose theirs to collide, and a table must bound what that costs.
    package var mixedBits: UInt64 {
        let bits = high ^ low ^ UInt64(port) << 32 ^ UInt64(localIndex) << 48
        return (bits &* 0x9E37_79B9_7F4A_7C15) >> 32
    }

    /// The address in host order, `nil` for IPv6.
    package var ipv4: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// The first and the last eight bytes of the address in host order, `nil` for IPv4.
    package var ipv6: (UInt64, UInt64)? { isIPv4 ? nil : (high, low) }

    /// The same address, whichever of this machine's it reaches.
    package var byAnyLocalAddress: Self {
        var address = self
        address.localIndex = 0
        return address
    }

    /// The textual address without port, IPv6 in its short form (RFC 5952) without brackets.
    package var host: String {
        var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        var hostOrder = UInt32(truncatingIfNeeded: low).bigEndian
        var words = (high.bigEndian, low.bigEndian)
        text.withUnsafeMutableBytes { buffer in
            // SAFETY: inet_ntop reads 4 bytes for AF_INET and 16 for AF_INET6, and writes at most the length it is given,
            // which suffices for either family.
            let start = buffer.bindMemory(to: CChar.self).baseAddress
            if isIPv4 {
                inet_ntop(AF_INET, &hostOrder, start, socklen_t(buffer.count))
            } else {
                inet_ntop(AF_INET6, &words, start, socklen_t(buffer.count))
            }
        }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension TransportAddress: CustomStringConvertible {
    /// `192.0.2.1:5000` or `[2001:db8::1]:5000`.
    package var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}
