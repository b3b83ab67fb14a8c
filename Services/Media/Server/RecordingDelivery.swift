import AsyncHTTPClient
import Contracts
import Logging
import MediaRecording
import NIOCore
import NIOHTTP1
import NIOPosix
import RedisBus
import ServiceKit

/// Brings ended recordings to the file store and has them posted, one at a time: the API says where each file goes, takes
/// its bytes over HTTP, and posts them all. What is done is noted in the recording's manifest, so that a node that dies goes
/// on where it was; the folder goes when all is done.
actor RecordingDelivery {
    /// The pauses between attempts.
    private static let retry = Duration.seconds(1)...Duration.seconds(60)
    /// One file takes no longer than this: the largest over a slow link.
    private static let uploadDeadline = TimeAmount.hours(2)
    private static let chunkByteCount = 128 * 1024

    private let bus: RedisBus
    private let apiURL: String
    private let logger: Logger
    private var waiting: [RecordingFolder] = []
    private var isDelivering = false

    init(bus: RedisBus, apiURL: String, logger: Logger) {
        self.bus = bus
        self.apiURL = apiURL
        self.logger = logger
    }

    func deliver(_ folder: RecordingFolder) {
        waiting.append(folder)
        guard !isDelivering else { return }
        isDelivering = true
        Task { await work() }
    }

    private func work() async {
        var pause = Self.retry.lowerBound
        while let folder = waiting.first {
            waiting.removeFirst()
            do {
                try await deliverOnce(folder)
                pause = Self.retry.lowerBound
            } catch BusError.failed(let failure) where Self.isFinal(failure.code) {
                leave(folder, "\(failure.detail)")
            } catch let failure as RecordingFailure where failure.end != .diskFull {
                leave(folder, "\(failure)")
            } catch {
                // Others may fare better meanwhile.
                waiting.append(folder)
                logger.debug("recording waits", metadata: ["folder": "\(folder.path)", "error": "\(error)"])
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, Self.retry.upperBound)
            }
        }
        isDelivering = false
    }

    private func leave(_ folder: RecordingFolder, _ why: String) {
        logger.error(
            "a recording cannot be posted and stays here; it is tried again when the node starts",
            metadata: ["folder": "\(folder.path)", "why": "\(why)"])
    }

    /// The channel is gone, or who recorded it has left it: the same request will not do later either.
    private static func isFinal(_ code: ErrorCode) -> Bool {
        code == .notFound || code == .malformedRequest || code == .forbidden
    }

    private func deliverOnce(_ folder: RecordingFolder) async throws {
        let prepared = try await NIOThreadPool.singleton.runIfActive { try Self.prepare(folder) }
        guard var manifest = prepared.manifest, !prepared.sizes.isEmpty else {
            return try await NIOThreadPool.singleton.runIfActive { try folder.remove() }
        }
        for index in manifest.files.indices where !manifest.files[index].isUploaded {
            guard let size = prepared.sizes[manifest.files[index].name] else { continue }
            try await upload(index, size, of: &manifest, in: folder)
        }
        let files = manifest.files.filter { $0.speakerID == nil } + manifest.files.filter { $0.speakerID != nil }
        let longest = prepared.sizes.values.map(\.duration).max() ?? .zero
        let request = RecordingPostRequest(
            recordingID: manifest.id, channelID: manifest.channelID, userID: manifest.userID,
            startedAt: manifest.startedAt, milliseconds: Int(longest / .milliseconds(1)), end: manifest.end,
            fileIDs: files.filter(\.isUploaded).compactMap(\.fileID))
        do {
            _ = try await bus.request(.recordingPost, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        } catch BusError.failed(let failure) where failure.code == .validationFailed {
            // Uploads that were not posted in time are gone: once more, from the beginning.
            for index in manifest.files.indices { manifest.files[index].forgetUpload() }
            try await note(manifest, in: folder)
            throw BusError.failed(failure)
        }
        try await NIOThreadPool.singleton.runIfActive { try folder.remove() }
        logger.info("recording posted", metadata: ["recording": "\(manifest.id)"])
    }

    /// Ends the files that nobody ended, and measures them; those without a frame are left out.
    /// - Throws: when one cannot be read: what is not known to be empty is not thrown away.
    private static func prepare(
        _ folder: RecordingFolder
    ) throws(RecordingFailure) -> (manifest: RecordingManifest?, sizes: [String: RecordingRepair.Result]) {
        guard let manifest = try folder.readManifest() else { return (nil, [:]) }
        var sizes: [String: RecordingRepair.Result] = [:]
        for file in manifest.files {
            // A file that could not be ended plays too.
            try? RecordingRepair.finish(folder.path(of: file))
            sizes[file.name] = try RecordingRepair.measure(folder.path(of: file))
        }
        return (manifest, sizes)
    }

    /// Uploads one file, to where the API said before if it said so.
    private func upload(
        _ index: Int, _ size: RecordingRepair.Result, of manifest: inout RecordingManifest, in folder: RecordingFolder
    ) async throws {
        let path: String
        if let known = manifest.files[index].uploadPath {
            path = known
        } else {
            let reply = try await reserve(manifest.files[index], size, of: manifest)
            manifest.files[index].fileID = reply.fileID
            manifest.files[index].uploadPath = reply.uploadPath
            try await note(manifest, in: folder)
            path = reply.uploadPath
        }
        let status = try await put(folder.path(of: manifest.files[index]), size.byteCount, to: path)
        switch status {
        case 200..<300: manifest.files[index].isUploaded = true
        // The link has ended, or what was reserved is gone: reserve anew.
        case 403, 404, 409, 410: manifest.files[index].forgetUpload()
        default: throw UploadRefused(status: status)
        }
        try await note(manifest, in: folder)
        if !manifest.files[index].isUploaded { throw UploadRefused(status: status) }
    }

    private func reserve(
        _ file: RecordingManifest.File, _ size: RecordingRepair.Result, of manifest: RecordingManifest
    ) async throws -> RecordingUploadReply {
        let request = RecordingUploadRequest(
            recordingID: manifest.id, channelID: manifest.channelID, userID: manifest.userID,
            speakerID: file.speakerID, source: file.source, number: file.number, startedAt: manifest.startedAt,
            mediaType: file.mediaType, fileExtension: file.name.split(separator: ".").last.map(String.init) ?? "webm",
            byteCount: Int(size.byteCount), milliseconds: Int(size.duration / .milliseconds(1)),
            width: file.width, height: file.height)
        let answer = try await bus.request(
            .recordingUpload, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        return try WireJSON.decode(RecordingUploadReply.self, from: answer.readableBytesView)
    }

    /// Answers the status.
    private func put(_ file: String, _ byteCount: Int64, to path: String) async throws -> Int {
        var request = HTTPClientRequest(url: apiURL + path)
        request.method = .PUT
        request.headers.add(name: "content-type", value: "application/octet-stream")
        request.body = .stream(
            FileChunks(path: file, chunkByteCount: Self.chunkByteCount), length: .known(byteCount))
        let response = try await HTTPClient.shared.execute(request, timeout: Self.uploadDeadline)
        return Int(response.status.code)
    }

    private func note(_ manifest: RecordingManifest, in folder: RecordingFolder) async throws {
        try await NIOThreadPool.singleton.runIfActive { try folder.write(manifest) }
    }

    private struct UploadRefused: Error {
        let status: Int
    }
}

/// A file's bytes, read away from the threads that must not wait for disks.
private struct FileChunks: AsyncSequence, Sendable {
    let path: String
    let chunkByteCount: Int

    struct AsyncIterator: AsyncIteratorProtocol {
        let chunks: FileChunks
        var offset: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            let (chunks, offset) = (chunks, offset)
            let bytes = try await NIOThreadPool.singleton.runIfActive {
                try RecordingFolder.read(chunks.path, at: offset, count: chunks.chunkByteCount)
            }
            self.offset += Int64(bytes.count)
            return bytes.isEmpty ? nil : ByteBuffer(bytes: bytes)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(chunks: self) }
}
