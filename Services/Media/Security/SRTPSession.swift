/// Why there is no SRTP session.
package enum SRTPError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The keys do not have the length of their profile.
    case keyLength
    /// OpenSSL lacks an algorithm or memory.
    case cipher
    /// libsrtp refused the keys or failed to start, with its status.
    case library(status: UInt32)

    package var description: String {
        switch self {
        case .keyLength: "The SRTP keys do not have the length of their profile."
        case .cipher: "OpenSSL has no cipher for SRTP."
        case .library(let status): "libsrtp failed with status \(status)."
        }
    }
}

/// Who does the work of SRTP. The bytes are the same.
package enum SRTPImplementation: String, CaseIterable, Sendable {
    /// This module over OpenSSL's ciphers.
    case openSSL = "openssl"
    /// libsrtp2, as the system has it.
    case library = "libsrtp"
}

/// Protects the packets of one peer, both ways (RFC 3711, RFC 7714). Not `Sendable`: one thread owns it.
///
/// Packets are changed in place. They should be aligned to four bytes. A packet may be protected again with the same
/// sequence number, to answer a NACK, but then with the same bytes, or the key stream is given away.
package final class SRTPSession {
    /// Bytes that must follow a packet in its buffer when it is protected: what libsrtp reserves the right to write,
    /// which is more than is added (16 bytes to RTP, 20 to RTCP).
    package static let trailingByteCount = 16 + 128 + 4
    /// Packets that may overtake each other.
    package static let windowPacketCount = SRTPReplayWindow.packetCount
    /// Streams that are accepted from a peer, unless another number is given. Each costs memory until the session ends, so a peer must not be able to
    /// make any number.
    package static let inboundStreamCount = 128

    /// Packets of the peer that were refused because they came a second time or too late.
    package private(set) var replayCount = 0
    /// Packets of the peer that were refused because their tag is wrong.
    package private(set) var forgeryCount = 0
    /// Packets of the peer that were refused because they are malformed or of a stream too many.
    package private(set) var malformedCount = 0

    private var sender: SRTPSender?
    private var receiver: SRTPReceiver?
    /// In place of both.
    private let library: SRTPLibrary?

    /// Throws when the keys do not have the length of their profile, or the library fails.
    package init(
        keys: SRTPKeys, implementation: SRTPImplementation = .openSSL,
        inboundStreamCount: Int = SRTPSession.inboundStreamCount
    ) throws(SRTPError) {
        switch implementation {
        case .openSSL:
            sender = try SRTPSender(master: keys.local, profile: keys.profile)
            receiver = try SRTPReceiver(
                master: keys.remote, profile: keys.profile, streamCount: inboundStreamCount)
            library = nil
        case .library:
            sender = nil
            receiver = nil
            library = try SRTPLibrary(keys: keys, streamCount: inboundStreamCount)
        }
    }

    /// Protects the RTP packet in the first `count` bytes. The new number of bytes; `nil` when it is refused: no RTP,
    /// too far behind the newest of its stream, or fewer than ``trailingByteCount`` bytes behind it.
    package func protectRTP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard let start = Self.start(of: packet, count, room: Self.trailingByteCount) else { return nil }
        if let library { return library.protectRTP(start, count: count) }
        return sender?.protectRTP(start, count: count)
    }

    /// Checks and decrypts the SRTP packet in the first `count` bytes. The new number of bytes; `nil` when it is
    /// refused, and then the bytes mean nothing any more.
    package func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard let start = Self.start(of: packet, count, room: 0) else { return take(.malformed) }
        if let library { return take(library.unprotectRTP(start, count: count)) }
        return take(receiver?.unprotectRTP(start, count: count) ?? .malformed)
    }

    /// As ``protectRTP(_:count:)``, for a compound RTCP packet. Each call takes a new index, also for the same bytes.
    package func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard let start = Self.start(of: packet, count, room: Self.trailingByteCount) else { return nil }
        if let library { return library.protectRTCP(start, count: count) }
        return sender?.protectRTCP(start, count: count)
    }

    /// As ``unprotectRTP(_:count:)``, for RTCP.
    package func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard let start = Self.start(of: packet, count, room: 0) else { return take(.malformed) }
        if let library { return take(library.unprotectRTCP(start, count: count)) }
        return take(receiver?.unprotectRTCP(start, count: count) ?? .malformed)
    }

    private func take(_ verdict: SRTPVerdict) -> Int? {
        switch verdict {
        case .accepted(let count): return count
        case .replayed: replayCount += 1
        case .forged: forgeryCount += 1
        case .malformed: malformedCount += 1
        }
        return nil
    }

    private static func start(
        of packet: UnsafeMutableRawBufferPointer, _ count: Int, room: Int
    ) -> UnsafeMutableRawPointer? {
        count > 0 && count <= Int(UInt16.max) && count + room <= packet.count ? packet.baseAddress : nil
    }
}
