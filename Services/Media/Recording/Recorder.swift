package import Contracts
import Glibc
package import MediaCore
package import MediaSecurity
import Synchronization

/// One thread that records one call: it takes what the worker put into the ring, and waits for disks so that the worker
/// need not.
///
/// SAFETY: `@unchecked Sendable` because the writer is touched by the thread alone from ``start()`` on, and all else is
/// immutable or locked.
package final class Recorder: @unchecked Sendable {
    /// What a recorder is told once.
    package struct Bounds: Sendable {
        package var duration = Limits.recordingDuration
        package var byteCount = Limits.recordingByteCount
        package var freeByteCount = Limits.recordingFreeByteCount

        package init() {}
    }

    /// How often it looks into the ring, writes what was gathered, and has the disk keep it.
    private static let interval = Duration.milliseconds(20)
    private static let writeInterval = Duration.milliseconds(250)
    private static let keepInterval = Duration.seconds(1)

    package let ring: RecordingRing
    private let folder: RecordingFolder
    private let writer: RecordingWriter
    private let origin: MediaTime
    private let bounds: Bounds
    private let clock: @Sendable () -> MediaTime
    private let wantKeyFrame: @Sendable (UInt32) -> Void
    private let ended: @Sendable (RecordingEnd, RecordingFailure?) -> Void
    private let stopping = Mutex<RecordingEnd?>(nil)
    private var nextWrite: MediaTime
    private var nextKeep: MediaTime

    /// - Parameters:
    ///   - clock: the worker's.
    ///   - wantKeyFrame: told the number of a track that cannot be decoded before one.
    ///   - ended: told on the recorder's thread when all files are ended, why, and what went wrong if anything did.
    package init(
        folder: RecordingFolder, manifest: RecordingManifest, ring: RecordingRing = RecordingRing(),
        bounds: Bounds = Bounds(), clock: @escaping @Sendable () -> MediaTime,
        wantKeyFrame: @escaping @Sendable (UInt32) -> Void,
        ended: @escaping @Sendable (RecordingEnd, RecordingFailure?) -> Void
    ) throws(RecordingFailure) {
        self.ring = ring
        self.folder = folder
        self.bounds = bounds
        self.clock = clock
        self.wantKeyFrame = wantKeyFrame
        self.ended = ended
        origin = clock()
        nextWrite = origin
        nextKeep = origin
        writer = try RecordingWriter(folder: folder, manifest: manifest, origin: origin)
    }

    package func start() {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Recorder>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(result == 0, "A process may start a thread a recording.")
        pthread_detach(thread)
    }

    /// Ends the recording after what is in the ring by now. The first reason counts.
    package func stop(_ end: RecordingEnd) { stopping.withLock { $0 = $0 ?? end } }

    private func run() {
        var failure: RecordingFailure?
        var end: RecordingEnd?
        while end == nil {
            // Asked before the ring is drained, so that what was put in before it is recorded.
            let asked = stopping.withLock { $0 }
            do throws(RecordingFailure) {
                end = try turn() ?? asked
            } catch {
                failure = error
                end = error.end
            }
            if end == nil { Self.rest() }
        }
        do throws(RecordingFailure) {
            try writer.finish(end ?? .stopped, now: clock())
        } catch { failure = failure ?? error }
        ended(end ?? .stopped, failure)
    }

    /// Does what is due. Answers why the recording has to end, if it has.
    private func turn() throws(RecordingFailure) -> RecordingEnd? {
        let now = clock()
        try writer.drain(ring, now: now)
        try writer.advance(now: now, wantKeyFrame: wantKeyFrame)
        if now >= nextWrite {
            nextWrite = now + Self.writeInterval
            try writer.write()
        }
        guard now >= nextKeep else { return nil }
        nextKeep = now + Self.keepInterval
        try writer.synchronize()
        if now - origin >= bounds.duration || writer.byteCount >= bounds.byteCount { return .limitReached }
        if let free = folder.freeByteCount, free < bounds.freeByteCount { return .diskFull }
        return nil
    }

    private static func rest() {
        var time = timespec(tv_sec: 0, tv_nsec: Int(interval.wholeNanoseconds))
        nanosleep(&time, nil)
    }
}
