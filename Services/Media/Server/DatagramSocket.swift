import CDatagrams
import Contracts
import Glibc
import MediaCore

/// What stands between a worker and the network: one UDP socket for IPv4 and IPv6, read and written in batches.
///
/// Owned by one thread; it is made on another and handed over.
///
/// SAFETY: the pointers lead into memory that this object allocates in `init` and frees in `deinit`; the kernel reads and
/// writes it only within a system call.
final class DatagramSocket {
    /// Datagrams a system call takes.
    static let batchCount = 64
    /// Bytes of a received datagram; what is longer is cut and then fails its authentication.
    static let datagramByteCount = 2048
    /// What the kernel may hold for us each way: about 70 ms of a full gigabit.
    private static let bufferByteCount = 8 * 1024 * 1024

    let descriptor: Int32
    private let receiving: Batch
    private let sending: Batch
    private let memory: UnsafeMutableRawBufferPointer
    /// Datagrams that the kernel did not take.
    private(set) var unsentCount = 0

    /// - Throws: ``SocketError`` when the port is taken or may not be had.
    init(port: UInt16) throws(SocketError) {
        descriptor = try Self.bind(port)
        memory = .allocate(byteCount: Self.batchCount * Self.datagramByteCount, alignment: 16)
        receiving = Batch(count: Self.batchCount)
        sending = Batch(count: Self.batchCount)
    }

    deinit {
        close(descriptor)
        memory.deallocate()
    }

    private static func bind(_ port: UInt16) throws(SocketError) -> Int32 {
        let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK, 0)
        guard descriptor >= 0 else { throw SocketError(operation: "socket", port: port, number: errno) }
        set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        // The forced sizes need privilege; the plain ones are cut to the system's limit.
        for (forced, plain) in [
            (CDatagramReceiveBufferForce, SO_RCVBUF), (CDatagramSendBufferForce, SO_SNDBUF),
        ] where !set(descriptor, SOL_SOCKET, Int32(forced), Int32(bufferByteCount)) {
            set(descriptor, SOL_SOCKET, plain, Int32(bufferByteCount))
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        guard result == 0 else {
            let number = errno
            close(descriptor)
            throw SocketError(operation: "bind", port: port, number: number)
        }
        return descriptor
    }

    @discardableResult
    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
        var value = value
        return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    // MARK: Receiving

    /// Gives what is there to `body`, at most a batch, and answers how many that were. Does not wait.
    func receive(_ body: (UnsafeMutableRawBufferPointer, TransportAddress) -> Void) -> Int {
        for index in 0..<Self.batchCount {
            receiving.vectors[index] = iovec(
                iov_base: memory.baseAddress?.advanced(by: index * Self.datagramByteCount),
                iov_len: Self.datagramByteCount)
            receiving.prepare(index)
        }
        let count = Int(CDatagramsReceive(descriptor, receiving.datagrams, UInt32(Self.batchCount)))
        guard count > 0 else { return 0 }
        for index in 0..<count {
            let start = index * Self.datagramByteCount
            let end = start + Int(receiving.datagrams[index].byteCount)
            body(
                UnsafeMutableRawBufferPointer(rebasing: memory[start..<end]),
                TransportAddress(receiving.addresses[index]))
        }
        return count
    }

    // MARK: Sending

    /// Sends all that waits and empties the outbox. What the kernel does not take is lost, as on any network: whoever
    /// needs it asks again.
    func send(_ outbox: Outbox) {
        outbox.withMemory { memory in
            var next = 0
            while next < outbox.entries.count {
                let count = min(Self.batchCount, outbox.entries.count - next)
                for index in 0..<count {
                    let entry = outbox.entries[next + index]
                    sending.addresses[index] = sockaddr_in6(entry.destination)
                    sending.vectors[index] = iovec(
                        iov_base: memory.baseAddress?.advanced(by: entry.offset), iov_len: entry.byteCount)
                    sending.prepare(index)
                }
                next += send(count)
            }
        }
        outbox.removeAll()
    }

    /// Sends the first of the prepared batch and answers how many are done with.
    private func send(_ count: Int) -> Int {
        let sent = Int(CDatagramsSend(descriptor, sending.datagrams, UInt32(count)))
        if sent > 0 { return sent }
        if errno == EINTR { return 0 }
        // A full buffer refuses all the rest; anything else is the first one's fault, such as an unreachable address.
        let lost = errno == EAGAIN ? count : 1
        unsentCount += lost
        return lost
    }
}

/// The kernel's description of up to so many datagrams: one vector and one address each.
private final class Batch {
    let count: Int
    let datagrams: UnsafeMutablePointer<CDatagram>
    let vectors: UnsafeMutablePointer<iovec>
    let addresses: UnsafeMutablePointer<sockaddr_in6>

    init(count: Int) {
        self.count = count
        datagrams = .allocate(capacity: count)
        vectors = .allocate(capacity: count)
        addresses = .allocate(capacity: count)
        datagrams.initialize(repeating: CDatagram(), count: count)
        vectors.initialize(repeating: iovec(), count: count)
        addresses.initialize(repeating: sockaddr_in6(), count: count)
    }

    deinit {
        datagrams.deallocate()
        vectors.deallocate()
        addresses.deallocate()
    }

    func prepare(_ index: Int) {
        datagrams[index].header.msg_name = UnsafeMutableRawPointer(addresses + index)
        datagrams[index].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        datagrams[index].header.msg_iov = vectors + index
        datagrams[index].header.msg_iovlen = 1
    }
}

/// A media port could not be had.
package struct SocketError: Error, CustomStringConvertible {
    let operation: String
    let port: UInt16
    let number: Int32

    package var description: String {
        "\(operation) of UDP port \(port): \(String(cString: strerror(number))). Set ROOST_MEDIA_PORT to free ports."
    }
}

// MARK: - Addresses

extension TransportAddress {
    /// IPv4 arrives mapped into IPv6 (RFC 4291 §2.5.5.2) and is told apart again here.
    fileprivate init(_ address: sockaddr_in6) {
        var address = address
        let (high, low) = withUnsafeBytes(of: &address.sin6_addr) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        let port = UInt16(bigEndian: address.sin6_port)
        if high == 0, low >> 32 == 0xFFFF {
            self = .v4(UInt32(truncatingIfNeeded: low), port: port)
        } else {
            self = .v6(high: high, low: low, port: port)
        }
    }
}

extension sockaddr_in6 {
    fileprivate init(_ address: TransportAddress) {
        self.init()
        sin6_family = sa_family_t(AF_INET6)
        sin6_port = address.port.bigEndian
        let (high, low): (UInt64, UInt64)
        if let ipv4 = address.ipv4 {
            (high, low) = (0, 0xFFFF_0000_0000 | UInt64(ipv4))
        } else {
            (high, low) = address.ipv6 ?? (0, 0)
        }
        withUnsafeMutableBytes(of: &sin6_addr) { bytes in
            bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }
}
