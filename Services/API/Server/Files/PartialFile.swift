import Crypto
import Foundation
import Glibc
import NIOCore

/// A file that is being written, under a name that nobody reads.
///
/// SAFETY: `@unchecked Sendable` because ``FileStorage/write(_:as:byteCount:)`` makes one call at a time: each waits for the
/// one before, on whatever thread it runs, and `discard` comes after the last of them.
final class PartialFile: @unchecked Sendable {
    private static let openAttempts = 3

    private let folder: String
    private let path: String
    private let byteCount: Int64
    private var descriptor: Int32
    private var written: Int64 = 0
    private var digest = SHA256()

    /// Makes the file and takes its room on the disk, so that a disk that is too full says so before anything is sent.
    init(folder: String, byteCount: Int64, freeByteCount: Int64) throws(StorageError) {
        self.folder = folder
        self.byteCount = byteCount
        path = "\(folder)/.\(String(UInt64.random(in: 0 ... .max), radix: 36)).part"
        descriptor = -1
        // Another upload of the file that fails at this moment may remove the folder in between.
        for _ in 0..<Self.openAttempts where descriptor < 0 {
            try makeFolder(folder)
            descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 || errno == ENOENT else { throw StorageError.last() }
        }
        guard descriptor >= 0 else { throw .missing }
        do throws(StorageError) {
            try takeRoom(freeByteCount)
        } catch {
            discard()
            throw error
        }
    }

    private func takeRoom(_ freeByteCount: Int64) throws(StorageError) {
        var disk = statvfs()
        guard fstatvfs(descriptor, &disk) == 0 else { throw StorageError.last() }
        let available = Int64(clamping: disk.f_bavail.multipliedReportingOverflow(by: disk.f_frsize).partialValue)
        guard available - byteCount >= freeByteCount else { throw .full }
        // Where the file system cannot, writing says when the disk is full.
        let code = posix_fallocate(descriptor, 0, off_t(byteCount))
        guard code == 0 || code == EOPNOTSUPP || code == EINVAL else { throw StorageError(code) }
    }

    func append(_ buffer: ByteBuffer) throws(StorageError) {
        guard written + Int64(buffer.readableBytes) <= byteCount else { throw .tooLong }
        let result = buffer.withUnsafeReadableBytes { bytes -> Result<Void, StorageError> in
            digest.update(bufferPointer: bytes)
            var rest = bytes
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return .failure(.last())
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return .success(())
        }
        try result.get()
        written += Int64(buffer.readableBytes)
    }

    /// Gives the file its name, once its bytes are on disk.
    func finish() throws(StorageError) -> [UInt8] {
        guard written == byteCount else { throw .tooShort }
        guard fsync(descriptor) == 0 else { throw StorageError.last() }
        let digest = Array(digest.finalize())
        guard rename(path, folder + "/" + hex(digest)) == 0 else { throw StorageError.last() }
        close(descriptor)
        descriptor = -1
        try synchronizeFolder(folder)
        return digest
    }

    /// Removes what was written. Nothing happens to a file that is finished.
    func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(path)
        // Only if no other upload of the file is there.
        rmdir(folder)
    }

    deinit { discard() }
}
