import MediaCore
import MediaPeer
import MediaSecurity

/// Many receivers of cameras, each with a socket of its own, on one thread.
///
/// Nine of ten count packets and decrypt none, so that the load takes little from the server beside it; they ask for nothing
/// again. Every tenth is whole: it decrypts and checks each packet, and its delays are taken.
///
/// SAFETY: `@unchecked Sendable` because it is touched by one thread at a time: by a run's while that lasts, by whoever
/// waits for it before and after.
final class MediaSubscribers: @unchecked Sendable {
    /// How often the sockets are emptied. The kernel stamps arrivals, so this is no part of the delay, and a server is not
    /// charged for waking the load up at each packet.
    private static let sweepInterval = Duration.milliseconds(4)
    /// Of many, each has little in so short a time: a system call for every packet would cost the load more than all else.
    private static let membersPerMillisecond = 40
    private static let timeoutInterval = Duration.milliseconds(20)
    private static let wholeOneIn = 10

    /// One packet at a whole subscriber.
    struct Arrival {
        let pattern: PayloadPattern
        /// In nanoseconds of CLOCK_REALTIME.
        let at: Int64
    }

    private struct Member {
        let peer: MediaPeer
        let socket: MediaSocket
        let isWhole: Bool
        /// RTP packets since ``forget()``.
        var packetCount = 0
    }

    private var members: [Member] = []
    private let reader = MediaReader()
    private var nextTimeouts = MediaTime(nanoseconds: 0)
    private(set) var arrivals: [Arrival] = []
    /// Seconds of CPU of the thread in runs since ``forget()``, and how long these were.
    private(set) var threadUse = ThreadUse()

    func add(_ peer: MediaPeer) throws {
        let isWhole = members.count.isMultiple(of: Self.wholeOneIn)
        members.append(Member(peer: peer, socket: try peer.openSocket(), isWhole: isWhole))
    }

    var count: Int { members.count }
    var areConnected: Bool { members.allSatisfy { $0.peer.isConnected } }
    /// RTP packets of all since ``forget()``.
    var packetCount: Int { members.reduce(0) { $0 + $1.packetCount } }
    /// Whether each has got packets since ``forget()``.
    var allReceive: Bool { members.allSatisfy { $0.packetCount > 0 } }

    /// Begins to count anew.
    func forget() {
        arrivals.removeAll(keepingCapacity: true)
        threadUse = ThreadUse()
        for index in members.indices { members[index].packetCount = 0 }
    }

    /// Makes room, so that no growth disturbs the measurement.
    func reserve(packetsEach: Int) { arrivals.reserveCapacity((count / Self.wholeOneIn + 1) * packetsEach) }

    /// What is wrong with the packets of the whole ones, if anything.
    var fault: String? {
        for member in members where member.isWhole {
            let sections = member.peer.received.values
            let refused = member.peer.refusedPackets
            if sections.contains(where: { $0.corrupt > 0 }) { return "A payload is not what was sent." }
            if refused.forged > 0 { return "\(refused.forged) packets are not authentic." }
            if member.peer.isClosed { return "The media server closed a connection." }
            if let failure = member.peer.failure { return "\(failure)" }
        }
        return nil
    }

    // MARK: A run

    /// Takes what comes. Blocks until `end`.
    func run(until end: MediaTime) {
        threadUse.begin()
        defer { threadUse.finish() }
        let interval = max(Self.sweepInterval, .milliseconds(members.count / Self.membersPerMillisecond))
        var next = MediaTime.now
        while next < end {
            next.wait()
            let now = MediaTime.now
            for index in members.indices { sweep(&members[index], now: now) }
            if nextTimeouts <= now {
                nextTimeouts = now + Self.timeoutInterval
                for member in members { handleTimeout(member, now: now) }
            }
            next = max(now, next + interval)
        }
    }

    private func sweep(_ member: inout Member, now: MediaTime) {
        let (peer, isWhole) = (member.peer, member.isWhole)
        var packetCount = 0
        var isAnswered = false
        reader.receive(from: member.socket) { datagram, arrival in
            let kind = DatagramKind(UnsafeRawBufferPointer(datagram).assumingMemoryBound(to: UInt8.self).span)
            if kind == .rtp, !isWhole {
                packetCount += 1
                return
            }
            peer.receive(datagram, now: now)
            if kind != .rtp {
                isAnswered = true
            } else if let pattern = peer.lastPattern {
                packetCount += 1
                arrivals.append(Arrival(pattern: pattern, at: arrival))
            }
        }
        member.packetCount += packetCount
        if isAnswered { peer.takeDatagrams(member.socket.send) }
    }

    private func handleTimeout(_ member: Member, now: MediaTime) {
        guard let deadline = member.peer.deadline, deadline <= now else { return }
        member.peer.handleTimeout(now: now)
        member.peer.takeDatagrams(member.socket.send)
    }
}
