import Contracts
import Foundation
import Glibc

/// The folder of one recording: `<root>/<recording id>/` with `manifest.json` and a file a track. While it is worked on it
/// is locked, so that what is locked by nobody is what a dead node left.
package final class RecordingFolder: Sendable {
    package let path: String
    private let lock: Int32

    private static let manifestName = "manifest.json"
    private static let lockName = "lock"

    /// Opens a folder, or makes it.
    /// - Parameter makingRoot: whether the folder around it is made too.
    /// - Throws: ``RecordingFailure``; with `EWOULDBLOCK` when somebody works on it.
    package init(path: String, makingRoot: Bool = false) throws(RecordingFailure) {
        self.path = path
        if makingRoot {
            let root = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            guard mkdir(root, 0o700) == 0 || errno == EEXIST else { throw RecordingFailure("make \(root)") }
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw RecordingFailure("make \(path)") }
        lock = open("\(path)/\(Self.lockName)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw RecordingFailure("open the lock of \(path)") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let failure = RecordingFailure("lock \(path)")
            close(lock)
            throw failure
        }
    }

    deinit { close(lock) }

    package func path(of file: RecordingManifest.File) -> String { "\(path)/\(file.name)" }

    /// `nil` if there is none: then nothing was recorded.
    /// - Throws: when there is one that cannot be read, so that nobody takes the recording for empty.
    package func readManifest() throws(RecordingFailure) -> RecordingManifest? {
        let path = "\(path)/\(Self.manifestName)"
        guard access(path, F_OK) == 0 else {
            if errno == ENOENT { return nil }
            throw RecordingFailure("find \(path)")
        }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            return try JSONDecoder().decode(RecordingManifest.self, from: data)
        } catch {
            throw RecordingFailure("read \(path)", EINVAL)
        }
    }

    /// Replaces the manifest in one step.
    package func write(_ manifest: RecordingManifest) throws(RecordingFailure) {
        let bytes: Data
        do {
            bytes = try JSONEncoder().encode(manifest)
        } catch {
            throw RecordingFailure("encode the manifest", EINVAL)
        }
        let next = "\(path)/\(Self.manifestName).next"
        let file = open(next, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw RecordingFailure("open \(next)") }
        defer { close(file) }
        let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw RecordingFailure("write \(next)", count < 0 ? errno : ENOSPC) }
        guard fsync(file) == 0, rename(next, "\(path)/\(Self.manifestName)") == 0 else {
            throw RecordingFailure("replace the manifest in \(path)")
        }
    }

    /// Takes it away with all that is in it.
    package func remove() throws { try FileManager.default.removeItem(atPath: path) }

    /// The folders in `root` that nobody works on.
    package static func leftovers(in root: String) -> [RecordingFolder] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return names.sorted().compactMap { name in
            RecordingID(name).flatMap { _ in try? RecordingFolder(path: "\(root)/\(name)") }
        }
    }

    /// So many bytes of a file, fewer at its end.
    package static func read(_ path: String, at offset: Int64, count: Int) throws(RecordingFailure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw RecordingFailure("open \(path)") }
        defer { close(file) }
        var read = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            read = pread(file, buffer.baseAddress, count, off_t(offset))
            initialized = max(0, read)
        }
        guard read >= 0 else { throw RecordingFailure("read \(path)") }
        return bytes
    }

    /// Bytes that are free on the disk.
    package var freeByteCount: Int64? {
        var space = statvfs()
        return statvfs(path, &space) == 0 ? Int64(space.f_bavail) * Int64(space.f_frsize) : nil
    }
}
