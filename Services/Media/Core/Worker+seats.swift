package import Contracts
package import MediaSecurity

// Who sits where: what the signalling asks of a worker, between two batches of packets.
extension Worker {
    /// Takes a seat, or takes it again on another connection.
    /// - Parameter isHome: whether the room's home is on this worker; if not, a relay to it has been opened.
    /// - Throws: `conflict` when the room is full, belongs to another epoch, or the seat is someone else's.
    package func join(
        _ seat: Seat, rights: CallRights = .ordinary, route: SeatRoute, isHome: Bool = true, joinedAt: Timestamp,
        now: MediaTime
    ) throws(SeatError) -> TakenSeat {
        setAside(movedRoom: seat.channelID)
        if let former = participants[seat.participantID], former.seat.isSame(as: seat), former.room.endsAt != nil {
            end(former, .moved, now: now)
        }
        if let known = participants[seat.participantID] {
            guard known.seat.isSame(as: seat) else { throw SeatError(.conflict, "The seat is taken.") }
            try raise(known.room, to: seat.epoch)
            if known.follow(rights) { noteChange(of: known.room, now: now) }
            if known.route != route {
                tell(known, .callEnded(CallEnded(participantID: known.id, reason: .replaced)))
                known.route = route
                // What was told on the former connection may have got lost with it.
                known.toldLayers = CallLayers(layers: [])
                known.knowsSpeakers = false
            }
            return TakenSeat(
                reply: SeatJoinReply(isResumed: known.transport != nil, state: known.state()), number: known.number,
                isFirst: false)
        }
        let room: Room
        if let known = rooms[seat.channelID] {
            guard known.isHome == isHome else { throw Self.moved }
            try raise(known, to: seat.epoch)
            room = known
        } else {
            guard isHome else { throw Self.moved }
            room = Room(
                channelID: seat.channelID, epoch: seat.epoch, isHome: true, openedAt: joinedAt, now: now)
            rooms[seat.channelID] = room
        }
        // A part of a room away from its home may have been opened for nobody but this seat.
        defer { endIfOver(room) }
        guard !room.isFull else {
            throw SeatError(.conflict, "The call is full: \(Limits.participantsPerCall) people are in it.")
        }
        guard room.participants.count(where: { $0.seat.userID == seat.userID }) < Limits.seatsPerUser else {
            throw SeatError(.conflict, "You are in this call on \(Limits.seatsPerUser) devices already.")
        }
        let mirror = room.participants.first { $0.id == seat.participantID }
        guard mirror?.seat.isSame(as: seat) ?? true else { throw SeatError(.conflict, "The seat is taken.") }
        lastNumber += 1
        let participant = Participant(
            seat: seat, rights: rights, number: lastNumber, route: route, joinedAt: joinedAt,
            reporter: room.freshSSRC(&random), relay: nil, room: room, now: now)
        participants[seat.participantID] = participant
        if let mirror {
            // The seat stood on another worker until now.
            participant.takeovers = mirror.takeovers + 1
            room.remove(mirror)
        }
        room.add(participant)
        changed(room, now: now)
        return TakenSeat(
            reply: SeatJoinReply(isResumed: false, state: participant.state()), number: participant.number,
            isFirst: isHome && room.participants.count == 1)
    }

    static let moved = SeatError(.conflict, "The call has moved; join again.")

    /// A room that was placed again on this node goes on, under the new epoch.
    private func raise(_ room: Room, to epoch: Int64) throws(SeatError) {
        guard room.epoch <= epoch else { throw Self.moved }
        room.raise(epoch: epoch)
    }

    /// The same for a placement that was found in Redis.
    package func raise(_ channel: ChannelID, to epoch: Int64) { rooms[channel]?.raise(epoch: epoch) }

    package func census() -> Census {
        Census(
            seats: participants.values.map { ($0.seat, $0.number) },
            rooms: rooms.filter { $0.value.isHome && $0.value.endsAt == nil }.mapValues(\.epoch),
            relays: Set(relayReporters.values.map(\.end.id)))
    }

    /// Answers an offer. The same offer again gets the same answer.
    /// - Throws: `not_found`, `conflict` for a number out of order, `validation_failed` for SDP that cannot be used,
    ///   `forbidden` for one by HTTP that publishes from the audience.
    /// - Parameter session: what the offer's SDP says; read elsewhere, because that is work.
    package func offer(
        _ request: SeatOfferRequest, _ session: NegotiatedSession, now: MediaTime
    ) throws(SeatError) -> CallAnswer {
        let participant = try seat(request.participantID, request.connectionID)
        let offer = request.offer
        if let answered = participant.answered {
            if answered.offer == offer { return answered.answer }
            guard offer.number > answered.offer.number else {
                throw SeatError(.conflict, "Offer \(answered.offer.number) was answered already.")
            }
        }
        if participant.route.gateway == nil, participant.rights.isAudience, !offer.publications.isEmpty {
            // Nobody could tell its holder why nobody gets anything.
            throw SeatError(.forbidden, "You are in the audience of this stage; a moderator can invite you to speak.")
        }
        if let objection = participant.objection(to: session, offer.publications) {
            throw SeatError(.validationFailed, objection)
        }
        // A client sends what its answer lists first: what all others read.
        let session = session.preferring(participant.room.videoCodecs(besides: participant))
        let transport = try transport(of: participant, for: session, now: now)
        participant.midID = session.id(of: .mid)
        participant.streamIDID = session.id(of: .streamID)
        participant.repairedStreamIDID = session.id(of: .repairedStreamID)
        participant.transportSequenceID = session.sections.lazy.map(\.transportSequenceID).first { $0 != 0 } ?? 0
        participant.apply(session, offer.publications, random: &random)
        var senders: [String: SenderIdentity] = [:]
        for section in participant.sendSections {
            senders[section.mid] = SenderIdentity(
                ssrc: section.ssrc, repairSSRC: section.hasRepair ? section.repairSSRC : nil,
                cname: participant.cname, streamID: "roost-\(section.mid)",
                trackID: "roost-\(section.mid)")
        }
        let sdp = session.answer(
            LocalDescription(
                fragment: transport.local.fragment, password: transport.local.password,
                fingerprint: configuration.certificate.fingerprint, role: transport.role,
                candidates: configuration.candidates, sessionID: participant.descriptionID, version: offer.number),
            senders: senders)
        let answer = CallAnswer(number: offer.number, sdp: sdp)
        participant.answered = (offer, answer)
        noteChange(of: participant.room, now: now)
        return answer
    }

