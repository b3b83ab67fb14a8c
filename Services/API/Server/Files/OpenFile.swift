import Foundation
import Glibc
package import NIOCore
import NIOPosix

/// A file that is being read. What is open can be read to its end even if the file is removed meanwhile.
package final class OpenFile: Sendable {
    private let descriptor: Int32
    private let threads: NIOThreadPool

    init(path: String, threads: NIOThreadPool) throws(StorageError) {
        self.threads = threads
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError.last() }
    }

    deinit { close(descriptor) }

    /// Bytes from a place on; fewer than asked for only at the end of the file.
    package func read(at offset: Int64, upTo count: Int) async throws -> ByteBuffer {
        try await threads.runIfActive { [self] in
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            while buffer.readableBytes < count {
                let place = offset + Int64(buffer.readableBytes)
                let missing = count - buffer.readableBytes
                let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) {
                    max(pread(descriptor, $0.baseAddress, missing, off_t(place)), 0)
                }
                guard got > 0 else { break }
            }
            return buffer
        }
    }
}
