package import Contracts
package import MediaCore
package import MediaSecurity

/// The files of one recording: what the worker put into the ring becomes frames, each in its track's file, and the voices
/// besides one track of all. Owned by one recorder's thread; it writes, and reads no clock.
package final class RecordingWriter {
    /// What belongs to one number in the ring.
    private struct Track {
        let userID: UserID
        let source: CallSource
        var recorder: TrackRecorder
        var file: RecordingFile?
        var codec: RecordedCodec?
    }

    private let folder: RecordingFolder
    private let origin: MediaTime
    private var manifest: RecordingManifest
    private var clock: RoomClock
    private var tracks: [UInt32: Track] = [:]
    private var mixer: AudioMixer?
    private var mixedFile: RecordingFile?
    /// Bytes of files that are not written any more.
    private var closedByteCount: Int64 = 0
    /// The files that are being written.
    private var files: [RecordingFile] { tracks.values.compactMap(\.file) + [mixedFile].compactMap(\.self) }

    /// Begins in an empty folder.
    /// - Parameter origin: time zero, by the worker's clock.
    package init(
        folder: RecordingFolder, manifest: RecordingManifest, origin: MediaTime
    ) throws(RecordingFailure) {
        self.folder = folder
        self.manifest = manifest
        self.origin = origin
        clock = RoomClock(origin: origin)
        try folder.write(manifest)
    }

    package var byteCount: Int64 { closedByteCount + files.reduce(0) { $0 + $1.byteCount } }

    // MARK: What comes

    /// Takes everything that is in the ring.
    package func drain(_ ring: RecordingRing, now: MediaTime) throws(RecordingFailure) {
        var failure: RecordingFailure?
        while failure == nil,
            ring.read({ entry, bytes in
                do throws(RecordingFailure) {
                    try receive(entry, bytes, now: now)
                } catch { failure = error }
            })
        {}
        if let failure { throw failure }
    }

    private func receive(
        _ entry: RecordingRing.Entry, _ bytes: UnsafeRawBufferPointer, now: MediaTime
    ) throws(RecordingFailure) {
        switch entry.kind {
        case .track: begin(entry, bytes)
        case .report: tracks[entry.track]?.recorder.receiveReport(entry, clock: &clock)
        case .packet:
            let arrival = MediaTime(nanoseconds: entry.arrival)
            let outputs = tracks[entry.track]?.recorder.receive(entry, Array(bytes), clock: &clock, now: arrival)
            for output in outputs ?? [] { try write(output, of: entry.track) }
        }
    }

    private func begin(_ entry: RecordingRing.Entry, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32, Int(entry.source) < CallSource.allCases.count else { return }
        func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
        // All streams of one seat are of one clock.
        let owner = word(0) ^ word(1)
        tracks[entry.track] = Track(
            userID: UserID(high: word(2), low: word(3)), source: CallSource.allCases[Int(entry.source)],
            recorder: TrackRecorder(owner: owner))
    }

    // MARK: Time

    /// Gives up what is missing for too long, and mixes what is complete.
    /// - Parameter wantKeyFrame: asked for tracks that cannot be decoded before one.
    package func advance(now: MediaTime, wantKeyFrame: (UInt32) -> Void) throws(RecordingFailure) {
        for number in Array(tracks.keys) {
            let outputs = tracks[number]?.recorder.advance(clock: &clock, now: now, isEnd: false)
            for output in outputs ?? [] { try write(output, of: number) }
            if tracks[number]?.recorder.takeRequest(now: now) == true { wantKeyFrame(number) }
        }
        try mix(to: now - origin, isEnd: false)
    }

    /// Writes what was gathered.
    package func write() throws(RecordingFailure) {
        for file in files { try file.write() }
    }

    /// Has the disk keep what was written.
    package func synchronize() throws(RecordingFailure) {
        for file in files { try file.synchronize() }
    }

    /// Ends all files as well as it can be done; a first failure is told after all were tried.
    package func finish(_ end: RecordingEnd, now: MediaTime) throws(RecordingFailure) {
        var failure: RecordingFailure?
        func attempt(_ work: () throws(RecordingFailure) -> Void) {
            do throws(RecordingFailure) { try work() } catch { failure = failure ?? error }
        }
        for number in Array(tracks.keys) {
            let outputs = tracks[number]?.recorder.advance(clock: &clock, now: now, isEnd: true)
            for output in outputs ?? [] { attempt { () throws(RecordingFailure) in try write(output, of: number) } }
        }
        attempt { () throws(RecordingFailure) in try mix(to: now - origin, isEnd: true) }
        for file in files { attempt { () throws(RecordingFailure) in try file.finish() } }
        manifest.end = end
        attempt { () throws(RecordingFailure) in try folder.write(manifest) }
        if let failure { throw failure }
    }

    // MARK: Files

    private func write(_ output: TrackRecorder.Output, of number: UInt32) throws(RecordingFailure) {
        guard let track = tracks[number] else { return }
        if let format = output.format, track.file == nil || track.codec != output.codec {
            // Another codec is another file.
            if let former = track.file {
                try former.finish()
                closedByteCount += former.byteCount
            }
            tracks[number]?.file = try makeFile(format, speaker: track.userID, source: track.source)
            tracks[number]?.codec = output.codec
        }
        try tracks[number]?.file?.append(output.frame, duration: output.duration)
        guard !output.codec.isVideo else { return }
        if mixer == nil { try beginMix() }
        mixer?.receive(output.frame.bytes, of: number, at: output.frame.time, lostCount: output.lostCount)
    }

    private func beginMix() throws(RecordingFailure) {
        guard mixedFile == nil, let mixer = AudioMixer() else { return }
        self.mixer = mixer
        mixedFile = try makeFile(mixer.format, speaker: nil, source: nil)
    }

    private func mix(to time: Duration, isEnd: Bool) throws(RecordingFailure) {
        guard let frames = mixer?.advance(to: time, isEnd: isEnd) else { return }
        for frame in frames { try mixedFile?.append(frame, duration: AudioMixer.frameDuration) }
    }

    private func makeFile(
        _ format: RecordedFormat, speaker: UserID?, source: CallSource?
    ) throws(RecordingFailure) -> RecordingFile {
        let number = manifest.files.count + 1
        let name = "\(number)-\(source?.rawValue ?? "mixed").\(format.fileExtension)"
        let entry = RecordingManifest.File(
            name: name, speakerID: speaker, source: source, number: number, mediaType: format.mediaType,
            width: format.size?.width, height: format.size?.height)
        let file = try RecordingFile(
            path: folder.path(of: entry), format: format, startedAt: manifest.startedAt, uid: UInt64(number))
        manifest.files.append(entry)
        try folder.write(manifest)
        return file
    }
}