    /// The participant's transport: new with the first offer, with new credentials when an offer restarts ICE.
    private func transport(
        of participant: Participant, for session: NegotiatedSession, now: MediaTime
    ) throws(SeatError) -> Transport {
        if let transport = participant.transport {
            guard transport.fingerprint == session.fingerprint else {
                throw SeatError(.conflict, "This seat has another peer connection; leave and join for a new one.")
            }
            guard session.setup.permits(transport.role) else {
                throw SeatError(.validationFailed, "The sides of DTLS stay as they were: offer a=setup:actpass.")
            }
            if participant.remoteFragment != session.remoteFragment {
                restart(participant, transport, with: session.remoteFragment)
            }
            return transport
        }
        let transport: Transport
        do {
            transport = try Transport(
                local: IceCredentials(using: &random), session: session, certificate: configuration.certificate,
                profiles: configuration.profiles, implementation: configuration.srtp, now: now)
        } catch {
            throw SeatError(.internalError, "The node could not prepare DTLS.")
        }
        participant.transport = transport
        participant.remoteFragment = session.remoteFragment
        participant.descriptionID = random.next() >> 2
        fragments[transport.local.fragment] = participant
        return transport
    }

    /// Turns sources on or off, raises or lowers the hand.
    package func update(_ request: SeatUpdateRequest, now: MediaTime) throws(SeatError) {
        let participant = try seat(request.participantID, request.connectionID)
        var isChanged = participant.raise(hand: request.update.isHandRaised, now: now)
        for publication in participant.publications
        where publication.follow(wish: request.update.active.contains(publication.source)) {
            isChanged = true
        }
        guard isChanged else { return }
        noteChange(of: participant.room, now: now)
    }

    /// What the participant shows, and how large: it gets that, and no more.
    package func view(_ request: SeatViewRequest, now: MediaTime) throws(SeatError) {
        let participant = try seat(request.participantID, request.connectionID)
        participant.view = request.view
        participant.nextAllocation = now
        hurry(now)
    }

    /// Gives up a seat; one that is gone, or another connection's, stays as it is.
    package func leave(_ request: SeatLeaveRequest, now: MediaTime) {
        guard let participant = participants[request.participantID],
            participant.route.connectionID == request.connectionID
        else { return }
        end(participant, .left, now: now)
    }

    /// Ends a seat whose right has ended.
    package func remove(_ id: ParticipantID, _ reason: CallEndReason, now: MediaTime) {
        if let participant = participants[id] { end(participant, reason, now: now) }
    }

    /// Ends a room, such as one that was placed elsewhere.
    package func end(room channelID: ChannelID, _ reason: CallEndReason, now: MediaTime) {
        for room in rooms(of: channelID) { end(room, reason, now: now) }
    }

    func end(_ room: Room, _ reason: CallEndReason, now: MediaTime) {
        for participant in room.seated { end(participant, reason, now: now) }
        closeRelays(of: room)
        endIfOver(room)
    }

    /// Tells every participant the state and the API who is where, because earlier notices may have been lost.
    package func tellAgain(now: MediaTime) {
        for room in rooms.values {
            for relay in room.relays { relay.forgetTold() }
            changed(room, now: now)
        }
    }

    func seat(_ id: ParticipantID, _ connection: ConnectionID) throws(SeatError) -> Participant {
        guard let participant = participants[id], participant.route.connectionID == connection else {
            throw SeatError(.notFound, "There is no such seat; join again.")
        }
        return participant
    }

    private func changed(_ room: Room, now: MediaTime) {
        room.noteArrival(now: now)
        noteChange(of: room, now: now)
    }

    func noteChange(of room: Room, now: MediaTime) {
        room.noteChange(now: now)
        hurry(now)
    }

    func end(_ participant: Participant, _ reason: CallEndReason, now: MediaTime) {
        guard participants.removeValue(forKey: participant.id) != nil else { return }
        let room = participant.room
        paced.removeAll { $0 === participant }
        tell(participant, .callEnded(CallEnded(participantID: participant.id, reason: reason)))
        if let transport = participant.transport {
            transport.dtls.close()
            flushDTLS(of: transport, to: transport.selected)
            fragments[transport.local.fragment] = nil
            if let former = transport.former { fragments[former.fragment] = nil }
            for address in transport.addresses where addresses[address] === participant { addresses[address] = nil }
        }
        room.remove(participant)
        notices.append(.ended(participant.seat, number: participant.number))
        changed(room, now: now)
        endIfOver(room)
    }
}
