import Contracts
import Foundation
import Glibc
import MediaPeer
import MediaSecurity
import Synchronization
import TestSupport

/// A ``MediaPeer`` on a UDP socket or a TCP connection of its own, driven by a thread: it sends the sound and pictures of its sources from
/// the moment it is connected, 50 packets and 30 frames a second, until ``stop()``.
final class CallPeer: Sendable {
    /// What a peer is and has got at one moment.
    struct Snapshot: Sendable {
        let isConnected: Bool
        let isClosed: Bool
        let failure: MediaPeer.Failure?
        let profile: SRTPProfile?
        let iceErrorCode: Int?
        let sections: [ReceivedSection]
        /// Packets by source.
        let sent: [CallSource: Int]
        let strayPackets: Int
        let replayed: Int
        let forged: Int
        /// RTP datagrams of the node, whether or not the peer took them in.
        let mediaDatagrams: Int
        /// The longest time between two of them since ``CallPeer/beginPauses()``.
        let longestPause: Duration

        /// Packets on all sections.
        var packets: Int { sections.reduce(0) { $0 + $1.packets } }
    }

    /// Behind one lock, because the peer is no value.
    fileprivate struct State {
        let peer: MediaPeer
        var nextAudio = MediaTime.now
        var nextVideo = MediaTime.now
        var hasKeyFrame = false
        var isMuted = false
        var isDeaf = false
        var isStopped = false
        /// RTP that was protected and not sent; `nil` when it is sent.
        var held: [[UInt8]]?
        /// The last datagrams of each kind that were sent.
        var samples: [[UInt8]] = []
        var mediaDatagrams = 0
        var lastMedia: MediaTime?
        var longestPause = Duration.zero
    }

    fileprivate static let sampleCount = 64
    private static let turnMilliseconds: Int32 = 5

    /// Under which SSRCs it publishes.
    let streams: [CallSource: UInt32]
    private let isByTCP: Bool
    private let isByIPv6: Bool
    private let state: Mutex<State>
    private let place = Mutex<(path: any MediaPath, port: UInt16)?>(nil)

    init(_ configuration: MediaPeer.Configuration) throws {
        let peer = try MediaPeer(configuration: configuration)
        streams = Dictionary(uniqueKeysWithValues: peer.published.map { ($0.source, $0.ssrc) })
        isByTCP = configuration.isByTCP
        isByIPv6 = configuration.isByIPv6
        state = Mutex(State(peer: peer))
    }

    // MARK: Offer and answer

    func offer(number: Int) -> CallOffer { state.withLock { $0.peer.offer(number: number) } }

    /// New ICE credentials in the next offer.
    func restartIce() { state.withLock { $0.peer.restartIce() } }

    /// Takes an answer; the first one begins everything.
    func accept(_ answer: CallAnswer) throws {
        let candidate = try state.withLock { state in
            try state.peer.accept(answer, now: .now)
            let candidates = isByTCP ? state.peer.remoteStreamCandidates : state.peer.remoteCandidates
            return candidates.first { $0.host.contains(":") == isByIPv6 }
        }
        guard let candidate else { throw Timeout("the answer has no candidate") }
        try place.withLock { place in
            guard place == nil else { return }
            let path: any MediaPath =
                if isByTCP {
                    try MediaStream(host: candidate.host, port: candidate.port)
                } else {
                    try MediaSocket(host: candidate.host, port: candidate.port)
                }
            place = (path, candidate.port)
            Thread { [weak self] in while let peer = self, peer.turn(path) {} }.start()
        }
    }

    /// The node's, once there was an answer.
    var nodePort: UInt16 { place.withLock { $0?.port ?? 0 } }

    /// Whether it came by TCP, and the node has closed the connection.
    var hasStreamEnded: Bool { (place.withLock { $0?.path } as? MediaStream)?.hasEnded ?? false }

    // MARK: What it does

    /// Ends all sending and receiving without a word, as a lost network does.
    func stop() { state.withLock { $0.isStopped = true } }

    /// Ends the association, as a browser does whose page is closed.
    func close() { state.withLock { $0.peer.close() } }

    /// From now on all that the node sends is thrown away: it goes on sending, whatever it is told.
    func becomeDeaf() { state.withLock { $0.isDeaf = true } }

    /// From now on it sends no RTP of its own accord.
    func mute() { state.withLock { $0.isMuted = true } }

    /// `count` packets of sound, protected in their turn and not sent.
    func hold(_ count: Int) -> [[UInt8]] {
        state.withLock { state in
            state.held = []
            for _ in 0..<count { state.peer.sendAudio(level: 20, now: .now) }
            state.collect()
            defer { state.held = nil }
            return state.held ?? []
        }
    }

    /// Sends a datagram as it is from the peer's own address.
    func send(raw datagram: [UInt8]) {
        datagram.withUnsafeBytes { bytes in _ = place.withLock { $0?.path }?.send(bytes) }
    }

    /// The last datagrams that it sent.
    var samples: [[UInt8]] { state.withLock { $0.samples } }

    /// Counts the longest pause anew.
    func beginPauses() {
        state.withLock { state in
            state.longestPause = .zero
            state.lastMedia = .now
        }
    }

