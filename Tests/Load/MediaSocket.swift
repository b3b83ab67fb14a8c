import CDatagrams
import Foundation
import MediaSecurity

/// A UDP socket that is connected to one address of a media server. Owned by one thread at a time.
final class MediaSocket {
    /// What the kernel may hold for a peer until it is read: more than a sweep's worth, or the load would lose packets itself.
    private static let bufferByteCount: Int32 = 1 << 20

    let descriptor: Int32

    /// - Parameter host: an IPv4 address in text.
    /// - Throws: ``LoadFailure`` when there is no such address or no descriptor.
    init(host: String, port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw LoadFailure("The media server's address \(host) is not IPv4.")
        }
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK, 0)
        var size = Self.bufferByteCount
        var isOn: Int32 = 1
        let length = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, Int32(CDatagramReceiveBufferForce), &size, length)
        let isStamped = setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &isOn, length) == 0
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isStamped, isConnected else {
            let number = errno
            close(descriptor)
            throw LoadFailure("A socket to \(host):\(port): \(String(cString: strerror(number))).")
        }
    }

    deinit { close(descriptor) }

    /// Sends one datagram; one that the kernel does not take is lost.
    func send(_ datagram: UnsafeRawBufferPointer) { Glibc.send(descriptor, datagram.baseAddress, datagram.count, 0) }
}

/// Reads batches of datagrams with the moments at which the kernel got them: what the reader does meanwhile does not count
/// as delay. One serves all sockets of a thread.
///
/// SAFETY: the pointers lead into memory that this object allocates in `init` and frees in `deinit`; the kernel writes it
/// only within a system call.
final class MediaReader {
    private static let batchCount = 64
    private static let datagramByteCount = 2048
    private static let controlByteCount = 64

    private let memory: UnsafeMutableRawBufferPointer
    private let controls: UnsafeMutableRawBufferPointer
    private let vectors: UnsafeMutablePointer<iovec>
    private let datagrams: UnsafeMutablePointer<CDatagram>

    init() {
        memory = .allocate(byteCount: Self.batchCount * Self.datagramByteCount, alignment: 16)
        controls = .allocate(byteCount: Self.batchCount * Self.controlByteCount, alignment: 16)
        vectors = .allocate(capacity: Self.batchCount)
        datagrams = .allocate(capacity: Self.batchCount)
        vectors.initialize(repeating: iovec(), count: Self.batchCount)
        datagrams.initialize(repeating: CDatagram(), count: Self.batchCount)
        for index in 0..<Self.batchCount {
            vectors[index].iov_base = memory.baseAddress?.advanced(by: index * Self.datagramByteCount)
            vectors[index].iov_len = Self.datagramByteCount
            datagrams[index].header.msg_iov = vectors + index
            datagrams[index].header.msg_iovlen = 1
            datagrams[index].header.msg_control = controls.baseAddress?.advanced(by: index * Self.controlByteCount)
            datagrams[index].header.msg_controllen = Self.controlByteCount
        }
    }

    deinit {
        memory.deallocate()
        controls.deallocate()
        vectors.deallocate()
        datagrams.deallocate()
    }

    /// Gives all that waits in the socket to `body`, each with its arrival in nanoseconds of CLOCK_REALTIME.
    func receive(from socket: MediaSocket, _ body: (UnsafeMutableRawBufferPointer, Int64) -> Void) {
        while true {
            let count = Int(CDatagramsReceive(socket.descriptor, datagrams, UInt32(Self.batchCount)))
            guard count > 0 else { return }
            for index in 0..<count {
                let start = index * Self.datagramByteCount
                let end = start + Int(datagrams[index].byteCount)
                body(UnsafeMutableRawBufferPointer(rebasing: memory[start..<end]), arrival(index))
                datagrams[index].header.msg_controllen = Self.controlByteCount
            }
            if count < Self.batchCount { return }
        }
    }

    /// The one control message there is, a `timespec` behind its header (cmsg(3), socket(7)).
    private func arrival(_ index: Int) -> Int64 {
        let start = index * Self.controlByteCount + MemoryLayout<cmsghdr>.size
        let seconds = controls.loadUnaligned(fromByteOffset: start, as: Int64.self)
        return seconds * 1_000_000_000 + controls.loadUnaligned(fromByteOffset: start + 8, as: Int64.self)
    }
}

extension MediaTime {
    /// CLOCK_MONOTONIC.
    static var now: MediaTime { MediaTime(nanoseconds: clockNanoseconds(CLOCK_MONOTONIC)) }

    /// Returns when it has come.
    func wait() {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

/// What a clock of the system shows.
func clockNanoseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Runs what blocks on a thread of its own.
func onThread(_ work: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { done in
        Thread {
            work()
            done.resume()
        }.start()
    }
}
