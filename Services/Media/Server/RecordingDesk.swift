import Contracts
import Logging
import MediaCore
import MediaRecording
import MediaSecurity
import NIOPosix
import RedisBus
import ServiceKit

/// The recordings of this node: which run, on which worker, and what becomes of them when they end.
actor RecordingDesk {
    /// A recording that runs.
    private struct Running {
        let recording: CallRecording
        let channel: ChannelID
        let recorder: Recorder
        let folder: RecordingFolder
        let worker: WorkerThread
    }

    private let root: String?
    private let delivery: RecordingDelivery?
    private let logger: Logger
    private var running: [RecordingID: Running] = [:]
    /// Those that are about to begin.
    private var starting: Set<RecordingID> = []

    init(configuration: MediaConfiguration, bus: RedisBus, logger: Logger) {
        root = configuration.recordings
        delivery = configuration.apiURL.map { RecordingDelivery(bus: bus, apiURL: $0, logger: logger) }
        self.logger = logger
    }

    // MARK: Beginning and end

    func start(_ request: RecordingStartRequest, on worker: WorkerThread) async throws -> CallRecording {
        if let known = running[request.recordingID] { return known.recording }
        guard let root else { throw BusFailure(.unavailable, "This media node keeps no recordings.") }
        guard running.count + starting.count < Limits.recordingsPerNode else {
            throw BusFailure(.unavailable, "This media node records as many calls as it can. Try again later.")
        }
        guard starting.insert(request.recordingID).inserted else {
            throw BusFailure(.unavailable, "The recording is about to begin.")
        }
        defer { starting.remove(request.recordingID) }
        let recording = CallRecording(id: request.recordingID, userID: request.userID, startedAt: .now)
        let manifest = RecordingManifest(
            id: recording.id, channelID: request.channelID, userID: request.userID, startedAt: recording.startedAt)
        let begun = try await begin(recording, manifest, in: root, on: worker)
        let ring = begun.recorder.ring
        let result = await worker.perform { worker, now in
            Result { () throws(SeatError) in
                try worker.beginRecording(recording, of: manifest.channelID, into: ring, now: now)
            }
        }
        if case .failure(let error) = result {
            await discard(begun.folder)
            throw BusFailure(error.code, error.detail)
        }
        running[recording.id] = begun
        begun.recorder.start()
        logger.info("recording", metadata: ["recording": "\(recording.id)", "channel": "\(request.channelID)"])
        return recording
    }

    /// Makes the folder and the recorder, away from the threads that must not wait for disks.
    private func begin(
        _ recording: CallRecording, _ manifest: RecordingManifest, in root: String, on worker: WorkerThread
    ) async throws -> Running {
        let (id, channel) = (recording.id, manifest.channelID)
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                let folder = try RecordingFolder(path: "\(root)/\(id)", makingRoot: true)
                guard (folder.freeByteCount ?? 0) > Limits.recordingFreeByteCount else {
                    try folder.remove()
                    throw BusFailure(.unavailable, "The media node's disk is full: nothing can be recorded now.")
                }
                let recorder = try Recorder(
                    folder: folder, manifest: manifest, clock: { .now },
                    wantKeyFrame: { track in
                        worker.post { $0.wantRecordedKeyFrame(of: track, in: channel, now: $1) }
                    },
                    ended: { end, failure in Task { await self.ended(id, end, failure) } })
                return Running(
                    recording: recording, channel: channel, recorder: recorder, folder: folder, worker: worker)
            }
        } catch let failure as RecordingFailure {
            logger.error("cannot record", metadata: ["error": "\(failure)"])
            throw BusFailure(.unavailable, "The media node cannot write recordings.")
        }
    }

    private func discard(_ folder: RecordingFolder) async {
        do {
            try await NIOThreadPool.singleton.runIfActive { try folder.remove() }
        } catch {
            logger.warning("an empty recording stays", metadata: ["folder": "\(folder.path)", "error": "\(error)"])
        }
    }

    /// Ends the recording of a channel.
    func stop(_ channel: ChannelID) async throws -> CallRecording {
        // The latest: one that a call's move has ended may still be closing its files.
        let ofChannel = running.values.filter { $0.channel == channel }
        guard let known = ofChannel.max(by: { $0.recording.startedAt < $1.recording.startedAt }) else {
            throw BusFailure(.notFound, "The call is not recorded.")
        }
        // First what is told to all, then the file: nothing is recorded that nobody knows of.
        let id = known.recording.id
        await known.worker.perform { worker, now in worker.endRecording(id, of: channel, .stopped, now: now) }
        known.recorder.stop(.stopped)
        return known.recording.ended(.stopped)
    }

    /// All have left.
    func roomOver(_ id: RecordingID) { running[id]?.recorder.stop(.stopped) }

    /// A recorder has ended its files.
    private func ended(_ id: RecordingID, _ end: RecordingEnd, _ failure: RecordingFailure?) async {
        guard let known = running.removeValue(forKey: id) else { return }
        let channel = known.channel
        known.worker.post { worker, now in worker.endRecording(id, of: channel, end, now: now) }
        logger.info(
            "recorded",
            metadata: [
                "recording": "\(id)", "end": "\(end)", "lost": "\(known.recorder.ring.droppedCount)",
                "failure": "\(failure.map { "\($0)" } ?? "none")",
            ])
        await delivery?.deliver(known.folder)
    }

    // MARK: What a node leaves

    /// Takes over what a node that died has left here, and what could not be delivered before.
    func adoptLeftovers() async {
        guard let root, let delivery else { return }
        let folders =
            (try? await NIOThreadPool.singleton.runIfActive { RecordingFolder.leftovers(in: root) }) ?? []
        for folder in folders {
            logger.notice("a recording was left here", metadata: ["folder": "\(folder.path)"])
            await delivery.deliver(folder)
        }
    }

    /// Whether all files are whole. What is not delivered by then is delivered after the next start.
    var isWritten: Bool { running.isEmpty && starting.isEmpty }
}