    // MARK: State

    var snapshot: Snapshot {
        state.withLock { state in
            let peer = state.peer
            return Snapshot(
                isConnected: peer.isConnected, isClosed: peer.isClosed, failure: peer.failure, profile: peer.profile,
                iceErrorCode: peer.iceErrorCode, sections: Array(peer.received.values),
                sent: Dictionary(uniqueKeysWithValues: peer.published.map { ($0.source, $0.packetCount) }),
                strayPackets: peer.strayPackets, replayed: peer.refusedPackets.replayed,
                forged: peer.refusedPackets.forged, mediaDatagrams: state.mediaDatagrams,
                longestPause: max(state.longestPause, state.lastMedia.map { .now - $0 } ?? .zero))
        }
    }

    /// What has come of a source of another peer: the section that carried it last.
    func received(_ source: CallSource, of other: CallPeer) -> ReceivedSection? {
        snapshot.sections.first { $0.origin != nil && $0.origin == other.streams[source] }
    }

    /// Waits until what it has got is as wanted.
    @discardableResult
    func wait(
        for what: String, within limit: Duration = .seconds(5), _ isWanted: (Snapshot) -> Bool
    ) async throws -> Snapshot {
        do {
            return try await eventually(what, within: limit) {
                let snapshot = snapshot
                return isWanted(snapshot) ? snapshot : nil
            }
        } catch is Timeout {
            throw Timeout(
                "\(what): not within \(limit), \(snapshot.isConnected) \(String(describing: snapshot.failure))")
        }
    }

    /// Waits until `count` more whole frames of another's source have come.
    func wait(for count: Int, _ source: CallSource, of other: CallPeer, within limit: Duration = .seconds(5))
        async throws
    {
        let start = received(source, of: other)?.completeFrames ?? 0
        try await wait(for: "\(count) frames of a \(source)", within: limit) { _ in
            received(source, of: other)?.completeFrames ?? 0 >= start + count
        }
    }

    /// Waits until it has itself sent so many more packets: a measure of time that runs while the peer does.
    func waitUntilSent(_ count: Int, _ source: CallSource = .microphone, within limit: Duration = .seconds(10))
        async throws
    {
        let start = snapshot.sent[source] ?? 0
        try await wait(for: "\(count) packets more sent", within: limit) { $0.sent[source] ?? 0 >= start + count }
    }

    // MARK: The thread

    /// `false` when it is to end.
    private func turn(_ socket: any MediaPath) -> Bool {
        socket.wait(milliseconds: Self.turnMilliseconds)
        return state.withLock { state in
            guard !state.isStopped else { return false }
            withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 16) { memory in
                while let count = socket.receive(into: memory) {
                    state.receive(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
                }
            }
            state.publish()
            state.peer.handleTimeout(now: .now)
            state.collect(to: socket)
            return true
        }
    }
}

extension CallPeer.State {
    fileprivate mutating func receive(_ datagram: UnsafeMutableRawBufferPointer) {
        let now = MediaTime.now
        if CallPeer.isRTP(UnsafeRawBufferPointer(datagram)) {
            mediaDatagrams += 1
            if let lastMedia { longestPause = max(longestPause, now - lastMedia) }
            lastMedia = now
        }
        if !isDeaf { peer.receive(datagram, now: now) }
    }

    fileprivate mutating func publish() {
        let now = MediaTime.now
        guard peer.isConnected, !isMuted else {
            (nextAudio, nextVideo) = (now, now)
            return
        }
        while nextAudio <= now {
            nextAudio = nextAudio + .milliseconds(20)
            for source in [CallSource.microphone, .screenAudio] { peer.sendAudio(level: 20, source: source, now: now) }
        }
        guard nextVideo <= now else { return }
        nextVideo = now + .milliseconds(33)
        for track in peer.published where track.source.isVideo {
            let isKeyFrame = track.isKeyFrameWanted || track.packetCount == 0
            peer.sendVideoFrame(
                byteCount: isKeyFrame ? 8000 : 2500, isKeyFrame: isKeyFrame, source: track.source, now: now)
        }
    }

    /// Sends what the peer has to send; with no socket, or while RTP is held, keeps the RTP.
    fileprivate mutating func collect(to socket: (any MediaPath)? = nil) {
        var taken: [[UInt8]] = []
        peer.takeDatagrams { taken.append(Array($0)) }
        for datagram in taken {
            if held != nil, datagram.withUnsafeBytes(CallPeer.isRTP) {
                held?.append(datagram)
                continue
            }
            datagram.withUnsafeBytes { bytes in _ = socket?.send(bytes) }
            samples.append(datagram)
        }
        samples.removeFirst(max(0, samples.count - CallPeer.sampleCount))
    }
}

extension CallPeer {
    /// By the first two bytes (RFC 7983, RFC 5761 §4).
    fileprivate static func isRTP(_ datagram: UnsafeRawBufferPointer) -> Bool {
        datagram.count > 12 && (128..<192).contains(datagram[0]) && !(192..<224).contains(datagram[1])
    }
}

extension MediaTime {
    /// The system's monotonic clock.
    static var now: MediaTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MediaTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
