import Contracts
import Foundation
import MediaCore
import MediaPeer
import MediaSecurity

/// Everybody of one call, on one thread: who has a camera sends it in three sizes, and all receive.
///
/// Nine of ten decrypt no packet of media, but tell when each arrived. Every tenth is whole: it decrypts and checks each
/// packet, asks for lost ones, and its delays are taken. Counted is the same way for all, by what headers say.
///
/// SAFETY: `@unchecked Sendable` because it is touched by one thread at a time: by a run's while that lasts, by whoever
/// waits for it before and after.
final class CrowdMembers: @unchecked Sendable {
    private static let step = Duration.milliseconds(4)
    private static let timeoutInterval = Duration.milliseconds(20)
    private static let wholeOneIn = 10
    private static let framesPerSecond = 30
    /// Of each size, the lowest first.
    private static let bitrates = [150_000, 500_000, 1_500_000]

    /// Packets of one stream by their numbers.
    private struct Stream {
        private var numbers = SequenceUnwrapper()
        private var first: Int64?
        private var last: Int64 = 0
        private(set) var count = 0

        mutating func receive(_ number: UInt16) {
            let index = numbers.unwrap(number)
            count += 1
            last = max(last, index)
            first = min(first ?? index, index)
        }

        /// Numbers between the first and the last that did not come; those that came twice make up for others.
        var missing: Int { first.map { max(0, Int(last - $0) + 1 - count) } ?? 0 }
    }

    private struct Member {
        let peer: MediaPeer
        let socket: MediaSocket
        let isWhole: Bool
        /// By the section of the peer.
        var streams: [Stream]
        var nextFrame = MediaTime(nanoseconds: 0)
        var isCamera: Bool { !peer.published.isEmpty }
    }

    /// One packet at a whole member, and where it was sent.
    private struct PacketName: Hashable {
        let origin: UInt32
        let frame: UInt32
        let part: UInt16
    }

    private var members: [Member] = []
    private let reader = MediaReader()
    private var nextTimeouts = MediaTime(nanoseconds: 0)
    /// In nanoseconds of CLOCK_REALTIME, since ``forget()``.
    private var sent: [PacketName: Int64] = [:]
    private var arrivals: [(packet: PacketName, at: Int64)] = []
    private(set) var threadUse = ThreadUse()

    func add(_ peer: MediaPeer) throws {
        members.append(
            Member(
                peer: peer, socket: try peer.openSocket(), isWhole: members.count.isMultiple(of: Self.wholeOneIn),
                streams: Array(repeating: Stream(), count: peer.sectionCount)))
    }

    var areConnected: Bool { members.allSatisfy { $0.peer.isConnected } }

    /// Begins to count anew.
    func forget() {
        (sent, arrivals) = ([:], [])
        threadUse = ThreadUse()
        for index in members.indices {
            members[index].streams = Array(repeating: Stream(), count: members[index].streams.count)
        }
    }

    // MARK: What was received

    /// Packets that came and did not, and streams with packets, of all.
    var received: (packets: Int, missing: Int, streams: Int) {
        members.reduce(into: (0, 0, 0)) { sums, member in
            for stream in member.streams where stream.count > 0 {
                sums.0 += stream.count
                sums.1 += stream.missing
                sums.2 += 1
            }
        }
    }

    /// From the publisher's send to the subscriber's kernel.
    func delays() -> LatencySamples {
        var delays = LatencySamples()
        for (packet, at) in arrivals {
            if let time = sent[packet] { delays.add(nanoseconds: at - time) }
        }
        return delays
    }

    /// The share of whole members who get the largest size of the camera that they show large.
    func largeShare(featured: (Int) -> Int) -> Double {
        let whole = members.indices.filter { members[$0].isWhole }
        let served = whole.filter { index in
            let wanted = members[featured(index)].peer.encodings(.camera).last?.ssrc
            return members[index].peer.received.values.contains { $0.origin == wanted }
        }
        return Double(served.count) / Double(max(1, whole.count))
    }

    /// Complete pictures that a decoder could not show, of the whole ones since they joined.
    var undecodable: Int {
        members.reduce(0) { $0 + ($1.isWhole ? $1.peer.received.values.reduce(0) { $0 + $1.undecodable } : 0) }
    }

