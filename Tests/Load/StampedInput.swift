import CDatagrams
import Glibc

/// Reads TCP sockets with the moment at which the kernel got what it gives: what the reader does meanwhile does not count as
/// delay. One serves all sockets of a thread.
///
/// SAFETY: the pointers lead into memory that this object allocates in `init` and frees in `deinit`; the kernel writes it
/// only within a system call.
final class StampedInput {
    private static let byteCount = 256 * 1024
    private static let controlByteCount = 64

    private let input: UnsafeMutableRawBufferPointer
    private let control: UnsafeMutableRawBufferPointer
    private let vector: UnsafeMutablePointer<iovec>
    private var message = msghdr()
    /// What CLOCK_REALTIME, the clock of the stamps, is before CLOCK_MONOTONIC.
    private var ahead: Int64 = 0

    init() {
        input = .allocate(byteCount: Self.byteCount, alignment: 16)
        control = .allocate(byteCount: Self.controlByteCount, alignment: 16)
        vector = .allocate(capacity: 1)
        vector.initialize(to: iovec(iov_base: input.baseAddress, iov_len: Self.byteCount))
        message.msg_iov = vector
        message.msg_iovlen = 1
        message.msg_control = control.baseAddress
        compareClocks()
    }

    deinit {
        input.deallocate()
        control.deallocate()
        vector.deallocate()
    }

    /// Asks the kernel for stamps on a socket's data (socket(7), SO_TIMESTAMPNS).
    static func stamp(_ socket: Int32) {
        var isOn: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }

    /// To be called now and then: somebody may set the clock of the stamps.
    func compareClocks() { ahead = clockNanoseconds(CLOCK_REALTIME) - clockNanoseconds(CLOCK_MONOTONIC) }

    enum Outcome {
        /// Bytes that are valid until the next read, when the last of them arrived in nanoseconds of CLOCK_MONOTONIC, and
        /// whether there may be more.
        case bytes(UnsafeRawBufferPointer, arrival: Int64, mayHaveMore: Bool)
        case nothing
        /// The connection has ended, as the other end wanted it with `nil`.
        case ended(CInt?)
    }

    /// Reads what waits, without blocking.
    func receive(from socket: Int32) -> Outcome {
        message.msg_controllen = Self.controlByteCount
        let count = recvmsg(socket, &message, 0)
        if count > 0 {
            return .bytes(
                UnsafeRawBufferPointer(rebasing: input[0..<count]), arrival: arrival,
                mayHaveMore: count == Self.byteCount)
        }
        if count == 0 { return .ended(nil) }
        return errno == EAGAIN || errno == EINTR ? .nothing : .ended(errno)
    }

    /// The one control message there is, a `timespec` behind its header (cmsg(3)); now where there is none.
    private var arrival: Int64 {
        let start = MemoryLayout<cmsghdr>.size
        guard message.msg_controllen >= start + MemoryLayout<timespec>.size else {
            return clockNanoseconds(CLOCK_MONOTONIC)
        }
        let seconds = control.loadUnaligned(fromByteOffset: start, as: Int64.self)
        return seconds * 1_000_000_000 + control.loadUnaligned(fromByteOffset: start + 8, as: Int64.self) - ahead
    }
}
