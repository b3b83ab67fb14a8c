package import Contracts
package import MediaSecurity

// Rooms that have their seats on several workers, of one node or more: one is the room's home, each of the others has a
// relay to it.
extension Worker {
    /// Which relay a packet from another worker is of: two rooms may go between the same two.
    struct RelayKey: Hashable {
        let address: TransportAddress
        let ssrc: UInt32
    }

    /// Holds one end of a relay from now on. At home the room is opened for it if nobody is there any more.
    /// - Returns: what the other end is to be told first.
    /// - Throws: `conflict` if the room is here but its home is not where the relay says, `internal_error` if the keys cannot
    ///   be used.
    package func open(
        _ end: RelayEnd, epoch: Int64, openedAt: Timestamp, now: MediaTime
    ) throws(SeatError) -> RelayRoster {
        setAside(movedRoom: end.channelID)
        let known = rooms[end.channelID]
        guard known.map({ $0.isHome && end.isHome }) ?? true else {
            throw Self.moved
        }
        let room =
            known
            ?? Room(channelID: end.channelID, epoch: epoch, isHome: end.isHome, openedAt: openedAt, now: now)
        let relay: Relay
        do {
            relay = try Relay(end, room: room, implementation: configuration.srtp, now: now)
        } catch {
            throw SeatError(.internalError, "The node could not prepare SRTP.")
        }
        rooms[end.channelID] = room
        room.relays.append(relay)
        relayReporters[end.remoteReporter] = relay
        list(relay)
        relaySSRCs.insert(end.reporter)
        hurry(now)
        listTracks(of: relay)
        let roster = room.roster(for: relay)
        return relay.takeRoster(roster) ?? roster
    }

    /// What the other end of a relay tells. Answers whether this end is open.
    @discardableResult
    package func receive(_ message: RelayMessage, of id: RelayID, now: MediaTime) -> Bool {
        guard let relay = relays.values.first(where: { $0.end.id == id }) else { return false }
        switch message {
        case .demand(let ssrcs): relay.receive(demand: ssrcs)
        case .move: if !relay.room.isHome { move(relay.room, now: now) }
        case .close: close(relay, now: now)
        case .roster(let roster): receive(roster, by: relay, now: now)
        }
        return true
    }

    private func receive(_ roster: RelayRoster, by relay: Relay, now: MediaTime) {
        guard relay.takeNews(roster) else { return }
        let room = relay.room
        for told in roster.participants { endTakenOver(told, in: room, by: relay, now: now) }
        guard room.relays.contains(where: { $0 === relay }) else { return }
        var mirrors: [ParticipantID: Participant] = [:]
        var isArrival = false
        for told in roster.participants
        where !room.participants.contains(where: { $0.id == told.participantID && $0.relay !== relay }) {
            // One who took a seat elsewhere meanwhile is not in the room any more.
            let known = relay.mirrors[told.participantID].flatMap { known in
                room.participants.contains { $0 === known } ? known : nil
            }
            let mirror = known ?? mirror(told, by: relay, now: now)
            if known == nil {
                room.add(mirror)
                isArrival = true
            }
            mirror.follow(told, now: now)
            mirrors[told.participantID] = mirror
        }
        for (id, mirror) in relay.mirrors where mirrors[id] == nil {
            room.remove(mirror)
            isArrival = true
        }
        unlist(relay)
        relay.replace(mirrors: mirrors)
        list(relay)
        if !relay.end.isHome { room.recording = roster.recording }
        if isArrival { room.noteArrival(now: now) }
        noteChange(of: room, now: now)
    }

    /// Somebody took a seat at the other end that stood here, or behind another relay: whoever took it last has it.
    private func endTakenOver(_ told: RelayedParticipant, in room: Room, by relay: Relay, now: MediaTime) {
        guard let other = room.participants.first(where: { $0.id == told.participantID && $0.relay !== relay }),
            other.seat.userID == told.userID, other.seat.sessionID == told.sessionID,
            (other.takeovers, other.joinedAt) < (told.takeovers, told.joinedAt)
        else { return }
        if other.relay == nil { end(other, .replaced, now: now) } else { room.remove(other) }
    }

    /// Which relay brings somebody, one of a room that has moved left out; `nil` for who sits on this worker, or nowhere.
    package func relay(of participant: ParticipantID) -> RelayID? {
        relays.values.first { $0.mirrors[participant] != nil && $0.room.endsAt == nil }?.end.id
    }

    private func mirror(_ told: RelayedParticipant, by relay: Relay, now: MediaTime) -> Participant {
        let seat = Seat(
            participantID: told.participantID, userID: told.userID, sessionID: told.sessionID,
            channelID: relay.room.channelID, epoch: relay.room.epoch)
        lastNumber += 1
        return Participant(
            seat: seat, rights: told.rights, number: lastNumber, route: .elsewhere, joinedAt: told.joinedAt,
            reporter: relay.room.freshSSRC(&random), relay: relay, room: relay.room, now: now)
    }

    /// What comes from where the other end is, by the SSRCs of its reports and streams, is the relay's.
    private func list(_ relay: Relay) {
        for ssrc in relay.ssrcs { relays[RelayKey(address: relay.address, ssrc: ssrc)] = relay }
    }

