import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

/// What a peer talks to in the tests of the peer itself: the real answer, ICE, DTLS and SRTP, and in place of a room a
/// mirror that sends what a track publishes back on a receive section.
///
/// In virtual time, a millisecond a step, with 10 ms each way.
final class MediaPeerMirror {
    static let certificate = Result { () throws(DTLSError) in try DTLSCertificate.selfSigned() }

    let peer: MediaPeer
    private(set) var now = MediaTime(nanoseconds: 1_000_000_000)
    /// Whether a packet to the peer is lost.
    var isLost: (RTPHeader) -> Bool = { _ in false }
    /// Changes a packet to the peer before it is protected.
    var change: (inout [UInt8]) -> Void = { _ in }
    /// What the peer's RTCP said.
    private(set) var feedback: [(at: MediaTime, packet: RTCPPacket)] = []
    /// RTP of the peer, decrypted.
    private(set) var packets: [[UInt8]] = []
    /// SSRC under which the mirror sends, by mid of the receive section.
    private(set) var senderSSRCs: [String: UInt32] = [:]
    private let password = "a-password-of-the-mirror"
    private var routes: [UInt32: String] = [:]
    private var sent: [UInt32: [UInt16: [UInt8]]] = [:]
    private var dtls: DTLSConnection?
    private var srtp: SRTPSession?
    private var flying: [(arrival: MediaTime, toPeer: Bool, bytes: [UInt8])] = []

    init(_ configuration: MediaPeer.Configuration) throws { peer = try MediaPeer(configuration: configuration) }

    /// A peer with a camera and a microphone that has connected, and gets back both on the sections behind.
    static func connected(seed: UInt64, videoCodecs: [String] = ["VP8", "H264"]) throws -> MediaPeerMirror {
        var configuration = MediaPeer.Configuration(seed: seed, sources: [.microphone, .camera])
        configuration.audioSections = 1
        configuration.videoSections = 1
        configuration.videoCodecs = videoCodecs
        let mirror = try MediaPeerMirror(configuration)
        try mirror.negotiate(number: 1)
        mirror.route(.microphone, to: "2")
        mirror.route(.camera, to: "3")
        mirror.run(for: .milliseconds(200))
        try #require(mirror.peer.isConnected)
        return mirror
    }

    func negotiate(number: Int) throws { try peer.accept(answer(peer.offer(number: number)), now: now) }

    func answer(_ offer: CallOffer) throws -> CallAnswer {
        let session = try NegotiatedSession(offer: offer.sdp)
        let certificate = try Self.certificate.get()
        if dtls == nil {
            dtls = try DTLSConnection(certificate: certificate, role: .server, expected: session.fingerprint)
        }
        var senders: [String: SenderIdentity] = [:]
        for section in session.sections where section.role == .send {
            let ssrc = senderSSRCs[section.mid] ?? UInt32(900_000 + senders.count)
            senderSSRCs[section.mid] = ssrc
            senders[section.mid] = SenderIdentity(ssrc: ssrc, cname: "mirror", streamID: "s", trackID: section.mid)
        }
        let candidate = try #require(TransportAddress(host: "192.0.2.1", port: 4000))
        let local = LocalDescription(
            fragment: "mirr", password: password, fingerprint: certificate.fingerprint, candidates: [candidate],
            sessionID: 1, version: offer.number)
        return CallAnswer(number: offer.number, sdp: session.answer(local, senders: senders))
    }

    func route(_ source: CallSource, to mid: String) {
        if let track = peer.published(source) { routes[track.ssrc] = mid }
    }

    func run(for duration: Duration, each: (MediaTime) -> Void = { _ in }) {
        let end = now + duration
        while now < end {
            now = now + .milliseconds(1)
            each(now)
            let arriving = flying.filter { $0.arrival <= now }
            flying.removeAll { $0.arrival <= now }
            for datagram in arriving { deliver(datagram.bytes, toPeer: datagram.toPeer) }
            if let deadline = peer.deadline, deadline <= now { peer.handleTimeout(now: now) }
            peer.takeDatagrams { fly(Array($0), toPeer: false) }
        }
    }

