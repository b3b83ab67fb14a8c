import Contracts
package import MediaSecurity

/// What a worker is told once.
package struct WorkerConfiguration: Sendable {
    package let certificate: DTLSCertificate
    /// Where peers reach this worker's port, the best first.
    package let candidates: [TransportAddress]
    /// Protection profiles, preferred first.
    package let profiles: [SRTPProfile]
    /// Who protects the packets.
    package let srtp: SRTPImplementation

    package init(
        certificate: DTLSCertificate, candidates: [TransportAddress], profiles: [SRTPProfile] = SRTPProfile.allCases,
        srtp: SRTPImplementation = .openSSL
    ) {
        self.srtp = srtp
        self.certificate = certificate
        self.candidates = candidates
        self.profiles = profiles
    }
}

/// Everything between the two system calls of one UDP port: datagrams and the time go in, datagrams and notices come
/// out. It reads no clock and knows no socket, so that tests run it in virtual time.
///
/// The way of a packet: ``receive(_:from:now:)`` here → ``Transport`` (authentic?) → ``Publication`` (statistics, cache)
/// → each ``SendSection`` (rewrite, protect) → ``Outbox``. Nothing of ours on it allocates, waits or locks.
///
/// Not `Sendable`: owned by one thread.
package final class Worker {
    package let outbox = Outbox()
    package internal(set) var counters = WorkerCounters()
    /// What has to be told to others; taken by the caller after each turn.
    package internal(set) var notices: [Notice] = []
    let configuration: WorkerConfiguration
    var random: any RandomNumberGenerator
    /// Of the participant that joined last.
    var lastNumber = 0
    var rooms: [ChannelID: Room] = [:]
    /// Rooms that moved away, of calls that were given seats here again since: they last until their time is over.
    var formerRooms: [Room] = []
    var participants: [ParticipantID: Participant] = [:]
    /// Seats by the ICE fragment that checks name them by.
    var fragments: [String: Participant] = [:]
    /// Seats by the addresses that ICE validated.
    var addresses: [TransportAddress: Participant] = [:]
    /// Relays by what comes from their other ends.
    var relays: [RelayKey: Relay] = [:]
    /// And by the SSRCs of the other ends' reports alone.
    var relayReporters: [UInt32: Relay] = [:]
    /// Those of what goes to the other ends.
    var relaySSRCs: Set<UInt32> = []
    private var nextTick: MediaTime?
    /// Those for whom packets wait, and when some of these may leave.
    var paced: [Peer] = []
    var nextStep: MediaTime?
    /// Worked in by ``send(to:_:)`` and ``writeFeedback(to:now:)``.
    var writer = RTCPWriter()
    var numbers: [UInt16] = []
    /// Numbers that one compound may ask for: as many as are kept.
    private static let numbersPerCompound = PacketCache.packetCount
    private var numbersLeft = 0

    package init(configuration: WorkerConfiguration, random: any RandomNumberGenerator) {
        self.configuration = configuration
        self.random = random
        numbers.reserveCapacity(LossDetector.missingCount)
    }

    package var participantCount: Int { participants.count }
    package var roomCount: Int { rooms.count + formerRooms.count }
    /// ICE fragments and addresses that lead to seats.
    package var pathCount: Int { fragments.count + addresses.count }
    /// Whether nothing is kept of anyone.
    package var isEmpty: Bool {
        participants.isEmpty && roomCount == 0 && fragments.isEmpty && addresses.isEmpty && relays.isEmpty
            && relaySSRCs.isEmpty && relayReporters.isEmpty && paced.isEmpty
    }

    package func takeNotices() -> [Notice] {
        defer { notices = [] }
        return notices
    }

    // MARK: Datagrams

    /// Takes one datagram. Its memory is worked in and is worthless afterwards.
    package func receive(_ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        counters.receivedPackets += 1
        counters.receivedBytes += datagram.count
        switch DatagramKind(UnsafeRawBufferPointer(datagram).assumingMemoryBound(to: UInt8.self).span) {
        case .rtp: receiveRTP(datagram, from: source, now: now)
        case .rtcp: receiveRTCP(datagram, from: source, now: now)
        case .stun: receiveSTUN(UnsafeRawBufferPointer(datagram), from: source, now: now)
        case .dtls: receiveDTLS(UnsafeRawBufferPointer(datagram), from: source, now: now)
        case .unknown: drop(.unknownKind)
        }
    }

    private func drop(_ reason: DropReason) { counters.drops[reason.rawValue] += 1 }

    /// Whose address that is: a participant's, or that of a worker, whose relays are told apart by the SSRC.
    private func peer(
        at source: TransportAddress, _ datagram: UnsafeMutableRawBufferPointer, ssrcAt offset: Int
    ) -> Peer? {
        if let participant = addresses[source] { return participant }
        guard !relays.isEmpty, datagram.count >= offset + 4 else { return nil }
        let address = source.byAnyLocalAddress
        let ssrc = UInt32(bigEndian: datagram.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        return relays[RelayKey(address: address, ssrc: ssrc)]
    }

    private func receiveRTP(_ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        guard let peer = peer(at: source, datagram, ssrcAt: 8) else { return drop(.unknownAddress) }
        guard let srtp = peer.srtp else { return drop(.notSecured) }
        guard let byteCount = srtp.unprotectRTP(datagram, count: datagram.count) else { return drop(.notAuthentic) }
        peer.noteMedia(from: source, now: now)
        let packet = UnsafeMutableRawBufferPointer(rebasing: datagram[..<byteCount])
        let bytes = UnsafeRawBufferPointer(packet)
        guard let header = RTPHeader(bytes.assumingMemoryBound(to: UInt8.self).span) else { return drop(.malformed) }
        peer.noteArrival(of: header, in: bytes, now: now)
        guard let stream = peer.stream(of: header, in: bytes) else { return drop(.unknownStream) }
        guard stream.isRepair else {
            return receive(header, bytes, of: stream.encoding, isRepaired: false, now: now)
        }
        receiveRepair(header, packet, of: stream.encoding, now: now)
    }

    /// A packet that was sent again in a stream of its own, or only probes the path there (RFC 4588).
    private func receiveRepair(
        _ header: RTPHeader, _ packet: UnsafeMutableRawBufferPointer, of encoding: Encoding, now: MediaTime
    ) {
        guard let ssrc = encoding.ssrc, let payloadType = encoding.publication.repeated(by: header.payloadType),
            let restored = Retransmission.restore(packet, header, payloadType: payloadType, ssrc: ssrc)
        else { return }
        let bytes = UnsafeRawBufferPointer(restored)
        guard let header = RTPHeader(bytes.assumingMemoryBound(to: UInt8.self).span) else { return drop(.malformed) }
        counters.repairedPackets += 1
        receive(header, bytes, of: encoding, isRepaired: true, now: now)
    }

    private func receive(
        _ header: RTPHeader, _ packet: UnsafeRawBufferPointer, of encoding: Encoding, isRepaired: Bool, now: MediaTime
    ) {
        guard encoding.publication.carries(payloadType: header.payloadType) else { return drop(.unknownStream) }
        guard encoding.publication.limit.take(byteCount: packet.count, now: now) else { return drop(.tooMuch) }
        guard let forwarded = encoding.receive(header, packet, isRepaired: isRepaired, now: now) else { return }
        guard encoding.publication.isAllowed else { return drop(.notAllowed) }
        let payload = UnsafeRawBufferPointer(rebasing: packet[header.payloadRange])
        for subscription in encoding.publication.subscriptions
        where subscription.forward(forwarded, of: encoding, payload, into: outbox, now: now) {
            counters.forwardedPackets += 1
            if subscription.peer.isWaitingUnlisted { list(subscription.peer, now: now) }
        }
        encoding.publication.participant.room.tap?.record(forwarded, of: encoding, payload, now: now)
        if encoding.isImpatient { hurry(now) }
    }

    private func receiveRTCP(_ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        let known = peer(at: source, datagram, ssrcAt: 4)
        let stray = known == nil ? strayRelay(of: datagram, from: source, now: now) : nil
        guard let peer = known ?? stray else { return drop(.unknownAddress) }
        guard let srtp = peer.srtp else { return drop(.notSecured) }
        guard let byteCount = srtp.unprotectRTCP(datagram, count: datagram.count) else { return drop(.notAuthentic) }
        if let stray { follow(stray, to: source) }
        peer.noteMedia(from: source, now: now)
        numbersLeft = Self.numbersPerCompound
        let packet = UnsafeRawBufferPointer(rebasing: datagram[..<byteCount])
        let isWellFormed = RTCPPacket.forEach(in: packet.assumingMemoryBound(to: UInt8.self).span) { report in
            receive(report, of: peer, now: now)
        }
        if !isWellFormed { drop(.malformed) }
        guard let participant = peer as? Participant else { return }
        participant.receiveFeedback(packet.assumingMemoryBound(to: UInt8.self).span, now: now)
        wake(at: participant.bandwidthDue(after: now))
    }

    private func receive(_ report: RTCPPacket, of peer: Peer, now: MediaTime) {
        switch report {
        case .senderReport(let ssrc, let ntp, let timestamp, _, _, let reports):
            (peer as? Participant)?.receive(reports, now: now)
            guard let encoding = peer.encoding(of: ssrc),
                encoding.receiveSenderReport(ntp: ntp, timestamp: timestamp, now: now)
            else { return }
            peer.room.tap?.report(encoding, ntp: ntp, timestamp: timestamp, now: now)
            for subscription in encoding.publication.subscriptions {
                send(to: subscription.peer) { writer in
                    _ = subscription.writeSenderReport(of: encoding, ntp: ntp, timestamp: timestamp, into: &writer)
                }
            }
        case .nack(_, let media, let sequenceNumbers):
            guard let section = peer.sendSections.first(where: { $0.ssrc == media }) else { return }
            counters.packetsAskedFor += sequenceNumbers.count
            let looked = sequenceNumbers.prefix(numbersLeft)
            numbersLeft -= looked.count
            counters.retransmittedPackets += section.retransmit(looked, into: outbox, now: now)
        case .pictureLoss(_, let media), .fullIntra(_, let media):
            guard let section = peer.sendSections.first(where: { $0.ssrc == media }) else { return }
            counters.keyFramesAskedFor += 1
            (section.encoding ?? section.target)?.wantKeyFrame()
            hurry(now)
        case .receiverReport(_, let reports): (peer as? Participant)?.receive(reports, now: now)
        case .bye, .other: break
        }
    }

    // MARK: The way to a peer

    private func receiveSTUN(_ datagram: UnsafeRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        let bytes = datagram.assumingMemoryBound(to: UInt8.self).span
        guard let message = STUNMessage(bytes), message.kind == .bindingRequest else { return drop(.malformedSTUN) }
        // `<the node's fragment>:<the peer's>` (RFC 8445 §7.2.2).
        guard let fragment = message.username?.split(separator: ":", maxSplits: 1).first else {
            return drop(.malformedSTUN)
        }
        guard let participant = fragments[String(fragment)], let transport = participant.transport else {
            return drop(.unknownFragment)
        }
        let wasRestarting = transport.former
        switch transport.authenticate(message, bytes, fragment: fragment) {
        case .drop(let reason): drop(reason)
        case .refuse(let answer, let reason):
            drop(reason)
            outbox.append(answer, to: source)
        case .authentic(let credentials):
            guard addresses[source] != nil || !isOtherEnd(source) else { return drop(.unknownAddress) }
            if let owner = addresses[source], owner !== participant {
                // An address that is somebody's now is not had by naming it as one's source.
                guard owner.transport?.isAlive(at: source, now: now) != true else { return drop(.unknownAddress) }
                owner.transport?.forget(source)
            }
            let (answer, forgotten) = transport.accept(message, credentials, from: source, now: now)
            if let forgotten, addresses[forgotten] === participant { addresses[forgotten] = nil }
            addresses[source] = participant
            if let old = wasRestarting, transport.former == nil { fragments[old.fragment] = nil }
            outbox.append(answer, to: source)
            perform(transport.startIfDue(now: now), participant, now: now)
            flushDTLS(of: transport, to: transport.selected)
        }
    }

    private func receiveDTLS(_ datagram: UnsafeRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        guard let participant = addresses[source], let transport = participant.transport else {
            return drop(.unknownAddress)
        }
        perform(transport.receive(dtls: datagram, from: source, now: now), participant, now: now)
        flushDTLS(of: transport, to: transport.selected ?? source)
    }

    func flushDTLS(of transport: Transport, to destination: TransportAddress?) {
        guard let destination else { return }
        transport.dtls.takeDatagrams { outbox.append($0, to: destination) }
    }

    private func perform(_ outcome: Transport.SecurityOutcome, _ participant: Participant, now: MediaTime) {
        switch outcome {
        case .none: break
        case .established:
            counters.joins.note(now - participant.joinedNow)
            // What was waiting for this participant begins with a key frame.
            for section in participant.sendSections { section.restart() }
            hurry(now)
        case .closed: end(participant, .left, now: now)
        case .failed: end(participant, .timedOut, now: now)
        }
    }

    // MARK: Time

    private static let tickInterval = Duration.milliseconds(50)
    private static let hurriedInterval = Duration.milliseconds(10)
    /// While a link is probed: the padding of one cluster leaves in steps.
    private static let leastInterval = Duration.milliseconds(5)

    /// When to call ``handleTimeout(now:)`` at the latest; `nil` while nobody is here.
    package var deadline: MediaTime? {
        guard let nextStep else { return nextTick }
        return nextTick.map { min($0, nextStep) } ?? nextStep
    }

    /// Something is due sooner than the next tick.
    func hurry(_ now: MediaTime) { wake(at: now + Self.hurriedInterval) }

    private func wake(at time: MediaTime) {
        if let nextTick, nextTick <= time { return }
        nextTick = time
    }

    /// Does what is due. Cheap, and safe to call at any time.
    package func handleTimeout(now: MediaTime) {
        sendWaiting(now: now)
        guard let due = nextTick, due <= now else { return }
        var next = now + Self.tickInterval
        var lost: [Participant] = []
        for participant in participants.values {
            if now >= participant.lastHeard + Limits.icePatience {
                lost.append(participant)
                continue
            }
            if let transport = participant.transport {
                transport.dropSilentPath(now: now)
                let outcome = transport.handleTimeout(now: now)
                flushDTLS(of: transport, to: transport.selected)
                if case .failed = outcome { lost.append(participant) }
            }
            if writeFeedback(to: participant, now: now) { next = min(next, now + Self.hurriedInterval) }
            participant.manageBandwidth(into: outbox, now: now)
            next = min(next, max(participant.bandwidthDue(after: now), now + Self.leastInterval))
        }
        for participant in lost { end(participant, .timedOut, now: now) }
        for room in rooms.values where tick(room, now: now) { next = min(next, now + Self.hurriedInterval) }
        for room in formerRooms where tick(room, now: now) { next = min(next, now + Self.hurriedInterval) }
        nextTick = participants.isEmpty && roomCount == 0 ? nil : next
    }

    /// Answers whether something of it is due soon.
    private func tick(_ room: Room, now: MediaTime) -> Bool {
        if let endsAt = room.endsAt, now >= endsAt {
            end(room, .moved, now: now)
            return false
        }
        room.hearNewSpeakers(now: now)
        let isSpeakerCheck = now >= room.nextSpeakerCheck
        if isSpeakerCheck {
            room.nextSpeakerCheck = now + Room.speakerInterval
            if let speakers = room.takeSpeakers(now: now) {
                tellAll(of: room) { _ in .callSpeakers(CallSpeakers(participants: speakers)) }
            }
            for participant in room.seated {
                if !participant.knowsSpeakers {
                    participant.knowsSpeakers = true
                    tell(participant, .callSpeakers(CallSpeakers(participants: room.speakers)))
                }
                if let layers = participant.takeLayers(now: now) { tell(participant, .callLayers(layers)) }
            }
        }
        room.tap?.choose(in: room, now: now)
        if let report = room.takeReport(now: now) { notices.append(.report(report)) }
        tellStates(of: room, now: now)
        return tickRelays(of: room, isSpeakerCheck: isSpeakerCheck, now: now)
    }

    private func tellAll(of room: Room, _ frame: (Participant) -> ServerFrame) {
        for participant in room.seated { tell(participant, frame(participant)) }
    }

    func tell(_ participant: Participant, _ frame: ServerFrame) {
        guard participant.route.gateway != nil else { return }
        notices.append(.frame(frame, participantID: participant.id, route: participant.route))
    }
}