    private func unlist(_ relay: Relay) {
        for ssrc in relay.ssrcs { relays[RelayKey(address: relay.address, ssrc: ssrc)] = nil }
    }

    /// The other end of a relay is gone. At home those behind it have left; where it was the home everyone is told to join
    /// where it is now.
    private func close(_ relay: Relay, now: MediaTime) {
        let room = relay.room
        drop(relay)
        if !room.isHome { move(room, now: now) }
        room.noteArrival(now: now)
        noteChange(of: room, now: now)
        endIfOver(room)
    }

    private func drop(_ relay: Relay) {
        unlist(relay)
        if relayReporters[relay.end.remoteReporter] === relay { relayReporters[relay.end.remoteReporter] = nil }
        relaySSRCs.remove(relay.end.reporter)
        relay.carryNothing()
        for section in relay.sendSections { relaySSRCs.subtract([section.ssrc, section.repairSSRC]) }
        for mirror in relay.mirrors.values { relay.room.remove(mirror) }
        relay.room.relays.removeAll { $0 === relay }
    }

    /// A room ends with its last seat; away from its home with the last on this worker.
    func endIfOver(_ room: Room) {
        let isFormer = formerRooms.contains { $0 === room }
        guard isFormer || rooms[room.channelID] === room, room.isOver else { return }
        if isFormer { formerRooms.removeAll { $0 === room } } else { rooms[room.channelID] = nil }
        closeRelays(of: room)
        guard room.isHome, !isFormer else { return }
        notices.append(.report(room.report()))
        if room.tap != nil, let recording = room.recording { notices.append(.recordingOver(recording.id)) }
    }

    /// Ends the relays of a room at both ends.
    func closeRelays(of room: Room) {
        for relay in room.relays {
            notices.append(.relay(.close, of: relay.end.id, toHome: !relay.end.isHome))
            drop(relay)
        }
    }

    // MARK: Where the other ends are

    /// The relay whose other end a report from an unknown address may be of, by its SSRC. A node that has several addresses, or
    /// translators before it, reaches this one from another than it announced. To be sent to where it is, it must know the
    /// keys, as a stranger does not, who has to guess the SSRC before anything is decrypted for them at all.
    func strayRelay(
        of report: UnsafeMutableRawBufferPointer, from source: TransportAddress, now: MediaTime
    ) -> Relay? {
        guard !relayReporters.isEmpty, source.kind == .udp, report.count >= 8 else { return nil }
        let ssrc = UInt32(bigEndian: report.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard let relay = relayReporters[ssrc], relay.takesStray(now: now) else { return nil }
        return relay
    }

    /// An authentic report came from there.
    func follow(_ relay: Relay, to source: TransportAddress) {
        unlist(relay)
        relay.move(to: source)
        list(relay)
    }

    /// Whether another worker is there: no seat is.
    func isOtherEnd(_ source: TransportAddress) -> Bool {
        let address = source.byAnyLocalAddress
        return relayReporters.values.contains { $0.address == address }
    }

    // MARK: Time

    /// Tells the other ends what they do not know yet.
    func tellRelays(of room: Room) {
        for relay in room.relays { tell(relay) }
    }

    private func tell(_ relay: Relay) {
        listTracks(of: relay)
        if let roster = relay.takeRoster(relay.room.roster(for: relay)) {
            notices.append(.relay(.roster(roster), of: relay.end.id, toHome: !relay.end.isHome))
        }
    }

    /// Each encoding of those who sit here, or behind another relay, has a track on this one.
    private func listTracks(of relay: Relay) {
        let publications = relay.room.participants.filter { $0.relay !== relay }.flatMap(\.publications)
        relay.carry(publications.flatMap(\.encodings)) { section, kind in
            SendSection(
                section: section, kind: kind, ssrcs: (freshRelaySSRC(), freshRelaySSRC()),
                // In the lower half, as a participant's (RFC 3711 §3.3.1).
                sequence: UInt16(truncatingIfNeeded: random.next()) & 0x7FFF,
                timestamp: UInt32(truncatingIfNeeded: random.next()), peer: relay)
        }
    }

    /// The other end tells the relays between two workers apart by their SSRCs.
    private func freshRelaySSRC() -> UInt32 {
        while true {
            let ssrc = UInt32(truncatingIfNeeded: random.next())
            if ssrc != 0, relaySSRCs.insert(ssrc).inserted { return ssrc }
        }
    }

    /// What is due on the relays of a room. Answers whether requests remain.
    func tickRelays(of room: Room, isSpeakerCheck: Bool, now: MediaTime) -> Bool {
        var isImpatient = false
        for relay in room.relays {
            if now >= relay.lastHeard + relay.end.patience {
                // Or the node would take the relay for open, and give nobody a seat behind it any more.
                notices.append(.relay(.close, of: relay.end.id, toHome: !relay.end.isHome))
                close(relay, now: now)
                continue
            }
            relay.choose()
            if isSpeakerCheck, let demand = relay.takeDemand(now: now) {
                notices.append(.relay(.demand(demand), of: relay.end.id, toHome: !relay.end.isHome))
            }
            if writeRequests(to: relay, now: now) { isImpatient = true }
        }
        return isImpatient
    }
}
