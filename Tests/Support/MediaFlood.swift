import NIOPosix

/// Datagrams that mean nothing, as fast as one thread sends them.
package enum MediaFlood {
    private static let largestByteCount = 1400

    /// Sends `count` datagrams from several sockets, or as many as go out until the time is over; how many those were.
    ///
    /// Three in four are random bytes of any length, of which a few look like STUN, DTLS, RTP or RTCP. The others are
    /// `samples` with a few bytes changed: what a peer really sends, and is refused late.
    /// - Parameters:
    ///   - seed: decides all bytes.
    ///   - samples: not empty.
    package static func send(
        _ count: Int, to port: UInt16, samples: [[UInt8]], seed: UInt64, within limit: Duration
    ) async throws -> Int {
        try await NIOThreadPool.singleton.runIfActive {
            try sendBlocking(count, to: port, samples: samples, seed: seed, within: limit)
        }
    }

    private static func sendBlocking(
        _ count: Int, to port: UInt16, samples: [[UInt8]], seed: UInt64, within limit: Duration
    ) throws -> Int {
        precondition(!samples.isEmpty, "there are samples to change")
        let sockets = try (0..<4).map { _ in try MediaSocket(host: "127.0.0.1", port: port) }
        var random = XorShift(state: seed | 1)
        let pool = (0..<(1 << 16)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let end = ContinuousClock.now + limit
        var sent = 0
        while sent < count, sent % 1000 != 0 || ContinuousClock.now < end {
            let socket = sockets[sent % sockets.count]
            if sent % 4 == 3 {
                socket.send(changed(samples[random.below(samples.count)], &random))
            } else {
                let start = random.below(pool.count - largestByteCount)
                let byteCount = random.below(largestByteCount)
                pool.withUnsafeBytes { pool in
                    _ = socket.send(UnsafeRawBufferPointer(rebasing: pool[start..<start + byteCount]))
                }
            }
            sent += 1
        }
        return sent
    }

    /// A datagram of `sample`'s with one to four other bytes, now and then cut short.
    package static func changed(_ sample: [UInt8], _ random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = sample
        guard !bytes.isEmpty else { return bytes }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
        }
        return bytes
    }
}

/// Cheap random numbers (Marsaglia 2003).
private struct XorShift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
