import Contracts
import MediaSecurity

/// Where the packets of a room go to be recorded: of each publication one encoding, the best that is sent, going over to
/// another at its key frame as a subscriber does. Owned by its room.
final class RecordingTap {
    let ring: RecordingRing
    private var trackCount: UInt32 = 0

    init(ring: RecordingRing) { self.ring = ring }

    /// Where a publication stands in the recording of its room.
    struct Place {
        let track: UInt32
        /// What is recorded.
        var encoding: Encoding?
        /// What is recorded from its next key frame on.
        var target: Encoding?
    }

    /// Records a packet, if it is of the encoding that is recorded. Neither allocates nor waits.
    func record(
        _ packet: ForwardedPacket, of encoding: Encoding, _ payload: UnsafeRawBufferPointer, now: MediaTime
    ) {
        let publication = encoding.publication
        guard publication.isActive, let codec = publication.codec, let ssrc = encoding.ssrc else { return }
        if publication.recordingPlace == nil, !begin(publication, now: now) { return }
        if publication.recordingPlace?.encoding !== encoding {
            guard publication.recordingPlace?.target === encoding, publication.kind == .audio || packet.isKeyFrame
            else { return }
            publication.recordingPlace?.encoding = encoding
            if let clock = encoding.clock { report(encoding, ntp: clock.ntp, timestamp: clock.timestamp, now: now) }
        }
        var entry = RecordingRing.Entry(kind: .packet, track: publication.recordingPlace?.track ?? 0)
        entry.codec = codec.codec.recordingCode
        var payload = payload
        if codec.codec == .red {
            // Of sound with copies of earlier packets only the sound itself.
            guard let own = RedundantAudio.primary(in: payload.assumingMemoryBound(to: UInt8.self).span) else { return }
            payload = UnsafeRawBufferPointer(rebasing: payload[own])
            entry.codec = Codec.opus.recordingCode
        }
        entry.hasMarker = packet.hasMarker
        entry.ssrc = ssrc
        entry.timestamp = packet.timestamp
        entry.sequence = packet.sequence
        entry.arrival = now.nanoseconds
        ring.write(entry, payload)
    }

    /// Passes on the sender's clock of an encoding that is recorded or may be.
    func report(_ encoding: Encoding, ntp: UInt64, timestamp: UInt32, now: MediaTime) {
        guard let place = encoding.publication.recordingPlace, let ssrc = encoding.ssrc else { return }
        var entry = RecordingRing.Entry(kind: .report, track: place.track)
        entry.ssrc = ssrc
        entry.timestamp = timestamp
        entry.ntp = ntp
        entry.arrival = now.nanoseconds
        ring.write(entry, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// The first packet of a publication: its track gets a number. Without room for that it is tried again at the next one.
    private func begin(_ publication: Publication, now: MediaTime) -> Bool {
        guard trackCount < UInt32(Limits.recordingTracks) else { return false }
        var entry = RecordingRing.Entry(kind: .track, track: trackCount + 1)
        entry.source = UInt8(CallSource.allCases.firstIndex(of: publication.source) ?? 0)
        entry.arrival = now.nanoseconds
        let seat = publication.participant.seat
        let ids = [seat.participantID.high, seat.participantID.low, seat.userID.high, seat.userID.low]
        guard ids.withUnsafeBytes({ ring.write(entry, $0) }) else { return false }
        trackCount += 1
        publication.recordingPlace = Place(
            track: trackCount, encoding: nil, target: publication.bestEncoding(now: now))
        publication.recordingPlace?.target?.wantKeyFrame()
        return true
    }

    /// Chooses anew what is recorded of each publication.
    func choose(in room: Room, now: MediaTime) {
        for participant in room.participants {
            for publication in participant.publications {
                guard let place = publication.recordingPlace else { continue }
                let best = publication.bestEncoding(now: now)
                guard place.target !== best else { continue }
                publication.recordingPlace?.target = best
                best.wantKeyFrame()
            }
        }
    }

    /// A track cannot be decoded before its next key frame.
    func wantKeyFrame(of track: UInt32, in room: Room) {
        for participant in room.participants {
            for publication in participant.publications where publication.recordingPlace?.track == track {
                publication.recordingPlace?.encoding?.wantKeyFrame()
            }
        }
    }

    /// Nothing is recorded any more.
    func end(in room: Room) {
        for participant in room.participants {
            for publication in participant.publications { publication.recordingPlace = nil }
        }
    }
}

extension Publication {
    fileprivate func bestEncoding(now: MediaTime) -> Encoding { encoding(atMost: encodings.count - 1, now: now) }
}

extension Codec {
    /// By which a recorder knows it; 0 if it does not.
    package var recordingCode: UInt8 {
        if self == .opus { return 1 }
        if self == .vp8 { return 2 }
        if self == .vp9 { return 3 }
        if isH264 { return 4 }
        if self == .av1 { return 5 }
        return 0
    }
}
