import CDatagrams
import Glibc
import MediaCore

/// The entries of an outbox by destination, each destination's in their order. Rebuilt each turn without clearing.
struct SendOrder {
    /// The first entry of each destination.
    private(set) var heads: [Int] = []
    /// The entry that follows each to the same destination; -1 for the last.
    private(set) var next: [Int] = []
    /// Open addressing by the destination's hash: the last entry of a destination, and the turn it was written in.
    private var slots = [(turn: Int, last: Int)](repeating: (0, 0), count: 1024)
    private var turn = 0

    mutating func build(_ entries: [Outbox.Entry]) {
        turn += 1
        heads.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        for index in entries.indices {
            next.append(-1)
            place(index, entries)
        }
    }

    private mutating func place(_ index: Int, _ entries: [Outbox.Entry]) {
        let destination = entries[index].destination
        var slot = Int(destination.mixedBits) & (slots.count - 1)
        // A full table only costs grouping: the entry then stands alone.
        for _ in 0..<16 {
            if slots[slot].turn != turn {
                slots[slot] = (turn, index)
                break
            }
            if entries[slots[slot].last].destination == destination {
                next[slots[slot].last] = index
                slots[slot].last = index
                return
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        heads.append(index)
    }
}

/// Messages being put together for one `sendmmsg`: each a destination, and one datagram or several of equal size.
///
/// SAFETY: the pointers lead into memory that this object allocates in `init` and frees in `deinit`.
final class SendBatch {
    /// Segments of one message, and its bytes (udp(7): 64 and what one IP packet holds).
    private static let segmentCount = 64
    private static let messageByteCount = 65_000
    private static let vectorCount = 1024
    /// Larger datagrams travel alone: grouped ones may not be larger than the path's MTU, which is not known.
    private static let segmentByteLimit = 1250
    /// Room for the address (40) and the size of the segments (24).
    private static let controlByteCount = 64

    let capacity: Int
    private(set) var count = 0
    let datagrams: UnsafeMutablePointer<CDatagram>
    private let vectors: UnsafeMutablePointer<iovec>
    private let addresses: UnsafeMutablePointer<sockaddr_in6>
    private let controls: UnsafeMutableRawPointer
    private var usedVectors = 0
    private var messageBytes = 0
    private var segmentByteCount = 0
    /// The last segment may be shorter than the others, and then is the last.
    private var isComplete = false
    private var isFinished = true

    init(capacity: Int) {
        self.capacity = capacity
        datagrams = .allocate(capacity: capacity)
        vectors = .allocate(capacity: Self.vectorCount)
        addresses = .allocate(capacity: capacity)
        controls = .allocate(byteCount: capacity * Self.controlByteCount, alignment: 16)
        datagrams.initialize(repeating: CDatagram(), count: capacity)
        vectors.initialize(repeating: iovec(), count: Self.vectorCount)
        addresses.initialize(repeating: sockaddr_in6(), count: capacity)
    }

    deinit {
        datagrams.deallocate()
        vectors.deallocate()
        addresses.deallocate()
        controls.deallocate()
    }

    var isFull: Bool { count == capacity || usedVectors == Self.vectorCount }

    /// - Parameter local: this machine's address to send from; `nil` for whichever the kernel takes.
    func begin(_ destination: TransportAddress, from local: in6_addr?, _ vector: iovec) {
        finish()
        isFinished = false
        addresses[count] = sockaddr_in6(destination)
        vectors[usedVectors] = vector
        datagrams[count].header = msghdr()
        datagrams[count].header.msg_name = UnsafeMutableRawPointer(addresses + count)
        datagrams[count].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        datagrams[count].header.msg_iov = vectors + usedVectors
        datagrams[count].header.msg_iovlen = 1
        segmentByteCount = vector.iov_len
        messageBytes = vector.iov_len
        isComplete = vector.iov_len > Self.segmentByteLimit
        usedVectors += 1
        count += 1
        if let local {
            appendControl(
                level: Int32(IPPROTO_IPV6), type: Int32(CDatagramPacketInfoOption),
                CDatagramPacketInfo(address: local, interface: 0))
        }
    }

    /// Adds a datagram to the message begun last; `false` if it does not fit there.
    func extend(_ vector: iovec, segments: Bool) -> Bool {
        guard segments, !isComplete, usedVectors < Self.vectorCount, vector.iov_len <= segmentByteCount,
            datagrams[count - 1].header.msg_iovlen < Self.segmentCount,
            messageBytes + vector.iov_len <= Self.messageByteCount
        else { return false }
        vectors[usedVectors] = vector
        datagrams[count - 1].header.msg_iovlen += 1
        messageBytes += vector.iov_len
        isComplete = vector.iov_len < segmentByteCount
        usedVectors += 1
        return true
    }

    /// Whether a message holds several datagrams.
    func isSegmented(_ index: Int) -> Bool { datagrams[index].header.msg_iovlen > 1 }

    /// Tells the kernel the segments of the message begun last, if there are several (cmsg(3)).
    func finish() {
        guard count > 0, !isFinished else { return }
        isFinished = true
        guard datagrams[count - 1].header.msg_iovlen > 1 else { return }
        appendControl(
            level: Int32(IPPROTO_UDP), type: Int32(CDatagramSegmentOption), UInt16(segmentByteCount))
    }

    /// One more control message for the message begun last: length, level and type, then the value, padded to 8 bytes.
    private func appendControl<Value>(level: Int32, type: Int32, _ value: Value) {
        let used = Int(datagrams[count - 1].header.msg_controllen)
        let size = MemoryLayout<Value>.size
        let control = controls + (count - 1) * Self.controlByteCount + used
        control.storeBytes(of: MemoryLayout<cmsghdr>.size + size, as: Int.self)
        control.storeBytes(of: level, toByteOffset: 8, as: Int32.self)
        control.storeBytes(of: type, toByteOffset: 12, as: Int32.self)
        (control + 16).initializeMemory(as: Value.self, to: value)
        datagrams[count - 1].header.msg_control = controls + (count - 1) * Self.controlByteCount
        datagrams[count - 1].header.msg_controllen = used + (16 + size + 7) & ~7
    }

    func removeAll() {
        count = 0
        usedVectors = 0
    }
}
