import Glibc
import MediaCore

extension TransportAddress {
    /// IPv4 arrives mapped into IPv6 (RFC 4291 §2.5.5.2) and is told apart again here.
    init(_ address: sockaddr_in6) {
        var address = address
        let (high, low) = withUnsafeBytes(of: &address.sin6_addr) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        let port = UInt16(bigEndian: address.sin6_port)
        if high == 0, low >> 32 == 0xFFFF {
            self = .v4(UInt32(truncatingIfNeeded: low), port: port)
        } else {
            self = .v6(high: high, low: low, port: port)
        }
    }
}

extension sockaddr_in6 {
    init(_ address: TransportAddress) {
        self.init()
        sin6_family = sa_family_t(AF_INET6)
        sin6_port = address.port.bigEndian
        let (high, low): (UInt64, UInt64)
        if let ipv4 = address.ipv4 {
            (high, low) = (0, 0xFFFF_0000_0000 | UInt64(ipv4))
        } else {
            (high, low) = address.ipv6 ?? (0, 0)
        }
        withUnsafeMutableBytes(of: &sin6_addr) { bytes in
            bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }
}
