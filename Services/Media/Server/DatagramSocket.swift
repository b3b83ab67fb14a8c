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
    private let receiving: ReceiveBatch
    private let sending: SendBatch
    private var order = SendOrder()
    private var locals = LocalAddressTable()
    /// Refusals of messages of several datagrams; after so many this kernel or interface cannot do it, and none are made.
    private var segmentRefusals = 0
    private static let segmentRefusalLimit = 8
    private var isSegmenting: Bool { segmentRefusals < Self.segmentRefusalLimit }
    private let memory: UnsafeMutableRawBufferPointer
    /// Datagrams that the kernel did not take.
    private(set) var unsentCount = 0

    /// - Throws: ``SocketError`` when the port is taken or may not be had.
    init(port: UInt16) throws(SocketError) {
        descriptor = try Self.bind(port)
        memory = .allocate(byteCount: Self.batchCount * Self.datagramByteCount, alignment: 16)
        receiving = ReceiveBatch(count: Self.batchCount)
        sending = SendBatch(capacity: Self.batchCount)
    }

    deinit {
        close(descriptor)
        memory.deallocate()
    }

    private static func bind(_ port: UInt16) throws(SocketError) -> Int32 {
        let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK, 0)
        guard descriptor >= 0 else { throw SocketError(operation: "socket", port: port, number: errno) }
        set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        // Which of this machine's addresses a datagram came to, of IPv4 as of IPv6 (RFC 3542 §6.1).
        set(descriptor, Int32(IPPROTO_IPV6), Int32(CDatagramReceivePacketInfo), 1)
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
            var source = TransportAddress(receiving.addresses[index])
            // There is no answer to such a port, and a system call that is to send to it fails.
            guard source.port != 0 else { continue }
            source.localIndex = locals.index(of: receiving.localAddress(of: index))
            body(UnsafeMutableRawBufferPointer(rebasing: memory[start..<end]), source)
        }
        return count
    }

    // MARK: Sending

    /// Sends all that waits for UDP. What the kernel does not take is lost, as on any network: whoever needs it asks again.
    ///
    /// What goes to one destination leaves together, as far as the sizes are equal: the kernel then walks its stack once
    /// for many packets (generic segmentation offload, udp(7)), which is most of what a packet costs.
    func send(_ outbox: Outbox) {
        guard !outbox.entries.isEmpty else { return }
        order.build(outbox.entries)
        outbox.withMemory { memory in
            for head in order.heads {
                var next = head
                while next >= 0 {
                    let entry = outbox.entries[next]
                    let vector = iovec(
                        iov_base: memory.baseAddress?.advanced(by: entry.offset), iov_len: entry.byteCount)
                    if next == head || !sending.extend(vector, segments: isSegmenting) {
                        if sending.isFull { flush() }
                        sending.begin(entry.destination, from: locals[entry.destination.localIndex], vector)
                    }
                    next = order.next[next]
                }
            }
            flush()
        }
    }

    private func flush() {
        sending.finish()
        var done = 0
        while done < sending.count {
            let sent = Int(
                CDatagramsSend(descriptor, sending.datagrams.advanced(by: done), UInt32(sending.count - done)))
            if sent > 0 {
                done += sent
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // A full buffer refuses all the rest.
                unsentCount += sending.count - done
                done = sending.count
            case EINVAL where sending.isSegmented(done), EIO where sending.isSegmented(done):
                // What was grouped is lost once; those who miss it ask again.
                segmentRefusals += 1
                fallthrough
            default:
                // The first one's fault, such as an unreachable address.
                unsentCount += 1
                done += 1
            }
        }
        sending.removeAll()
    }
}

/// The kernel's description of up to so many datagrams: one vector and one address each.
///
/// SAFETY: the pointers lead into memory that this object allocates in `init` and frees in `deinit`.
private final class ReceiveBatch {
    let count: Int
    let datagrams: UnsafeMutablePointer<CDatagram>
    let vectors: UnsafeMutablePointer<iovec>
    let addresses: UnsafeMutablePointer<sockaddr_in6>
    private let controls: UnsafeMutableRawPointer
    /// Room for a header and a `CDatagramPacketInfo`.
    private static let controlByteCount = 64

    init(count: Int) {
        controls = .allocate(byteCount: count * Self.controlByteCount, alignment: 16)
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
        controls.deallocate()
    }

    /// To which of this machine's addresses a received datagram came; `nil` if the kernel did not say.
    func localAddress(of index: Int) -> in6_addr? {
        let header = datagrams[index].header
        guard let control = header.msg_control, header.msg_controllen >= 16 + MemoryLayout<in6_addr>.size,
            control.load(fromByteOffset: 8, as: Int32.self) == Int32(IPPROTO_IPV6),
            control.load(fromByteOffset: 12, as: Int32.self) == Int32(CDatagramPacketInfoOption)
        else { return nil }
        return control.loadUnaligned(fromByteOffset: 16, as: in6_addr.self)
    }

    func prepare(_ index: Int) {
        datagrams[index].header.msg_name = UnsafeMutableRawPointer(addresses + index)
        datagrams[index].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        datagrams[index].header.msg_iov = vectors + index
        datagrams[index].header.msg_iovlen = 1
        datagrams[index].header.msg_control = controls + index * Self.controlByteCount
        datagrams[index].header.msg_controllen = Self.controlByteCount
    }
}

/// A media port could not be had.
package struct SocketError: Error, CustomStringConvertible {
    let operation: String
    let port: UInt16
    let number: Int32
    var transport = "UDP"

    package var description: String {
        "\(operation) of \(transport) port \(port): \(String(cString: strerror(number))). "
            + "Set ROOST_MEDIA_PORT to free ports."
    }
}
