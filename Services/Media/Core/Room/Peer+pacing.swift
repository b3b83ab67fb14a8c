import MediaSecurity

/// Video leaves in steps where a link was seen full and more of it comes at once, so that a key frame fills no queue on the
/// way: none that drops packets, and none that sound would wait in. Only what is numbered for feedback waits; of other
/// links nothing is known in time.
extension Peer {
    /// Whether packets wait that the worker does not know of.
    @inline(__always)
    var isWaitingUnlisted: Bool { waiting.count > 0 && !waiting.isListed }

    /// Sends of what waits as much as may leave now.
    func sendWaiting(into outbox: Outbox, now: MediaTime) {
        while waiting.count > 0, congestion.hasRoom(now: now), !outbox.isNearlyFull {
            sendFirstWaiting(into: outbox, now: now)
        }
        if waiting.count == 0 { congestion.noneWaits(now: now) }
    }

    fileprivate func sendFirstWaiting(into outbox: Outbox, now: MediaTime) {
        // Without a way to the peer it is lost, as it would have been.
        guard let entry = waiting.removeFirst(), let srtp, let destination else { return }
        let section = entry.section
        guard let sequence = entry.sequence else {
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            return section.write(
                ForwardedPacket(), nothing, entry.numbers, srtp, to: destination, into: outbox, now: now)
        }
        // One that the cache has not any more is lost too, and a key frame is asked for if it is missed.
        _ = entry.cache.withPacket(sequence) { packet, payload in
            section.write(packet, payload, entry.numbers, srtp, to: destination, into: outbox, now: now)
        }
    }
}

extension SendSection {
    /// What a packet has besides, roughly: header and other extensions.
    private static let plainHeaderByteCount = 28

    /// Keeps back a packet of video for which the link has no room yet, and what comes behind it, so that the order stays.
    /// Answers whether it does.
    /// - Parameters:
    ///   - sequence: its number in the cache; `nil` for a packet without payload.
    ///   - byteCount: of payload and dependency descriptor.
    @inline(__always)
    func keepsBack(
        _ sequence: Int64?, in cache: PacketCache, byteCount: Int, _ numbers: OutgoingNumbers, into outbox: Outbox,
        now: MediaTime
    ) -> Bool {
        guard kind == .video, numbersPackets else { return false }
        let peer = peer
        guard peer.waiting.count > 0 || !peer.congestion.hasRoom(now: now) else { return false }
        return keepBack(sequence, in: cache, byteCount: byteCount, numbers, into: outbox, now: now)
    }

    private func keepBack(
        _ sequence: Int64?, in cache: PacketCache, byteCount: Int, _ numbers: OutgoingNumbers, into outbox: Outbox,
        now: MediaTime
    ) -> Bool {
        // What the cache does not take cannot wait; neither can those before it, then.
        let canWait = byteCount <= PacketCache.payloadByteCount
        while peer.waiting.count > 0, !canWait || peer.waiting.isFull {
            peer.sendFirstWaiting(into: outbox, now: now)
        }
        guard canWait else { return false }
        peer.waiting.append(
            PacedQueue.Entry(
                section: self, cache: cache, sequence: sequence, numbers: numbers,
                byteCount: byteCount + Self.plainHeaderByteCount))
        peer.congestion.keepBack(waitingByteCount: peer.waiting.byteCount, now: now)
        return true
    }
}
