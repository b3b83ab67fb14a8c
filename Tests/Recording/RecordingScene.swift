import Contracts
import Foundation
import MediaCore
import MediaRecording
import MediaSecurity

/// A recording in virtual time, of streams whose packets the test gives.
final class RecordingScene {
    let path: String
    let folder: RecordingFolder
    let ring = RecordingRing(byteCount: 4 * 1024 * 1024)
    let writer: RecordingWriter
    private(set) var requested: [UInt32] = []
    /// Milliseconds since the recording began.
    private(set) var now = 0
    private static let origin: Int64 = 5_000_000_000

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "roost-recording-\(UUID().uuidString)").path
        folder = try RecordingFolder(path: path)
        writer = try RecordingWriter(
            folder: folder, manifest: Self.manifest, origin: MediaTime(nanoseconds: Self.origin))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static var manifest: RecordingManifest {
        RecordingManifest(
            id: .example, channelID: .example, userID: .example, startedAt: Timestamp(milliseconds: 1_763_700_000_000))
    }

    /// A track of the person with this number.
    func begin(_ track: UInt32, _ source: CallSource, person: UInt64) {
        var entry = RecordingRing.Entry(kind: .track, track: track)
        entry.source = UInt8(CallSource.allCases.firstIndex(of: source) ?? 0)
        let ids: [UInt64] = [person, 1, person, 2]
        ids.withUnsafeBytes { _ = ring.write(entry, $0) }
    }

    func send(
        _ track: UInt32, ssrc: UInt32, _ codec: RecordedCodec, sequence: Int64, timestamp: UInt32, marker: Bool,
        _ payload: [UInt8], delay: Int = 0
    ) {
        var entry = RecordingRing.Entry(kind: .packet, track: track)
        entry.codec = codec.rawValue
        entry.hasMarker = marker
        entry.ssrc = ssrc
        entry.sequence = sequence
        entry.timestamp = timestamp
        entry.arrival = Self.origin + Int64(now + delay) * 1_000_000
        payload.withUnsafeBytes { _ = ring.write(entry, $0) }
    }

    /// A sender report: at this timestamp the person's clock had so many milliseconds.
    func report(_ track: UInt32, ssrc: UInt32, timestamp: UInt32, milliseconds: Int64) {
        var entry = RecordingRing.Entry(kind: .report, track: track)
        entry.ssrc = ssrc
        entry.timestamp = timestamp
        entry.ntp = UInt64(milliseconds / 1000) << 32 | UInt64(milliseconds % 1000) * 4_294_967_296 / 1000
        entry.arrival = Self.origin + Int64(now) * 1_000_000
        ring.write(entry, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Lets time pass in steps of 10 ms.
    func advance(to milliseconds: Int) throws {
        while now < milliseconds {
            now = min(now + 10, milliseconds)
            let time = MediaTime(nanoseconds: Self.origin + Int64(now) * 1_000_000)
            try writer.drain(ring, now: time)
            try writer.advance(now: time) { requested.append($0) }
        }
    }

    /// Ends the recording and answers its files by source; `nil` stands for all voices.
    func finish() throws -> [CallSource?: String] {
        let time = MediaTime(nanoseconds: Self.origin + Int64(now) * 1_000_000)
        try writer.drain(ring, now: time)
        try writer.finish(.stopped, now: time)
        let files = try folder.readManifest()?.files ?? []
        return Dictionary(files.map { ($0.source, folder.path(of: $0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// A file of its own beside the recording.
    func scratch(_ name: String) -> String { "\(path)/\(name)" }
}
