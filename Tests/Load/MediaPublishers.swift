import Contracts
import Foundation
import MediaPeer
import MediaSecurity

/// One camera in each of several rooms: 30 pictures a second, each sent as a browser's pacer does, in bursts of 5 ms at two
/// and a half times the rate. Or one microphone: a packet each 20 ms.
///
/// SAFETY: `@unchecked Sendable` because it is touched by one thread at a time: by a run's while that lasts, by whoever
/// waits for it before and after.
final class MediaPublishers: @unchecked Sendable {
    private let frameByteCount: Int
    private let burstByteCount: Int
    /// Pictures, or packets of sound.
    let framesPerSecond: Int
    private let source: CallSource
    private static let step = Duration.milliseconds(5)

    private struct Member {
        let peer: MediaPeer
        let socket: MediaSocket
        /// The encrypted packets of the current picture that are not sent yet.
        var waiting: ArraySlice<[UInt8]> = []
        var frameNumber: UInt32 = 0
        var nextStep = MediaTime(nanoseconds: 0)
        var nextFrame = MediaTime(nanoseconds: 0)
        var framesLeft = 0
        /// When each packet of a picture was sent, in nanoseconds of CLOCK_REALTIME, by the picture's number.
        var sent: [UInt32: [Int64]] = [:]
    }

    private var members: [Member] = []
    private let reader = MediaReader()
    /// Packets of pictures, since ``forget()``.
    private(set) var packetCount = 0

    /// - Parameters:
    ///   - source: what each publishes, a camera or a microphone.
    ///   - bitrate: of a camera, in bits a second.
    init(_ source: CallSource, bitrate: Int) {
        self.source = source
        frameByteCount = bitrate / 8 / 30
        burstByteCount = bitrate / 8 * 5 / 2 / 200
        framesPerSecond = source.isVideo ? 30 : 50
    }

    func add(_ peer: MediaPeer) throws { members.append(Member(peer: peer, socket: try peer.openSocket())) }

    var areConnected: Bool { members.allSatisfy { $0.peer.isConnected } }

    /// Begins to count anew.
    func forget() {
        packetCount = 0
        for index in members.indices { members[index].sent = [:] }
    }

    /// When the part of a picture was sent by the track of that SSRC, in nanoseconds of CLOCK_REALTIME.
    func sendTime(of pattern: PayloadPattern) -> Int64? {
        let member = members.first { $0.peer.published.first?.ssrc == pattern.origin }
        guard let times = member?.sent[pattern.frame], Int(pattern.part) < times.count else { return nil }
        return times[Int(pattern.part)]
    }

    // MARK: A run

    /// Answers what comes and publishes so many pictures in each room, from `start` on. Blocks until `end`.
    func run(frames: Int, from start: MediaTime, until end: MediaTime) {
        for index in members.indices {
            // Rooms take turns within the time of a picture, as cameras that know nothing of each other do.
            let share = Duration.seconds(1) / framesPerSecond / members.count * index
            members[index].nextStep = start + share
            members[index].nextFrame = start + share
            members[index].framesLeft = frames
        }
        while let next = members.indices.min(by: { members[$0].nextStep < members[$1].nextStep }),
            members[next].nextStep < end
        {
            members[next].nextStep.wait()
            advance(&members[next], now: .now)
        }
    }

    private func advance(_ member: inout Member, now: MediaTime) {
        let (peer, socket) = (member.peer, member.socket)
        reader.receive(from: socket) { datagram, _ in peer.receive(datagram, now: now) }
        if let deadline = peer.deadline, deadline <= now { peer.handleTimeout(now: now) }
        peer.takeDatagrams(socket.send)
        if member.framesLeft > 0, member.waiting.isEmpty, member.nextFrame <= member.nextStep {
            prepareFrame(&member, now: now)
        }
        sendBurst(&member)
        member.nextStep = member.nextStep + Self.step
    }

    private func prepareFrame(_ member: inout Member, now: MediaTime) {
        member.frameNumber = member.peer.published.first?.frameCount ?? 0
        if source.isVideo {
            let isKeyFrame = member.peer.published.contains { $0.isKeyFrameWanted || $0.frameCount == 0 }
            member.peer.sendVideoFrame(byteCount: frameByteCount, isKeyFrame: isKeyFrame, now: now)
        } else {
            member.peer.sendAudio(level: 30, now: now)
        }
        var packets: [[UInt8]] = []
        member.peer.takeDatagrams { packets.append(Array($0)) }
        member.waiting = packets[...]
        member.framesLeft -= 1
        member.nextFrame = member.nextFrame + .seconds(1) / framesPerSecond
    }

    private func sendBurst(_ member: inout Member) {
        var byteCount = 0
        while byteCount < burstByteCount, let packet = member.waiting.popFirst() {
            member.sent[member.frameNumber, default: []].append(clockNanoseconds(CLOCK_REALTIME))
            packet.withUnsafeBytes(member.socket.send)
            byteCount += packet.count
            packetCount += 1
        }
    }
}

extension MediaPeer {
    /// A socket to the server's best address: loopback where it is offered.
    func openSocket() throws -> MediaSocket {
        let best =
            remoteCandidates.first { $0.host == "127.0.0.1" } ?? remoteCandidates.first { !$0.host.contains(":") }
        guard let best else { throw LoadFailure("The media server's answer has no IPv4 candidate.") }
        return try MediaSocket(host: best.host, port: best.port)
    }
}
