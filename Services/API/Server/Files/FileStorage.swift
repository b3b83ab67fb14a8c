package import Contracts
import Foundation
import Glibc
package import NIOCore
package import NIOPosix

/// The bytes of files, in a folder of the file system that all API instances share.
///
/// A file's bytes are `<root>/<last two digits of its id>/<its id>/<their SHA-256 in hex>`. They are written beside it under
/// a name of their own and renamed when they are complete and on disk, so what has that name is whole, whatever dies. As
/// the digest is in the name, two uploads of one file at a time cannot mix: which of them counts, its row in PostgreSQL says.
///
/// All calls of the file system run on threads, never on an event loop.
package struct FileStorage: Sendable {
    let root: String
    /// Bytes that stay free on the disk.
    let freeByteCount: Int64
    private let threads: NIOThreadPool

    package init(root: String, freeByteCount: Int64, threads: NIOThreadPool = .singleton) {
        self.root = root
        self.freeByteCount = freeByteCount
        self.threads = threads
    }

    /// Makes the root, if it is not there.
    /// - Throws: ``StorageError``.
    package func prepare() async throws {
        try await threads.runIfActive { [root] in try makeFolder(root) }
    }

    /// Writes a body to disk, no faster than the disk takes it, and holds no more than a step of it in memory.
    /// - Parameter byteCount: what the body must have, no more and no less.
    /// - Returns: the SHA-256 of the bytes, which are on disk by then.
    /// - Throws: ``StorageError``, or `CancellationError`; then nothing of it is left.
    package func write<Body: AsyncSequence>(
        _ body: Body, as file: FileID, byteCount: Int64
    ) async throws -> [UInt8] where Body.Element == ByteBuffer {
        let part = try await threads.runIfActive { [self] in
            try PartialFile(folder: folder(of: file), byteCount: byteCount, freeByteCount: freeByteCount)
        }
        do {
            var step = ByteBuffer()
            for try await var buffer in body {
                step.writeBuffer(&buffer)
                if step.readableBytes >= Limits.fileStepByteCount {
                    let full = step
                    step = ByteBuffer()
                    try await threads.runIfActive { try part.append(full) }
                }
            }
            let rest = step
            return try await threads.runIfActive {
                try part.append(rest)
                return try part.finish()
            }
        } catch {
            // Not with `runIfActive`: whoever is cancelled cleans up all the same.
            threads.submit { _ in part.discard() }
            // What neither the disk nor the end of this process says, reading the body did.
            throw error is StorageError || error is CancellationError ? error : StorageError.cut
        }
    }

    /// Opens a file whose upload was complete.
    /// - Throws: `.missing` if its bytes are not there.
    package func open(_ file: FileID, digest: [UInt8]) async throws -> OpenFile {
        let path = folder(of: file) + "/" + hex(digest)
        return try await threads.runIfActive { [threads] in try OpenFile(path: path, threads: threads) }
    }

    /// Removes all there is of a file, complete or not. What is not there is no error.
    package func remove(_ file: FileID) async throws {
        let folder = folder(of: file)
        try await threads.runIfActive { try removeFolder(folder) }
    }

    /// Removes bytes of a file that were complete but do not count, because others were first.
    package func remove(_ file: FileID, digest: [UInt8]) async throws {
        let path = folder(of: file) + "/" + hex(digest)
        try await threads.runIfActive {
            guard unlink(path) == 0 || errno == ENOENT else { throw StorageError.last() }
        }
    }

    private func folder(of file: FileID) -> String {
        let name = file.description
        return "\(root)/\(name.suffix(2))/\(name)"
    }
}

/// Why the file system did not do something.
package enum StorageError: Error, Equatable {
    /// No room on the disk, or no more than stays free.
    case full
    /// The body had fewer, or more, bytes than were announced.
    case tooShort
    case tooLong
    /// The connection of the body ended before the body.
    case cut
    case missing
    /// Anything else, by its number in errno(3).
    case failed(Int32)

    /// What a call has just failed with.
    static func last() -> StorageError { StorageError(errno) }

    init(_ number: Int32) {
        switch number {
        case ENOSPC, EDQUOT, EFBIG: self = .full
        case ENOENT: self = .missing
        default: self = .failed(number)
        }
    }
}

/// Makes a folder and those above it; each is on disk afterwards.
func makeFolder(_ path: String) throws(StorageError) {
    if mkdir(path, 0o700) == 0 {
        try synchronizeFolder(parent(of: path))
    } else if errno == ENOENT, path.contains("/") {
        try makeFolder(parent(of: path))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw StorageError.last() }
        try synchronizeFolder(parent(of: path))
    } else if errno != EEXIST {
        throw StorageError.last()
    }
}

private func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// A name is on disk when its folder is.
func synchronizeFolder(_ path: String) throws(StorageError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError.last() }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw StorageError.last() }
}

/// Removes a folder of files with what is in it.
private func removeFolder(_ path: String) throws(StorageError) {
    guard let folder = opendir(path) else {
        guard errno == ENOENT else { throw StorageError.last() }
        return
    }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard name != ".", name != ".." else { continue }
        guard unlink(path + "/" + name) == 0 || errno == ENOENT else { throw StorageError.last() }
    }
    guard rmdir(path) == 0 || errno == ENOENT || errno == ENOTEMPTY else { throw StorageError.last() }
}

/// Bytes as lower-case hexadecimal digits.
func hex(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes { text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return text
}
