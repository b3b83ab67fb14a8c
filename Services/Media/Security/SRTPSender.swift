/// Protects the packets of this side (RFC 3711 §3.3, §3.4; RFC 7714). Its streams begin with their first packet and last
/// as long as it. Owned by one thread; nothing is allocated but for a new stream.
struct SRTPSender: ~Copyable {
    private struct Stream {
        /// The highest index of an RTP packet; 0 before the first.
        var highest: UInt64 = 0
        /// Of the last report; the first has 1.
        var reportIndex: UInt64 = 0
    }

    private let tagByteCount: Int
    private let rtp: SRTPCipher
    private let rtcp: SRTPCipher
    private var streams: [Stream] = []
    /// Theirs, close together: they are searched for each packet that is not of the stream before.
    private var ssrcs: [UInt32] = []
    /// Where the last packet's stream is: often the next one's too.
    private var lastStream = 0

    init(master: [UInt8], profile: SRTPProfile) throws(SRTPError) {
        let keys = try SRTPSessionKeys(master: master, profile: profile, purpose: .rtp)
        let rtp = try SRTPCipher(profile: profile, keys: keys, encrypts: true)
        let reportKeys = try SRTPSessionKeys(master: master, profile: profile, purpose: .rtcp)
        let rtcp = try SRTPCipher(profile: profile, keys: reportKeys, encrypts: true)
        self.rtp = rtp
        self.rtcp = rtcp
        tagByteCount = profile.tagByteCount
    }

    /// - Parameter packet: `count` bytes and ``SRTPSession/trailingByteCount`` of room behind them; so too below.
    /// - Returns: the new number of bytes; `nil` when it is no RTP, or its number is too far behind the stream's newest.
    mutating func protectRTP(_ packet: UnsafeMutableRawPointer, count: Int) -> Int? {
        guard let layout = SRTPLayout(rtp: packet, count: count) else { return nil }
        let position = position(of: layout.ssrc)
        let highest = streams[position].highest
        let index = SRTPIndex.guess(layout.sequence, highest: highest)
        // A peer has forgotten by then whether it had the packet, and will not take it.
        guard index <= SRTPIndex.last, index + UInt64(SRTPReplayWindow.packetCount) > highest else { return nil }
        let clear = layout.headerByteCount
        switch rtp {
        case .gcm(let cipher):
            guard cipher.seal(packet, clear: clear, end: count, word: nil, ssrc: layout.ssrc, index: index) else {
                return nil
            }
        case .counter(let cipher):
            guard cipher.crypt(packet, clear: clear, end: count, ssrc: layout.ssrc, index: index) else { return nil }
            // The tag takes the place of what is authenticated with the packet.
            packet.storeWord(UInt32(truncatingIfNeeded: index >> 16), at: count)
            cipher.digest(packet, count: count + 4, to: (packet + count).assumingMemoryBound(to: UInt8.self))
        }
        if index > highest { streams[position].highest = index }
        return count + tagByteCount
    }

    /// - Returns: the new number of bytes; `nil` when it is no RTCP, or the indices are used up.
    mutating func protectRTCP(_ packet: UnsafeMutableRawPointer, count: Int) -> Int? {
        guard count >= SRTPLayout.reportHeaderByteCount, SRTPLayout.isVersion2(packet) else { return nil }
        let ssrc = packet.word(at: 4)
        let position = position(of: ssrc)
        let index = streams[position].reportIndex + 1
        guard index <= SRTPIndex.lastReport else { return nil }
        let clear = SRTPLayout.reportHeaderByteCount
        let word = SRTPLayout.encryptedFlag | UInt32(truncatingIfNeeded: index)
        switch rtcp {
        case .gcm(let cipher):
            guard cipher.seal(packet, clear: clear, end: count, word: word, ssrc: ssrc, index: index) else {
                return nil
            }
            packet.storeWord(word, at: count + SRTPGaloisCipher.tagByteCount)
        case .counter(let cipher):
            guard cipher.crypt(packet, clear: clear, end: count, ssrc: ssrc, index: index) else { return nil }
            packet.storeWord(word, at: count)
            cipher.digest(packet, count: count + 4, to: (packet + count + 4).assumingMemoryBound(to: UInt8.self))
        }
        streams[position].reportIndex = index
        return count + 4 + tagByteCount
    }

    @inline(__always)
    private mutating func position(of ssrc: UInt32) -> Int {
        if lastStream < ssrcs.count, ssrcs[lastStream] == ssrc { return lastStream }
        return search(ssrc)
    }

    private mutating func search(_ ssrc: UInt32) -> Int {
        lastStream = ssrcs.firstIndex(of: ssrc) ?? ssrcs.count
        if lastStream == ssrcs.count {
            ssrcs.append(ssrc)
            streams.append(Stream())
        }
        return lastStream
    }
}
