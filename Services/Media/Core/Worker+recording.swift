package import Contracts
package import MediaSecurity

// Recordings of rooms, as far as the packets' thread has to do with them: it copies what is recorded into a ring.
extension Worker {
    /// Records a room from now on.
    /// - Throws: `not_found` if there is no such room or the person is not in it, `conflict` if it is recorded already.
    package func beginRecording(
        _ recording: CallRecording, of channel: ChannelID, into ring: RecordingRing, now: MediaTime
    ) throws(SeatError) {
        guard let room = rooms[channel], room.participants.contains(where: { $0.seat.userID == recording.userID })
        else { throw SeatError(.notFound, "Join the call to record it.") }
        guard room.tap == nil else { throw SeatError(.conflict, "The call is recorded already.") }
        let tap = RecordingTap(ring: ring)
        room.tap = tap
        room.recording = recording
        // Pictures begin with the next key frame: better now than when somebody's encoder has one anyway.
        for participant in room.participants {
            for publication in participant.publications {
                for encoding in publication.encodings { encoding.wantKeyFrame() }
            }
        }
        tellRecording(of: room, now: now)
    }

    /// Ends the recording, if it is this one. Why is told to all.
    package func endRecording(_ id: RecordingID, of channel: ChannelID, _ end: RecordingEnd, now: MediaTime) {
        guard let room = rooms[channel], let recording = room.recording, recording.id == id, recording.end == nil else {
            return
        }
        room.tap?.end(in: room)
        room.tap = nil
        room.recording = recording.ended(end)
        tellRecording(of: room, now: now)
    }

    /// What is recorded of a track cannot be decoded before its next key frame.
    package func wantRecordedKeyFrame(of track: UInt32, in channel: ChannelID, now: MediaTime) {
        guard let room = rooms[channel] else { return }
        room.tap?.wantKeyFrame(of: track, in: room)
        hurry(now)
    }

    private func tellRecording(of room: Room, now: MediaTime) {
        room.noteChange(now: now)
        hurry(now)
    }
}
