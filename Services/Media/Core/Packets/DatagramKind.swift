/// Which protocol a datagram on the media port belongs to, by its first byte (RFC 7983 §7) and, between RTP and RTCP, by
/// its second (RFC 5761 §4).
///
/// | first byte | second byte | protocol |
/// |---|---|---|
/// | 0–3 | | STUN |
/// | 20–63 | | DTLS |
/// | 128–191 | 192–223 | RTCP: its packet types, which are the RTP payload types 64–95 with the marker |
/// | 128–191 | any other | RTP |
///
/// It looks at no more than these two bytes: the parser of the protocol decides whether the rest is well formed.
package enum DatagramKind: Hashable, Sendable {
    case stun, dtls, rtp, rtcp
    /// Nothing that is spoken here (ZRTP, a TURN channel, QUIC), an empty datagram, or one byte that cannot be told apart.
    case unknown

    /// Total: every datagram has a kind.
    package init(_ datagram: Span<UInt8>) {
        guard !datagram.isEmpty else {
            self = .unknown
            return
        }
        switch datagram[0] {
        case 0...3: self = .stun
        case 20...63: self = .dtls
        case 128...191 where datagram.count > 1: self = 192...223 ~= datagram[1] ? .rtcp : .rtp
        default: self = .unknown
        }
    }
}