    /// Sends RTCP to the peer.
    func send(_ write: (inout RTCPWriter) -> Void) {
        var writer = RTCPWriter()
        write(&writer)
        protect(writer.bytes) { $0.protectRTCP($1, count: $2) }
    }

    private func fly(_ bytes: [UInt8], toPeer: Bool) { flying.append((now + .milliseconds(10), toPeer, bytes)) }

    private func deliver(_ datagram: [UInt8], toPeer: Bool) {
        var datagram = datagram
        if toPeer {
            datagram.withUnsafeMutableBytes { peer.receive($0, now: now) }
            return
        }
        switch DatagramKind(datagram.span) {
        case .stun: receiveSTUN(datagram)
        case .dtls:
            let event = datagram.withUnsafeBytes { dtls?.receive($0, now: now) }
            if case .established(let keys) = event { srtp = try? SRTPSession(keys: keys) }
            dtls?.takeDatagrams { fly(Array($0), toPeer: true) }
        case .rtp:
            let count = datagram.withUnsafeMutableBytes { srtp?.unprotectRTP($0, count: $0.count) }
            if let count { receiveRTP(Array(datagram.prefix(count))) }
        case .rtcp:
            let count = datagram.withUnsafeMutableBytes { srtp?.unprotectRTCP($0, count: $0.count) }
            if let count { receiveRTCP(Array(datagram.prefix(count))) }
        case .unknown: Issue.record("The peer sent \(datagram).")
        }
    }

    private func receiveSTUN(_ datagram: [UInt8]) {
        guard let message = STUNMessage(datagram.span), message.useCandidate, message.iceControlling != nil,
            message.priority != nil, message.username?.hasPrefix("mirr:") == true,
            let source = TransportAddress(host: "198.51.100.7", port: 5000)
        else {
            Issue.record("The check is incomplete.")
            return
        }
        let isAuthentic = message.isAuthentic(datagram.span, password: password)
        fly(
            isAuthentic
                ? STUNWriter.success(to: message.transactionID, mapped: source, password: password)
                : STUNWriter.error(401, to: message.transactionID, password: nil), toPeer: true)
    }

    private func receiveRTP(_ packet: [UInt8]) {
        packets.append(packet)
        guard let header = RTPHeader(packet.span), let mid = routes[header.ssrc], let ssrc = senderSSRCs[mid] else {
            return
        }
        var copy = packet
        for index in 0..<4 { copy[8 + index] = UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * index)) }
        // The MID extension: mids of these tests are one character.
        let old = peer.published.first { $0.ssrc == header.ssrc }?.mid ?? ""
        header.forEachExtension(in: packet.span) { _, content in
            if packet[content].elementsEqual(old.utf8) { copy.replaceSubrange(content, with: mid.utf8) }
        }
        change(&copy)
        sent[ssrc, default: [:]][header.sequenceNumber] = copy
        if !isLost(header) { protect(copy) { $0.protectRTP($1, count: $2) } }
    }

    private func receiveRTCP(_ packet: [UInt8]) {
        let isWellFormed = RTCPPacket.forEach(in: packet.span) { part in
            feedback.append((now, part))
            guard case .nack(_, let media, let numbers) = part else { return }
            for number in numbers {
                guard let packet = sent[media]?[number], let header = RTPHeader(packet.span), !isLost(header) else {
                    continue
                }
                protect(packet) { $0.protectRTP($1, count: $2) }
            }
        }
        #expect(isWellFormed)
    }

    private func protect(
        _ packet: [UInt8], _ transform: (SRTPSession, UnsafeMutableRawBufferPointer, Int) -> Int?
    ) {
        var buffer = packet + [UInt8](repeating: 0, count: SRTPSession.trailingByteCount)
        guard let srtp, let count = buffer.withUnsafeMutableBytes({ transform(srtp, $0, packet.count) }) else { return }
        fly(Array(buffer.prefix(count)), toPeer: true)
    }
}
