internal import CSRTP

/// The same by libsrtp2: what ``SRTPSender`` and ``SRTPReceiver`` are compared with in the tests, and what a node can be
/// told to use instead. Owned by one thread.
final class SRTPLibrary {
    private let outbound: Handle
    private let inbound: Handle
    private var inboundSSRCs: [UInt32] = []
    private let streamCount: Int

    /// - Parameter streamCount: how many streams are accepted from the peer.
    init(keys: SRTPKeys, streamCount: Int) throws(SRTPError) {
        self.streamCount = streamCount
        outbound = try Handle(key: keys.local, profile: keys.profile, direction: ssrc_any_outbound)
        inbound = try Handle(key: keys.remote, profile: keys.profile, direction: ssrc_any_inbound)
    }

    /// SAFETY: the packet has ``SRTPSession/trailingByteCount`` bytes of room behind `count`, which libsrtp may write to;
    /// so too below.
    func protectRTP(_ packet: UnsafeMutableRawPointer, count: Int) -> Int? {
        var length = Int32(count)
        return srtp_protect(outbound.pointer, packet, &length) == srtp_err_status_ok ? Int(length) : nil
    }

    func protectRTCP(_ packet: UnsafeMutableRawPointer, count: Int) -> Int? {
        var length = Int32(count)
        return srtp_protect_rtcp(outbound.pointer, packet, &length) == srtp_err_status_ok ? Int(length) : nil
    }

    func unprotectRTP(_ packet: UnsafeMutableRawPointer, count: Int) -> SRTPVerdict {
        unprotect(packet, count: count, ssrcOffset: 8) { srtp_unprotect($0, $1, $2) }
    }

    func unprotectRTCP(_ packet: UnsafeMutableRawPointer, count: Int) -> SRTPVerdict {
        unprotect(packet, count: count, ssrcOffset: 4) { srtp_unprotect_rtcp($0, $1, $2) }
    }

    private func unprotect(
        _ packet: UnsafeMutableRawPointer, count: Int, ssrcOffset: Int,
        _ transform: (OpaquePointer, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
    ) -> SRTPVerdict {
        guard count >= ssrcOffset + 4 else { return .malformed }
        let ssrc = packet.word(at: ssrcOffset)
        let isKnown = inboundSSRCs.contains(ssrc)
        guard isKnown || inboundSSRCs.count < streamCount else { return .malformed }
        var length = Int32(count)
        switch transform(inbound.pointer, packet, &length) {
        case srtp_err_status_ok:
            if !isKnown { inboundSSRCs.append(ssrc) }
            return .accepted(Int(length))
        case srtp_err_status_replay_fail, srtp_err_status_replay_old: return .replayed
        case srtp_err_status_auth_fail: return .forged
        default: return .malformed
        }
    }
}

/// Owns an `srtp_t` for one direction and whatever SSRC.
private final class Handle {
    let pointer: OpaquePointer

    init(key: [UInt8], profile: SRTPProfile, direction: srtp_ssrc_type_t) throws(SRTPError) {
        let libraryStatus = Self.libraryStatus
        guard libraryStatus == srtp_err_status_ok else { throw .library(status: libraryStatus.rawValue) }
        guard key.count == profile.keyByteCount + profile.saltByteCount else { throw .keyLength }
        var policy = srtp_policy_t()
        switch profile {
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .aeadAES256GCM:
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp)
        case .aes128CMSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        }
        policy.ssrc.type = direction
        policy.window_size = UInt(SRTPReplayWindow.packetCount)
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
