import Contracts
import Glibc

/// One file that is being recorded. Frames are gathered and written a few times a second, and are on the disk within about
/// one more. Owned by one recorder's thread.
final class RecordingFile {
    /// Gathered bytes are written at the latest when they are so many.
    private static let gatheredByteCount = 256 * 1024

    let path: String
    private let descriptor: Int32
    private var writer: MatroskaWriter
    private var gathered: [UInt8] = []
    private var patches: [(offset: Int64, bytes: [UInt8])] = []
    private var isDirty = false
    private(set) var isBroken = false

    init(path: String, format: RecordedFormat, startedAt: Timestamp, uid: UInt64) throws(RecordingFailure) {
        self.path = path
        writer = MatroskaWriter(format, startedAt: startedAt, uid: uid)
        descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw RecordingFailure("open \(path)") }
    }

    deinit { close(descriptor) }

    var byteCount: Int64 { writer.byteCount }

    func append(_ frame: RecordedFrame, duration: Duration) throws(RecordingFailure) {
        writer.append(frame, duration: duration)
        gathered += writer.takeAppended()
        if gathered.count >= Self.gatheredByteCount { try write() }
    }

    /// Writes what was gathered. After a failure nothing more is written, and what is there ends at its last whole block.
    func write() throws(RecordingFailure) {
        guard !isBroken else { return }
        gathered += writer.takeAppended()
        patches += writer.takePatches()
        do throws(RecordingFailure) {
            if !gathered.isEmpty { try Self.write(gathered, to: descriptor, at: nil, path) }
            for patch in patches { try Self.write(patch.bytes, to: descriptor, at: patch.offset, path) }
        } catch {
            isBroken = true
            throw error
        }
        if !gathered.isEmpty || !patches.isEmpty { isDirty = true }
        gathered.removeAll(keepingCapacity: true)
        patches.removeAll(keepingCapacity: true)
    }

    /// Has the disk keep what was written.
    func synchronize() throws(RecordingFailure) {
        guard isDirty, !isBroken else { return }
        writer.noteDuration()
        try write()
        guard fdatasync(descriptor) == 0 else { throw RecordingFailure("keep \(path)") }
        isDirty = false
    }

    /// Ends it: then it seeks.
    func finish() throws(RecordingFailure) {
        guard !isBroken else { return try RecordingRepair.finish(path) }
        writer.finish()
        try write()
        guard fsync(descriptor) == 0 else { throw RecordingFailure("keep \(path)") }
    }

    /// Writes all of it, at the end of the file or at an offset.
    static func write(
        _ bytes: [UInt8], to descriptor: Int32, at offset: Int64?, _ path: String
    ) throws(RecordingFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { rest in
                if let offset {
                    pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + written)
                } else {
                    Glibc.write(descriptor, rest.baseAddress, rest.count)
                }
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw RecordingFailure("write \(path)", count < 0 ? errno : ENOSPC) }
            written += count
        }
    }
}

/// Ends files that nobody ended.
package enum RecordingRepair {
    /// What a file is worth.
    package struct Result: Sendable, Equatable {
        package let byteCount: Int64
        package let duration: Duration
    }

    /// Cuts a file behind its last whole block and writes its index, so that it seeks. One that is whole stays as it is.
    /// - Throws: when it is no such file, or the disk is full: then it plays, but seeks badly.
    package static func finish(_ path: String) throws(RecordingFailure) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw RecordingFailure("open \(path)") }
        defer { close(descriptor) }
        guard let scan = try scan(descriptor, path) else { throw RecordingFailure("read \(path)", EINVAL) }
        guard !scan.isComplete else { return }
        guard ftruncate(descriptor, off_t(scan.byteCount)) == 0 else { throw RecordingFailure("cut \(path)") }
        let (index, patches) = scan.ending()
        try RecordingFile.write(index, to: descriptor, at: scan.byteCount, path)
        for patch in patches { try RecordingFile.write(patch.bytes, to: descriptor, at: patch.offset, path) }
        guard fsync(descriptor) == 0 else { throw RecordingFailure("keep \(path)") }
    }

    /// How large and how long a file is; `nil` for what has no frame in it, or was never begun.
    /// - Throws: when it cannot be read.
    package static func measure(_ path: String) throws(RecordingFailure) -> Result? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw RecordingFailure("open \(path)")
        }
        defer { close(descriptor) }
        guard let scan = try scan(descriptor, path), scan.hasFrames else { return nil }
        let end = lseek(descriptor, 0, SEEK_END)
        return Result(byteCount: Int64(end), duration: scan.duration)
    }

    private static func scan(_ descriptor: Int32, _ path: String) throws(RecordingFailure) -> MatroskaScan? {
        var failure: RecordingFailure?
        let scan = MatroskaScan(byteCount: Int64(lseek(descriptor, 0, SEEK_END))) { offset, count in
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                let read = pread(descriptor, buffer.baseAddress, count, off_t(offset))
                if read < 0 { failure = RecordingFailure("read \(path)") }
                initialized = max(0, read)
            }
        }
        if let failure { throw failure }
        return scan
    }
}