    /// What is wrong with what the whole ones get, if anything.
    var fault: String? {
        let cameraCount = members.count { $0.isCamera }
        for member in members {
            if member.peer.isClosed { return "The media server closed a connection." }
            if let failure = member.peer.failure { return "\(failure)" }
            let streamCount = member.streams.count { $0.count > 0 }
            let wanted = cameraCount - (member.isCamera ? 1 : 0)
            if streamCount < wanted { return "Somebody gets \(streamCount) cameras of \(wanted)." }
            guard member.isWhole else { continue }
            if member.peer.refusedPackets.forged > 0 { return "Packets are not authentic." }
            let isCorrupt = member.peer.received.values.contains { $0.corrupt > 0 }
            if isCorrupt { return "A payload is not what was sent." }
        }
        return nil
    }

    // MARK: A run

    /// Takes what comes and, if so, publishes. Blocks until `end`.
    func run(until end: MediaTime, publishing: Bool) {
        threadUse.begin()
        defer { threadUse.finish() }
        stagger(from: .now)
        var next = MediaTime.now
        while next < end {
            next.wait()
            let now = MediaTime.now
            let realTime = clockNanoseconds(CLOCK_REALTIME) - now.nanoseconds
            for index in members.indices {
                receive(&members[index], realTime: realTime)
                if publishing, members[index].isCamera, members[index].nextFrame <= now {
                    publish(&members[index], now: now)
                }
            }
            if nextTimeouts <= now {
                nextTimeouts = now + Self.timeoutInterval
                for member in members { handleTimeout(member, now: now) }
            }
            next = max(now, next + Self.step)
        }
    }

    /// Cameras take turns within the time of a picture, as those that know nothing of each other do.
    private func stagger(from start: MediaTime) {
        let cameras = members.indices.filter { members[$0].isCamera }
        for (place, index) in cameras.enumerated() {
            members[index].nextFrame = start + .seconds(1) / Self.framesPerSecond / cameras.count * place
        }
    }

    /// - Parameter realTime: by how much CLOCK_REALTIME is ahead of CLOCK_MONOTONIC.
    private func receive(_ member: inout Member, realTime: Int64) {
        let (peer, isWhole) = (member.peer, member.isWhole)
        var isAnswered = false
        reader.receive(from: member.socket) { datagram, arrival in
            let bytes = UnsafeRawBufferPointer(datagram)
            let at = MediaTime(nanoseconds: arrival - realTime)
            guard DatagramKind(bytes.assumingMemoryBound(to: UInt8.self).span) == .rtp else {
                peer.receive(datagram, now: at)
                isAnswered = true
                return
            }
            let counted = isWhole ? peer.peek(bytes) : peer.count(bytes, now: at)
            if let counted, !counted.isRepair { member.streams[counted.section].receive(counted.sequenceNumber) }
            guard isWhole else { return }
            peer.receive(datagram, now: at)
            if let counted, !counted.isRepair, let pattern = peer.lastPattern {
                let packet = PacketName(origin: pattern.origin, frame: pattern.frame, part: pattern.part)
                arrivals.append((packet, arrival))
            }
        }
        if isAnswered { peer.takeDatagrams(member.socket.send) }
    }

    /// One picture in each size.
    private func publish(_ member: inout Member, now: MediaTime) {
        let (peer, socket) = (member.peer, member.socket)
        peer.takeDatagrams(socket.send)
        for (size, track) in peer.encodings(.camera).enumerated() {
            let isKeyFrame = track.isKeyFrameWanted || track.frameCount == 0
            peer.sendVideoFrame(
                byteCount: Self.bitrates[size] / 8 / Self.framesPerSecond, isKeyFrame: isKeyFrame, encoding: size,
                now: now)
            var part: UInt16 = 0
            peer.takeDatagrams { datagram in
                sent[PacketName(origin: track.ssrc, frame: track.frameCount, part: part)] =
                    clockNanoseconds(CLOCK_REALTIME)
                socket.send(datagram)
                part += 1
            }
        }
        member.nextFrame = member.nextFrame + .seconds(1) / Self.framesPerSecond
    }

    private func handleTimeout(_ member: Member, now: MediaTime) {
        guard let deadline = member.peer.deadline, deadline <= now else { return }
        member.peer.handleTimeout(now: now)
        member.peer.takeDatagrams(member.socket.send)
    }
}
