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
    package private(set) var counters = WorkerCounters()
    /// What has to be told to others; taken by the caller after each turn.
    package internal(set) var notices: [Notice] = []
    let configuration: WorkerConfiguration
    var random: any RandomNumberGenerator
    /// Of the participant that joined last.
    var lastNumber = 0
    var rooms: [ChannelID: Room] = [:]
    var participants: [ParticipantID: Participant] = [:]
    /// Seats by the ICE fragment that checks name them by.
    var fragments: [String: Participant] = [:]
    /// Seats by the addresses that ICE validated.
    var addresses: [TransportAddress: Participant] = [:]
    private var nextTick: MediaTime?
    private var writer = RTCPWriter()
    private var numbers: [UInt16] = []
    /// Numbers that one compound may ask for: as many as are kept.
    private static let numbersPerCompound = PacketCache.packetCount
    private var numbersLeft = 0

    package init(configuration: WorkerConfiguration, random: any RandomNumberGenerator) {
        self.configuration = configuration
        self.random = random
        numbers.reserveCapacity(LossDetector.missingCount)
    }

    package var participantCount: Int { participants.count }
    package var roomCount: Int { rooms.count }
    /// ICE fragments and addresses that lead to seats.
    package var pathCount: Int { fragments.count + addresses.count }
    /// Whether nothing is kept of anyone.
    package var isEmpty: Bool { participants.isEmpty && rooms.isEmpty && fragments.isEmpty && addresses.isEmpty }

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

    private func receiveRTP(_ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        guard let participant = addresses[source] else { return drop(.unknownAddress) }
        guard let srtp = participant.transport?.srtp else { return drop(.notSecured) }
        guard let byteCount = srtp.unprotectRTP(datagram, count: datagram.count) else { return drop(.notAuthentic) }
        participant.transport?.noteMedia(from: source, now: now)
        let packet = UnsafeMutableRawBufferPointer(rebasing: datagram[..<byteCount])
        let bytes = UnsafeRawBufferPointer(packet)
        guard let header = RTPHeader(bytes.assumingMemoryBound(to: UInt8.self).span) else { return drop(.malformed) }
        participant.noteArrival(of: header, in: bytes, now: now)
        guard let stream = participant.stream(of: header, in: bytes) else { return drop(.unknownStream) }
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
        }
        encoding.publication.participant.room.tap?.record(forwarded, of: encoding, payload, now: now)
        if encoding.isImpatient { hurry(now) }
    }

    private func receiveRTCP(_ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, now: MediaTime) {
        guard let participant = addresses[source] else { return drop(.unknownAddress) }
        guard let srtp = participant.transport?.srtp else { return drop(.notSecured) }
        guard let byteCount = srtp.unprotectRTCP(datagram, count: datagram.count) else { return drop(.notAuthentic) }
        participant.transport?.noteMedia(from: source, now: now)
        numbersLeft = Self.numbersPerCompound
        let packet = UnsafeRawBufferPointer(rebasing: datagram[..<byteCount])
        let isWellFormed = RTCPPacket.forEach(in: packet.assumingMemoryBound(to: UInt8.self).span) { report in
            receive(report, of: participant, now: now)
        }
        if !isWellFormed { drop(.malformed) }
        participant.receiveFeedback(packet.assumingMemoryBound(to: UInt8.self).span, now: now)
        wake(at: participant.bandwidthDue(after: now))
    }

    private func receive(_ report: RTCPPacket, of participant: Participant, now: MediaTime) {
        switch report {
        case .senderReport(let ssrc, let ntp, let timestamp, _, _, let reports):
            participant.receive(reports, now: now)
            guard let encoding = participant.encoding(of: ssrc),
                encoding.receiveSenderReport(ntp: ntp, timestamp: timestamp, now: now)
            else { return }
            participant.room.tap?.report(encoding, ntp: ntp, timestamp: timestamp, now: now)
            for subscription in encoding.publication.subscriptions {
                send(to: subscription.participant) { writer in
                    _ = subscription.writeSenderReport(of: encoding, ntp: ntp, timestamp: timestamp, into: &writer)
                }
            }
        case .nack(_, let media, let sequenceNumbers):
            guard let section = participant.sendSections.first(where: { $0.ssrc == media }) else { return }
            counters.packetsAskedFor += sequenceNumbers.count
            let looked = sequenceNumbers.prefix(numbersLeft)
            numbersLeft -= looked.count
            counters.retransmittedPackets += section.retransmit(looked, into: outbox, now: now)
        case .pictureLoss(_, let media), .fullIntra(_, let media):
            guard let section = participant.sendSections.first(where: { $0.ssrc == media }) else { return }
            counters.keyFramesAskedFor += 1
            (section.encoding ?? section.target)?.wantKeyFrame()
            hurry(now)
        case .receiverReport(_, let reports): participant.receive(reports, now: now)
        case .bye, .other: break
        }
    }

    /// Sends what `write` puts into a compound packet, if anything.
    private func send(to participant: Participant, _ write: (inout RTCPWriter) -> Void) {
        guard let srtp = participant.transport?.srtp, let destination = participant.transport?.selected else { return }
        writer.removeAll(keepingCapacity: true)
        write(&writer)
        guard !writer.bytes.isEmpty else { return }
        outbox.append(to: destination) { place in
            guard writer.bytes.count + SRTPSession.trailingByteCount <= place.count else { return nil }
            place.copyBytes(from: writer.bytes)
            return srtp.protectRTCP(place, count: writer.bytes.count)
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
        perform(transport.receive(dtls: datagram, now: now), participant, now: now)
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
    package var deadline: MediaTime? { nextTick }

    /// Something is due sooner than the next tick.
    func hurry(_ now: MediaTime) { wake(at: now + Self.hurriedInterval) }

    private func wake(at time: MediaTime) {
        if let nextTick, nextTick <= time { return }
        nextTick = time
    }

    /// Does what is due. Cheap, and safe to call at any time.
    package func handleTimeout(now: MediaTime) {
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
        for room in rooms.values { tick(room, now: now) }
        nextTick = participants.isEmpty ? nil : next
    }

    /// Requests that are due and, once a second, the receiver report. Answers whether requests remain.
    private func writeFeedback(to participant: Participant, now: MediaTime) -> Bool {
        writeArrivals(to: participant, now: now)
        let isReportDue = now >= participant.nextReport
        let isImpatient = participant.publications.contains { $0.isImpatient }
        guard isReportDue || isImpatient else { return false }
        if isReportDue { participant.nextReport = now + Participant.reportInterval }
        send(to: participant) { writer in
            if isReportDue {
                let blocks = participant.publications.flatMap { publication in
                    publication.encodings.compactMap { $0.report(now: now) }
                }
                if !blocks.isEmpty {
                    writer.receiverReport(ssrc: participant.reporter, reports: blocks)
                    writer.sourceDescription(ssrc: participant.reporter, cname: participant.cname)
                }
            }
            for publication in participant.publications {
                for encoding in publication.encodings {
                    let asked = encoding.writeRequests(
                        from: participant.reporter, now: now, into: &writer, numbers: &numbers)
                    counters.packetsRequested += asked.packets
                    counters.keyFramesRequested += asked.keyFrames
                }
            }
        }
        return isImpatient
    }

    /// Feedback on the participant's packets, by which it learns how much it can send.
    private func writeArrivals(to participant: Participant, now: MediaTime) {
        guard let media = participant.publications.lazy.compactMap({ $0.encodings.lazy.compactMap(\.ssrc).first }).first
        else { return }
        if let bitrate = participant.takeEstimate(now: now) {
            let ssrcs = participant.publications.flatMap { $0.kind == .video ? $0.encodings.compactMap(\.ssrc) : [] }
            send(to: participant) { writer in
                writer.receiverEstimate(sender: participant.reporter, bitrate: bitrate, ssrcs: ssrcs)
            }
        }
        var isMore = true
        while isMore {
            isMore = false
            send(to: participant) { writer in
                isMore = writer.transportFeedback(
                    of: &participant.arrivals, sender: participant.reporter, media: media, now: now)
            }
        }
    }

    private func tick(_ room: Room, now: MediaTime) {
        if let endsAt = room.endsAt, now >= endsAt { return end(room: room.channelID, .moved, now: now) }
        room.hearNewSpeakers(now: now)
        if now >= room.nextSpeakerCheck {
            room.nextSpeakerCheck = now + Room.speakerInterval
            if let speakers = room.takeSpeakers(now: now) {
                tellAll(of: room) { _ in .callSpeakers(CallSpeakers(participants: speakers)) }
            }
            for participant in room.participants {
                if !participant.knowsSpeakers {
                    participant.knowsSpeakers = true
                    tell(participant, .callSpeakers(CallSpeakers(participants: room.speakers)))
                }
                if let layers = participant.takeLayers(now: now) { tell(participant, .callLayers(layers)) }
            }
        }
        room.tap?.choose(in: room, now: now)
        if let report = room.takeReport(now: now) { notices.append(.report(report)) }
        if let due = room.stateDue, now >= due {
            room.stateDue = nil
            room.assignSections(now: now)
            tellAll(of: room) { .callState($0.state()) }
        }
    }

    private func tellAll(of room: Room, _ frame: (Participant) -> ServerFrame) {
        for participant in room.participants { tell(participant, frame(participant)) }
    }

    func tell(_ participant: Participant, _ frame: ServerFrame) {
        guard participant.route.gateway != nil else { return }
        notices.append(.frame(frame, participantID: participant.id, route: participant.route))
    }
}
