package import MediaSecurity

/// Those for whom packets wait, looked at in steps of their own: the tick looks at everybody.
extension Worker {
    /// Packets wait for a peer who has to be looked at from now on.
    func list(_ peer: Peer, now: MediaTime) {
        peer.waiting.isListed = true
        paced.append(peer)
        if nextStep == nil { nextStep = now + CongestionController.step }
    }

    /// Sends what has waited long enough; a part of ``handleTimeout(now:)``. Allocates nothing.
    package func sendWaiting(now: MediaTime) {
        guard let due = nextStep, due <= now else { return }
        for index in paced.indices.reversed() {
            let peer = paced[index]
            peer.sendWaiting(into: outbox, now: now)
            guard peer.waiting.count == 0 else { continue }
            peer.waiting.isListed = false
            paced.swapAt(index, paced.count - 1)
            paced.removeLast()
        }
        nextStep = paced.isEmpty ? nil : now + CongestionController.step
    }
}
