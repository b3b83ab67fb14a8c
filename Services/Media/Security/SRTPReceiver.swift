/// What became of a protected packet.
enum SRTPVerdict {
    /// It is authentic and plain now, with so many bytes.
    case accepted(Int)
    /// It came before, or is too far behind the newest of its stream.
    case replayed
    /// Its tag is wrong.
    case forged
    /// It cannot be a protected packet, or is of a stream too many.
    case malformed
}

/// Checks and decrypts the packets of a peer (RFC 3711 §3.3, §3.4; RFC 7714). A stream begins with its first authentic
/// packet and lasts as long as this. Owned by one thread; nothing is allocated but for a new stream.
struct SRTPReceiver: ~Copyable {
    private struct Stream {
        var packets = SRTPReplayWindow()
        var reports = SRTPReplayWindow()
    }

    private let tagByteCount: Int
    /// Whether a report's tag is before the word: with GCM it is (RFC 7714 §9.2), with counter mode it covers the word.
    private let isTagFirst: Bool
    private let rtp: SRTPCipher
    private let rtcp: SRTPCipher
    private let streamCount: Int
    private var streams: [Stream] = []
    /// Theirs, close together: they are searched for each packet that is not of the stream before.
    private var ssrcs: [UInt32] = []
    /// Where the last packet's stream is: often the next one's too.
    private var lastStream = 0

    /// - Parameter streamCount: how many streams are accepted.
    init(master: [UInt8], profile: SRTPProfile, streamCount: Int) throws(SRTPError) {
        self.streamCount = streamCount
        let keys = try SRTPSessionKeys(master: master, profile: profile, purpose: .rtp)
        let rtp = try SRTPCipher(profile: profile, keys: keys, encrypts: false)
        let reportKeys = try SRTPSessionKeys(master: master, profile: profile, purpose: .rtcp)
        let rtcp = try SRTPCipher(profile: profile, keys: reportKeys, encrypts: false)
        self.rtp = rtp
        self.rtcp = rtcp
        tagByteCount = profile.tagByteCount
        isTagFirst = profile.isAEAD
    }

    mutating func unprotectRTP(_ packet: UnsafeMutableRawPointer, count: Int) -> SRTPVerdict {
        guard let layout = SRTPLayout(rtp: packet, count: count),
            layout.headerByteCount + tagByteCount <= count, let position = position(of: layout.ssrc)
        else { return .malformed }
        let isKnown = position < streams.count
        let index = SRTPIndex.guess(layout.sequence, highest: isKnown ? streams[position].packets.highest : 0)
        guard index <= SRTPIndex.last else { return .malformed }
        if isKnown, streams[position].packets.check(index) != .new { return .replayed }
        let (clear, end) = (layout.headerByteCount, count - tagByteCount)
        switch rtp {
        case .gcm(let cipher):
            guard cipher.open(packet, clear: clear, end: end, word: nil, ssrc: layout.ssrc, index: index) else {
                return .forged
            }
        case .counter(let cipher):
            // The word that is authenticated behind the packet takes the tag's place for it.
            let tag = packet.loadUnaligned(fromByteOffset: end, as: (UInt64, UInt16).self)
            packet.storeWord(UInt32(truncatingIfNeeded: index >> 16), at: end)
            let isAuthentic = withUnsafeBytes(of: tag) { tag in
                tag.baseAddress.map { cipher.isAuthentic(packet, count: end + 4, tag: $0) } ?? false
            }
            guard isAuthentic else { return .forged }
            guard cipher.crypt(packet, clear: clear, end: end, ssrc: layout.ssrc, index: index) else {
                return .malformed
            }
        }
        if !isKnown { begin(layout.ssrc) }
        streams[position].packets.accept(index)
        return .accepted(end)
    }

    mutating func unprotectRTCP(_ packet: UnsafeMutableRawPointer, count: Int) -> SRTPVerdict {
        let clear = SRTPLayout.reportHeaderByteCount
        guard count >= clear + 4 + tagByteCount, SRTPLayout.isVersion2(packet) else { return .malformed }
        let ssrc = packet.word(at: 4)
        guard let position = position(of: ssrc) else { return .malformed }
        let isKnown = position < streams.count
        let end = count - 4 - tagByteCount
        let word = packet.word(at: isTagFirst ? count - 4 : end)
        // The keys of WebRTC encrypt: what comes in the clear is not the peer's.
        guard word & SRTPLayout.encryptedFlag != 0 else { return .malformed }
        let index = UInt64(word & ~SRTPLayout.encryptedFlag)
        if isKnown, streams[position].reports.check(index) != .new { return .replayed }
        switch rtcp {
        case .gcm(let cipher):
            guard cipher.open(packet, clear: clear, end: end, word: word, ssrc: ssrc, index: index) else {
                return .forged
            }
        case .counter(let cipher):
            guard cipher.isAuthentic(packet, count: end + 4, tag: packet + end + 4) else { return .forged }
            guard cipher.crypt(packet, clear: clear, end: end, ssrc: ssrc, index: index) else { return .malformed }
        }
        if !isKnown { begin(ssrc) }
        streams[position].reports.accept(index)
        return .accepted(end)
    }

    /// Where the stream is, or the next free place; `nil` when there are too many.
    @inline(__always)
    private mutating func position(of ssrc: UInt32) -> Int? {
        if lastStream < ssrcs.count, ssrcs[lastStream] == ssrc { return lastStream }
        return search(ssrc)
    }

    private mutating func search(_ ssrc: UInt32) -> Int? {
        if let position = ssrcs.firstIndex(of: ssrc) {
            lastStream = position
            return position
        }
        return streams.count < streamCount ? streams.count : nil
    }

    private mutating func begin(_ ssrc: UInt32) {
        ssrcs.append(ssrc)
        streams.append(Stream())
    }
}
