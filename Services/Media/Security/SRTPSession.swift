internal import CSRTP

/// Why there is no SRTP session.
package enum SRTPError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libsrtp refused the keys or failed to start, with its status.
    case library(status: UInt32)

    package var description: String {
        switch self {
        case .library(let status): "libsrtp failed with status \(status)."
        }
    }
}

/// Protects the packets of one peer, both ways (RFC 3711, RFC 7714). Not `Sendable`: one thread owns it.
///
/// Packets are changed in place. They should be aligned to four bytes. A packet may be protected again with the same
/// sequence number, to answer a NACK, but then with the same bytes, or the key stream is given away.
package final class SRTPSession {
    /// Bytes that must follow a packet in its buffer when it is protected: what libsrtp reserves the right to write,
    /// which is more than it adds (16 bytes to RTP, 20 to RTCP).
    package static let trailingByteCount = 16 + 128 + 4
    /// Packets that may overtake each other.
    package static let windowPacketCount = 1024
    /// Streams that are accepted from a peer. Each costs memory until the session ends, so a peer must not be able to
    /// make any number.
    package static let inboundStreamCount = 128

    /// Packets of the peer that were refused because they came a second time or too late.
    package private(set) var replayCount = 0
    /// Packets of the peer that were refused because their tag is wrong.
    package private(set) var forgeryCount = 0
    /// Packets of the peer that were refused because they are malformed or of a stream too many.
    package private(set) var malformedCount = 0

    private let outbound: Handle
    private let inbound: Handle
    private var inboundSSRCs: [UInt32] = []

    /// Throws when the keys do not have the length of their profile, or libsrtp fails.
    package init(keys: SRTPKeys) throws(SRTPError) {
        outbound = try Handle(key: keys.local, profile: keys.profile, direction: ssrc_any_outbound)
        inbound = try Handle(key: keys.remote, profile: keys.profile, direction: ssrc_any_inbound)
    }

    /// Protects the RTP packet in the first `count` bytes. The new number of bytes; `nil` when it is refused: no RTP,
    /// too far behind the newest of its stream, or fewer than ``trailingByteCount`` bytes behind it.
    package func protectRTP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard var length = Self.length(count, room: Self.trailingByteCount, in: packet) else { return nil }
        // SAFETY: the buffer holds `count` bytes and the room that libsrtp may write to; so too below.
        guard srtp_protect(outbound.pointer, packet.baseAddress, &length) == srtp_err_status_ok else { return nil }
        return Int(length)
    }

    /// Checks and decrypts the SRTP packet in the first `count` bytes. The new number of bytes; `nil` when it is
    /// refused, and then the bytes mean nothing any more.
    package func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        unprotect(packet, count: count, ssrcOffset: 8) { srtp_unprotect($0, $1, $2) }
    }

    /// As ``protectRTP(_:count:)``, for a compound RTCP packet. Each call takes a new index, also for the same bytes.
    package func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard var length = Self.length(count, room: Self.trailingByteCount, in: packet) else { return nil }
        guard srtp_protect_rtcp(outbound.pointer, packet.baseAddress, &length) == srtp_err_status_ok else { return nil }
        return Int(length)
    }

    /// As ``unprotectRTP(_:count:)``, for RTCP.
    package func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        unprotect(packet, count: count, ssrcOffset: 4) { srtp_unprotect_rtcp($0, $1, $2) }
    }

    private func unprotect(
        _ packet: UnsafeMutableRawBufferPointer, count: Int, ssrcOffset: Int,
        _ transform: (OpaquePointer, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
    ) -> Int? {
        guard var length = Self.length(count, room: 0, in: packet), count >= ssrcOffset + 4 else {
            malformedCount += 1
            return nil
        }
        let ssrc = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: ssrcOffset, as: UInt32.self))
        let isKnown = inboundSSRCs.contains(ssrc)
        guard isKnown || inboundSSRCs.count < Self.inboundStreamCount else {
            malformedCount += 1
            return nil
        }
        switch transform(inbound.pointer, packet.baseAddress, &length) {
        case srtp_err_status_ok:
            if !isKnown { inboundSSRCs.append(ssrc) }
            return Int(length)
        case srtp_err_status_replay_fail, srtp_err_status_replay_old: replayCount += 1
        case srtp_err_status_auth_fail: forgeryCount += 1
        default: malformedCount += 1
        }
        return nil
    }

    private static func length(_ count: Int, room: Int, in packet: UnsafeMutableRawBufferPointer) -> Int32? {
        guard count > 0, count <= Int(UInt16.max), count + room <= packet.count else { return nil }
        return Int32(count)
    }
}

/// Owns an `srtp_t` for one direction and whatever SSRC.
private final class Handle {
    let pointer: OpaquePointer

    init(key: [UInt8], profile: SRTPProfile, direction: srtp_ssrc_type_t) throws(SRTPError) {
        let libraryStatus = Self.libraryStatus
        guard libraryStatus == srtp_err_status_ok else { throw .library(status: libraryStatus.rawValue) }
        guard key.count == profile.keyByteCount + profile.saltByteCount else {
            throw .library(status: srtp_err_status_bad_param.rawValue)
        }
        var policy = srtp_policy_t()
        switch profile {
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .aes128CMSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        }
        policy.ssrc.type = direction
        policy.window_size = UInt(SRTPSession.windowPacketCount)
        policy.allow_repeat_tx = 1
        var session: OpaquePointer?
        var key = key
        // SAFETY: libsrtp copies the key before srtp_create returns.
        let status = key.withUnsafeMutableBufferPointer { key in
            policy.key = key.baseAddress
            return srtp_create(&session, &policy)
        }
        guard status == srtp_err_status_ok, let session else { throw .library(status: status.rawValue) }
        pointer = session
    }

    deinit { srtp_dealloc(pointer) }

    /// The library is started once in a process, by whoever needs it first.
    ///
    /// One session is made that never ends. Debian's libsrtp counts the users of NSS by its sessions: with the last one
    /// NSS shuts down, and starting it again costs the next call 1.3 ms.
    private static let libraryStatus: srtp_err_status_t = {
        let status = srtp_init()
        guard status == srtp_err_status_ok else { return status }
        var policy = srtp_policy_t()
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        policy.ssrc.type = ssrc_any_inbound
        var key = [UInt8](repeating: 0, count: 28)
        var session: OpaquePointer?
        return key.withUnsafeMutableBufferPointer { key in
            policy.key = key.baseAddress
            return srtp_create(&session, &policy)
        }
    }()
}
