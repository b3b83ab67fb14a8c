import Contracts
import Foundation
import Glibc
import MediaCore
import MediaRecording
import MediaSecurity
import Synchronization
import Testing

/// The bytes of a file.
func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }

func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

@Suite("The recorder's thread")
struct RecorderTests {
    private final class Ending: Sendable {
        let value = Mutex<(RecordingEnd, RecordingFailure?)?>(nil)

        func wait() async throws -> (RecordingEnd, RecordingFailure?) {
            let deadline = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < deadline {
                if let value = value.withLock({ $0 }) { return value }
                try await Task.sleep(for: .milliseconds(5))
            }
            throw Timeout()
        }
    }

    private struct Timeout: Error {}

    private static func now() -> MediaTime {
        MediaTime(nanoseconds: Int64(clock_gettime_nsec()))
    }

    private static func clock_gettime_nsec() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// A payload of VP8 with the beginning of a key frame of 16 × 16 pixels.
    private static let keyFrame: [UInt8] = [0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 16, 0, 16, 0]

    /// Records pictures of 1,000 bytes until there were so many, or the recorder ends.
    private func record(
        in folder: RecordingFolder, bounds: Recorder.Bounds = .init(), count: Int?
    ) async throws -> (RecordingEnd, RecordingFailure?) {
        let ending = Ending()
        let recorder = try Recorder(
            folder: folder, manifest: RecordingScene.manifest, bounds: bounds, clock: Self.now,
            wantKeyFrame: { _ in }, ended: { end, failure in ending.value.withLock { $0 = (end, failure) } })
        recorder.start()
        let ids: [UInt64] = [1, 2, 3, 4]
        ids.withUnsafeBytes { _ = recorder.ring.write(.init(kind: .track, track: 1), $0) }
        for number in 0..<(count ?? .max) {
            if ending.value.withLock({ $0 != nil }) { break }
            var entry = RecordingRing.Entry(kind: .packet, track: 1)
            (entry.codec, entry.ssrc, entry.sequence) = (RecordedCodec.vp8.rawValue, 1, Int64(number))
            (entry.timestamp, entry.arrival, entry.hasMarker) = (UInt32(number * 3000), Self.now().nanoseconds, true)
            let payload = Self.keyFrame + [UInt8](repeating: UInt8(number & 0xFF), count: 989)
            while !payload.withUnsafeBytes({ recorder.ring.write(entry, $0) }), ending.value.withLock({ $0 == nil }) {
                try await Task.sleep(for: .milliseconds(1))
            }
            // About 10 MB a second.
            if number % 10 == 9 { try await Task.sleep(for: .milliseconds(1)) }
        }
        recorder.stop(.stopped)
        return try await ending.wait()
    }

    private func temporary() -> String {
        FileManager.default.temporaryDirectory.appending(path: "roost-\(UUID().uuidString)").path
    }

    @Test("What was in the ring before the stop is in the file, and the manifest tells the end")
    func stop() async throws {
        let path = temporary()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = try RecordingFolder(path: path)
        let (end, failure) = try await record(in: folder, count: 500)
        #expect(end == .stopped)
        #expect(failure == nil)
        let manifest = try #require(try folder.readManifest())
        #expect(manifest.end == .stopped)
        let file = try #require(manifest.files.first)
        #expect(try FFmpeg.packetTimes(folder.path(of: file)).count == 500)
    }

    @Test("A recording ends at its bound of bytes and says so")
    func bound() async throws {
        let path = temporary()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var bounds = Recorder.Bounds()
        bounds.byteCount = 2_000_000
        let (end, _) = try await record(
            in: RecordingFolder(path: path), bounds: bounds, count: nil)
        #expect(end == .limitReached)
    }

    @Test("A full disk ends the recording with its reason, and what was written plays and seeks")
    func diskFull() async throws {
        let path = temporary()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let isMounted = mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0
        try #require(isMounted, "a small disk needs root: \(String(cString: strerror(errno)))")
        defer {
            umount2(path, Int32(MNT_DETACH))
            try? FileManager.default.removeItem(atPath: path)
        }
        var bounds = Recorder.Bounds()
        bounds.freeByteCount = 0
        let folder = try RecordingFolder(path: "\(path)/r")
        let (end, failure) = try await record(in: folder, bounds: bounds, count: 4000)
        #expect(end == .diskFull)
        #expect(failure?.code == ENOSPC)
        let file = try #require(try folder.readManifest()?.files.first)
        let times = try FFmpeg.packetTimes(folder.path(of: file))
        #expect(times.count > 500)
        #expect(times.count < 4000)
    }

    @Test("A recording that nobody works on is found; one that is being made is not")
    func leftovers() throws {
        let root = temporary()
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: root) }
        var folder: RecordingFolder? = try RecordingFolder(path: "\(root)/\(RecordingID.example)")
        try folder?.write(RecordingScene.manifest)
        #expect(RecordingFolder.leftovers(in: root).isEmpty)
        folder = nil
        #expect(try RecordingFolder.leftovers(in: root).first?.readManifest() == RecordingScene.manifest)
    }

    @Test("A manifest that cannot be read is not taken for an empty recording")
    func unreadableManifest() throws {
        let path = temporary()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = try RecordingFolder(path: path)
        #expect(try folder.readManifest() == nil)
        try Data("{\"id\":".utf8).write(to: URL(filePath: "\(path)/manifest.json"))
        #expect(throws: RecordingFailure.self) { try folder.readManifest() }
    }

    @Test("A file that cannot be read is not taken for one without a frame")
    func unreadableFile() throws {
        let path = temporary()
        #expect(try RecordingRepair.measure(path) == nil)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: RecordingFailure.self) { try RecordingRepair.measure(path) }
    }

    @Test("The ring gives back what was written, across its end, and counts what it has no room for")
    func ring() {
        let ring = RecordingRing(byteCount: 4096)
        var written: [Int] = []
        var read: [Int] = []
        var number = 0
        for round in 0..<2000 {
            let bytes = [UInt8](repeating: UInt8(number & 0xFF), count: (number * 37) % 300)
            let isWritten = bytes.withUnsafeBytes { bytes in
                ring.write(.init(kind: .packet, track: UInt32(number)), bytes)
            }
            if isWritten { written.append(number) }
            number += 1
            guard round % 3 == 0 else { continue }
            for _ in 0..<2 {
                _ = ring.read { entry, bytes in
                    read.append(Int(entry.track))
                    #expect(bytes.count == (Int(entry.track) * 37) % 300)
                    #expect(bytes.allSatisfy { $0 == UInt8(entry.track & 0xFF) })
                }
            }
        }
        while ring.read({ entry, _ in read.append(Int(entry.track)) }) {}
        #expect(read == written)
        #expect(ring.droppedCount == 2000 - written.count)
        #expect(ring.droppedCount > 0)
    }
}
