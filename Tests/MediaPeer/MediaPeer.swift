package import Contracts
package import MediaCore
package import MediaSecurity

/// A WebRTC client without I/O, for tests and load: it offers as a browser does, is the controlling side of ICE and the
/// client of DTLS, sends sound and pictures that can be checked and checks those it gets. Datagrams, answers and the
/// time go in, datagrams and offers come out.
///
/// Not `Sendable`: one owner. It speaks with one address, the node's; which of ``remoteCandidates`` that is, is up to
/// the caller. After each call take the datagrams and look at ``deadline`` again.
package final class MediaPeer {
    package let configuration: Configuration
    /// What it publishes, in the order of its sources.
    package internal(set) var published: [PublishedTrack]
    /// The node's addresses, best first, from the last answer.
    package private(set) var remoteCandidates: [(host: String, port: UInt16)] = []
    /// Where the node can be reached by TCP (RFC 6544), from the last answer.
    package private(set) var remoteStreamCandidates: [(host: String, port: UInt16)] = []
    /// Why there will be no connection, if so.
    package private(set) var failure: Failure?
    /// What DTLS agreed on.
    package private(set) var profile: SRTPProfile?
    /// The association was ended, by the node or by ``close()``.
    package private(set) var isClosed = false
    /// Packets of a stream that no section has, or that are malformed.
    package internal(set) var strayPackets = 0
    /// What the last packet carried; `nil` when it was repeated, corrupt or a stray.
    package internal(set) var lastPattern: PayloadPattern?

    let formats: PeerFormats
    let cname: String
    var random: SplitMix64
    var outbox = PeerOutbox()
    var sections: [ReceivedSection] = []
    /// Index in `sections` by SSRC.
    var sectionIndex: [UInt32: Int] = [:]
    var srtp: SRTPSession?
    /// The number of the next packet among all of the transport, and what became of those of the node.
    private var nextTransportNumber: UInt16 = 0
    var arrivals = ArrivalRecorder()
    /// Its own packets that the node has told the arrival of.
    package internal(set) var arrivalsTold = 0
    /// Packets that came with their number among all of the transport.
    package internal(set) var numbersReceived = 0
    /// What the node said it may send, in bits/s, one behind the other.
    package internal(set) var estimates: [Int] = []
    var nextReport: MediaTime?
    var nextNack: MediaTime?
    private var layout: [PeerSection] = []
    private var credentials: (fragment: String, password: String)
    private let sessionID: UInt64
    private var lastOffer = -1
    private var ice: IceClient?
    private var dtls: DTLSConnection?
    private var remoteFingerprint: CertificateFingerprint?
    private let certificate: DTLSCertificate
    /// A packet while it is encrypted.
    ///
    /// SAFETY: it lives as long as the peer, and no pointer into it leaves `protect`.
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)

    /// Throws ``Failure/security(_:)`` when no certificate can be made.
    package init(configuration: Configuration) throws(Failure) {
        switch configuration.certificate.map(Result.success) ?? Self.sharedCertificate {
        case .success(let certificate): self.certificate = certificate
        case .failure(let error): throw .security(error)
        }
        self.configuration = configuration
        random = SplitMix64(seed: configuration.seed)
        formats = PeerFormats(configuration, random: &random)
        credentials = Self.credentials(&random)
        sessionID = random.next() >> 2
        cname = "peer-\(configuration.seed)"
        published = []
        for source in configuration.sources {
            let names: [String?] =
                source == .camera && !configuration.encodings.isEmpty ? configuration.encodings : [nil]
            let tracks = names.map { identity(source, streamID: $0) }
            let section = PeerSection(mid: String(layout.count), isVideo: source.isVideo, tracks: tracks)
            layout.append(section)
            for track in tracks { published.append(PublishedTrack(section.mid, track, random: &random)) }
        }
        addSections(configuration.audioSections, isVideo: false)
        addSections(configuration.videoSections, isVideo: true)
    }

    private func identity(_ source: CallSource, streamID: String?) -> PeerTrackIdentity {
        let ssrc = UInt32.random(in: 1 ... .max, using: &random)
        let repairs = source.isVideo && configuration.usesRepair
        return PeerTrackIdentity(
            source: source, ssrc: ssrc, repairSSRC: repairs ? .random(in: 1 ... .max, using: &random) : nil,
            streamID: streamID)
    }

    deinit { scratch.deallocate() }

    private static func credentials(_ random: inout SplitMix64) -> (fragment: String, password: String) {
        let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        func text(_ count: Int) -> String {
            String((0..<count).map { _ in characters[Int.random(in: 0..<64, using: &random)] })
        }
        return (text(4), text(24))
    }

    // MARK: Offer and answer

    /// The next offer: all sections there are by now. All sources are active but for those in `inactive`.
    package func offer(number: Int, inactive: Set<CallSource> = []) -> CallOffer {
        lastOffer = number
        return CallOffer(
            number: number, sdp: description(number, configuration.setup, formats),
            publications: configuration.sources.compactMap { published($0) }.map {
                CallPublication(mid: $0.mid, source: $0.source, isActive: !inactive.contains($0.source))
            })
    }

    private func description(_ version: Int, _ setup: String, _ formats: PeerFormats) -> String {
        PeerOffer(
            sessionID: sessionID, version: version, fragment: credentials.fragment, password: credentials.password,
            fingerprint: configuration.fingerprint ?? certificate.fingerprint.description, setup: setup, cname: cname,
            formats: formats
        ).text(layout)
    }

    /// Adds receive sections to the next offer.
    package func addVideoSections(_ count: Int) { addSections(count, isVideo: true) }

    /// New ICE credentials in the next offer: the path is looked for anew, media goes on (RFC 8445 §9).
    package func restartIce() { credentials = Self.credentials(&random) }

    private func addSections(_ count: Int, isVideo: Bool) {
        for _ in 0..<count {
            let section = PeerSection(mid: String(layout.count), isVideo: isVideo, tracks: [])
            layout.append(section)
            sections.append(ReceivedSection(mid: section.mid, isVideo: isVideo))
        }
    }

    /// Takes the answer to the last offer, and checks it as a browser would and more. Throws ``Failure`` for one that
    /// breaks a rule, and nothing has changed then.
    package func accept(_ answer: CallAnswer, now: MediaTime) throws(Failure) {
        guard answer.number == lastOffer else { throw .answer("it is the one to offer \(lastOffer)") }
        let read = try PeerAnswer(answer.sdp, setup: configuration.setup == "passive" ? "active" : "passive")
        try read.check(against: layout, formats: formats)
        try apply(read, now: now)
    }

    /// Answers a server that offers to send, in place of an offer of its own: takes each section, with the codecs it
    /// understands. Once, by a peer configured without sources and sections. Throws ``Failure`` as ``accept(_:now:)``.
    package func answer(_ offer: String, now: MediaTime) throws(Failure) -> String {
        precondition(layout.isEmpty, "A peer that answers has the sections of the offer.")
        let read = try PeerAnswer(offer, setup: "actpass")
        for section in read.sections {
            layout.append(PeerSection(mid: section.mid, isVideo: section.isVideo, tracks: []))
            sections.append(ReceivedSection(mid: section.mid, isVideo: section.isVideo))
        }
        try apply(read, now: now)
        return description(1, "active", PeerFormats(of: read.sections, videoCodecs: configuration.videoCodecs))
    }

    private func apply(_ read: PeerAnswer, now: MediaTime) throws(Failure) {
        try prepareSecurity(read)
        for section in read.sections { negotiate(section) }
        if !read.candidates.isEmpty { remoteCandidates = read.candidates }
        if !read.streamCandidates.isEmpty { remoteStreamCandidates = read.streamCandidates }
        guard ice?.remoteFragment != read.fragment || ice?.localFragment != credentials.fragment else { return }
        ice = IceClient(
            localFragment: credentials.fragment, localPassword: credentials.password, remoteFragment: read.fragment,
            remotePassword: read.password, checkPassword: configuration.checkPassword ?? read.password,
            tieBreaker: random.next(), now: now)
        ice?.nominatesOnce = configuration.nominatesOnce
    }

    private func prepareSecurity(_ answer: PeerAnswer) throws(Failure) {
        guard dtls == nil else {
            guard answer.fingerprint == remoteFingerprint else { throw .answer("the node keeps its certificate") }
            return
        }
        do {
            dtls = try DTLSConnection(
                certificate: certificate, role: configuration.setup == "passive" ? .server : .client,
                expected: answer.fingerprint, profiles: configuration.profiles)
        } catch {
            throw .security(error)
        }
        remoteFingerprint = answer.fingerprint
    }

    private func negotiate(_ answered: PeerAnswer.Section) {
        let codecs = answered.codecs.filter { answered.repairs[$0.payloadType] == nil }
            .map { PeerFormats.Codec(payloadType: $0.payloadType, encoding: $0.encoding) }
        let isReceived = !answered.isRejected && answered.direction == "recvonly"
        for index in published.indices where published[index].mid == answered.mid {
            let streamID = published[index].streamID
            let isTaken = isReceived && (streamID.map(answered.streamIDs.contains) ?? true)
            published[index].negotiate(
                codec: isTaken ? codecs.first : nil, sound: codecs.first { $0.name == "opus" }?.payloadType,
                repair: answered.repairs.first { $0.value == codecs.first?.payloadType }?.key,
                extensions: answered.extensions)
        }
        if let index = sections.firstIndex(where: { $0.mid == answered.mid }) {
            sections[index].codecs = codecs
            sections[index].extensions = answered.extensions
            sections[index].repairs = answered.repairs
            for former in [sections[index].ssrc, sections[index].repairSSRC].compactMap(\.self) {
                sectionIndex[former] = nil
            }
            sections[index].ssrc = answered.ssrc
            sections[index].repairSSRC = answered.repairSSRC
            if let repair = answered.repairSSRC { sectionIndex[repair] = index }
            if let ssrc = answered.ssrc { sectionIndex[ssrc] = index }
        }
    }

    // MARK: State

    /// ICE has a path and DTLS is established.
    package var isConnected: Bool { ice?.isNominated == true && srtp != nil && !isClosed }
    /// The peer's own address, as the node sees it.
    package var mappedAddress: TransportAddress? { ice?.mappedAddress }
    /// The code of the last STUN error of the node.
    package var iceErrorCode: Int? { ice?.errorCode }
    /// When the node last answered a check.
    package var lastCheckAnswered: MediaTime? { ice?.lastAnswer }
    /// Packets of the node that SRTP refused: repeated ones, and those with a wrong tag.
    package var refusedPackets: (replayed: Int, forged: Int) { (srtp?.replayCount ?? 0, srtp?.forgeryCount ?? 0) }

    /// What was received, by mid; sections that have got nothing are there too.
    package var received: [String: ReceivedSection] {
        Dictionary(uniqueKeysWithValues: sections.map { ($0.mid, $0) })
    }

    // MARK: Datagrams

    /// Takes in one datagram of the node. It may be changed.
    package func receive(_ datagram: UnsafeMutableRawBufferPointer, now: MediaTime) {
        let bytes = UnsafeRawBufferPointer(datagram)
        switch DatagramKind(bytes.assumingMemoryBound(to: UInt8.self).span) {
        case .stun: receiveSTUN(bytes, now: now)
        case .dtls:
            if let dtls { apply(dtls.receive(bytes, now: now), now: now) }
        case .rtp:
            guard let count = srtp?.unprotectRTP(datagram, count: datagram.count) else { return }
            receiveRTP(UnsafeRawBufferPointer(rebasing: bytes[..<count]), now: now)
        case .rtcp:
            guard let count = srtp?.unprotectRTCP(datagram, count: datagram.count) else { return }
            receiveRTCP(UnsafeRawBufferPointer(rebasing: bytes[..<count]), now: now)
        case .unknown: strayPackets += 1
        }
    }

    private func receiveSTUN(_ bytes: UnsafeRawBufferPointer, now: MediaTime) {
        let span = bytes.assumingMemoryBound(to: UInt8.self).span
        if let node = remoteCandidates.first, let source = TransportAddress(host: node.host, port: node.port),
            let answer = ice?.answer(span, from: source)
        {
            return outbox.append(answer)
        }
        guard ice?.receive(span, now: now) == true, srtp == nil, let dtls else { return }
        apply(dtls.start(now: now), now: now)
    }

    private func apply(_ event: DTLSEvent, now: MediaTime) {
        switch event {
        case .none: break
        case .established(let keys):
            do {
                srtp = try SRTPSession(keys: keys)
                profile = keys.profile
                // At a moment of its own, so that many peers do not report at once.
                nextReport = now + .milliseconds(Int.random(in: 100...1000, using: &random))
            } catch {
                failure = .srtp(error)
            }
        case .closed: isClosed = true
        case .failed(let error): failure = .security(error)
        }
        dtls?.takeDatagrams { outbox.append($0) }
    }

    /// Does what is due: checks, retransmission of the handshake, NACKs, reports.
    package func handleTimeout(now: MediaTime) {
        guard !isClosed, failure == nil else { return }
        if let check = ice?.check(now: now, random: &random) { outbox.append(check) }
        if let dtls { apply(dtls.handleTimeout(now: now), now: now) }
        if let nextNack, nextNack <= now { sendNacks(now: now) }
        if let due = arrivals.due, due <= now { sendArrivals(now: now) }
        if let nextReport, nextReport <= now { sendReports(now: now) }
    }

    /// When to call ``handleTimeout(now:)``; `nil` before an answer and after the end.
    package var deadline: MediaTime? {
        guard !isClosed, failure == nil else { return nil }
        return [ice?.nextCheck, dtls?.deadline, nextNack, nextReport, arrivals.due].compactMap(\.self).min()
    }

    /// Hands over what is to be sent to the node, in order. Do not call the peer meanwhile.
    package func takeDatagrams(_ send: (UnsafeRawBufferPointer) -> Void) { outbox.take(send) }

    /// Ends the association: the node is told by close_notify.
    package func close() {
        dtls?.close()
        dtls?.takeDatagrams { outbox.append($0) }
        isClosed = true
    }

    // MARK: Encryption

    func send(rtp packet: [UInt8]) {
        var packet = packet
        if let id = formats.extensions[PeerFormats.transportSequence], packet.count > 19, packet[0] & 0x10 != 0,
            case let isLong = packet[12] == 0x10, packet[16] == (isLong ? id : id << 4 | 1)
        {
            packet[isLong ? 18 : 17] = UInt8(nextTransportNumber >> 8)
            packet[isLong ? 19 : 18] = UInt8(nextTransportNumber & 0xFF)
            nextTransportNumber &+= 1
        }
        protect(packet) { $0.protectRTP($1, count: $2) }
    }

    func send(rtcp packet: [UInt8]) { protect(packet) { $0.protectRTCP($1, count: $2) } }

    private func protect(
        _ packet: [UInt8], _ transform: (SRTPSession, UnsafeMutableRawBufferPointer, Int) -> Int?
    ) {
        guard let srtp, !isClosed, packet.count + SRTPSession.trailingByteCount <= scratch.count else { return }
        scratch.copyBytes(from: packet)
        guard let count = transform(srtp, scratch, packet.count) else { return }
        outbox.append(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
    }
}
