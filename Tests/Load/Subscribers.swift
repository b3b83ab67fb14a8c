import CDatagrams
import Contracts
import Foundation
import MediaSecurity
import ServiceKit

/// Many WebSockets that one thread reads, each millisecond what has come: so that the load spends little of the machine,
/// and the servers are not charged for waking it with every frame. A frame has arrived when the kernel has it: a thousand
/// people do not wait for one thread that reads their sockets one after the other.
///
/// Owned by one thread at a time: a measurement hands it from one to the next.
///
/// SAFETY: `@unchecked Sendable` because of that.
final class Subscribers: @unchecked Sendable {
    /// How a subscriber stands with its server.
    enum Phase {
        case closed
        case connecting
        case upgrading
        /// A gateway is to answer identify with hello, ready and current.
        case identifying
        /// Whatever is published from now on arrives here.
        case current
    }

    struct Member {
        var socket: Int32 = -1
        var phase = Phase.closed
        /// It does not read; what becomes of it is the server's business.
        var isStalled = false
        /// The beginning of a frame that is not whole yet.
        var rest: [UInt8] = []
        /// What it sends when it is upgraded; empty where no more is asked for.
        var identify: [UInt8] = []
        /// Where its streams stood when it identified.
        var places: [Cursor] = []
    }

    private static let pause: Int64 = 1_000_000
    private static let beatInterval: Int64 = 20_000_000_000
    /// So many sockets share a source address: there are some 28,000 ports for each.
    private static let socketsPerAddress = 2_000

    let address: ServerAddress
    private(set) var members: [Member]
    /// What is being delivered; a run sets it.
    var delivery: Delivery?
    /// Whether the places of `ready` frames are kept, for those who will come back.
    var keepsPlaces = false
    private let epoll: Epoll
    private let upgrade: [UInt8]
    private let input = StampedInput()
    private var number = FrameNumber()
    private let deflated = DeflatedFrames()
    private(set) var currentCount = 0
    /// Text frames with RSV1 so far.
    private(set) var deflatedFrameCount = 0
    /// Those whom the server turned away while they opened, and when they try again, in the order of that.
    private var turnedAway: [(index: Int, until: Int64)] = []
    /// How often one was turned away.
    private(set) var retryCount = 0
    /// And for which reasons.
    private var reasons: [String: Int] = [:]
    private var isOpening = false
    var inflatedFrameCount: Int { deflated.inflatedCount }

    /// - Parameter identify: what each subscriber sends when it is upgraded; as many subscribers as there are elements.
    init(of address: ServerAddress, identify: [[UInt8]], offersDeflate: Bool = false) throws {
        try raiseOpenFileLimit()
        if offersDeflate, !DeflatedFrames.isAvailable {
            throw LoadFailure("This roost-load was built without zlib.")
        }
        self.address = address
        members = identify.map { Member(identify: $0) }
        upgrade = ClientFrames.upgrade(path: address.path, offersDeflate: offersDeflate)
        epoll = try Epoll()
    }

    deinit { closeAll() }

    // MARK: Opening and closing

    /// Says what a subscriber sends at its next upgrade.
    func setIdentify(_ identify: [UInt8], of index: Int) { members[index].identify = identify }

    /// Opens all that are closed and returns when every one is current. Whom the server turns away comes back after a
    /// second, as clients do.
    /// - Parameters:
    ///   - atOnce: how many may be on their way.
    ///   - stalled: those that will not read; they get small buffers.
    func open(atOnce: Int, stalled: Range<Int> = 0..<0, within seconds: Int = 60) throws {
        var waiting = members.indices.filter { members[$0].phase == .closed }[...]
        let goal = currentCount + waiting.count
        isOpening = true
        defer { isOpening = false }
        var nextBeat = now() + Self.beatInterval
        try run(until: now() + Int64(seconds) * 1_000_000_000) {
            // On a slow machine the last come when the first would be taken for dead.
            if now() >= nextBeat {
                nextBeat += Self.beatInterval
                try beat()
            }
            while let first = turnedAway.first, first.until <= now() {
                waiting.append(turnedAway.removeFirst().index)
            }
            let underWay = goal - currentCount - waiting.count - turnedAway.count
            for _ in 0..<max(0, min(atOnce - underWay, waiting.count)) {
                let index = waiting.removeFirst()
                try connect(index, isStalled: stalled.contains(index))
            }
            return currentCount == goal
        }
    }

    private func connect(_ index: Int, isStalled: Bool) throws {
        let socket = try address.connect(from: 1 + index / Self.socketsPerAddress, isSmall: isStalled)
        StampedInput.stamp(socket)
        members[index].socket = socket
        members[index].phase = .connecting
        try epoll.add(socket, [.reading, .writing, .edges], tag: index)
    }

    /// Cuts every connection at once, as a proxy does that dies: with a reset, which leaves no port behind in TIME_WAIT.
    func closeAll() {
        for index in members.indices where members[index].phase != .closed { close(index) }
    }

    private func close(_ index: Int) {
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            members[index].socket, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(members[index].socket)
        if members[index].phase == .current { currentCount -= 1 }
        members[index].phase = .closed
        members[index].rest = []
    }

    /// These read no more.
    func stall(_ indices: Range<Int>) throws {
        for index in indices {
            members[index].isStalled = true
            try epoll.remove(members[index].socket)
        }
    }

    /// Sends a heartbeat from each that reads.
    func beat() throws {
        let frame = try ClientFrames.heartbeat()
        for index in members.indices where members[index].phase == .current && !members[index].isStalled {
            try send(frame, from: index)
        }
    }

    // MARK: Reading

    private func now() -> Int64 { clockNanoseconds(CLOCK_MONOTONIC) }

    /// Reads what comes until there is no more to wait for.
    /// - Throws: ``LoadFailure`` at the deadline, and when a connection breaks.
    func run(until deadline: Int64, _ isDone: () throws -> Bool) throws {
        var turn = now()
        while try !isDone() {
            guard turn < deadline else { throw LoadFailure("Not all came in time: \(progress).") }
            input.compareClocks()
            try epoll.drain { try read($0) }
            turn = max(turn + Self.pause, now())
            MediaTime(nanoseconds: turn).wait()
        }
    }

    private var progress: String {
        let missing = delivery.map { ", \($0.missing) frames are missing" } ?? ""
        return "\(currentCount) of \(members.count) subscribers are current\(missing)"
    }

    private func read(_ index: Int) throws {
        if members[index].phase == .connecting {
            try send(upgrade, from: index)
            members[index].phase = .upgrading
        }
        while members[index].phase != .closed {
            switch input.receive(from: members[index].socket) {
            case .bytes(let bytes, let arrival, let mayHaveMore):
                try consume(bytes, index, arrival)
                if !mayHaveMore { return }
            case .nothing: return
            case .ended(let error):
                return try lose(index, error.map { String(cString: strerror($0)) } ?? "the server closed")
            }
        }
    }

    /// Takes bytes as they come from the socket, behind what waits from before.
    private func consume(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ arrival: Int64) throws {
        if members[index].rest.isEmpty {
            let used = try consumeWhole(bytes, index, arrival)
            if used < bytes.count { members[index].rest = Array(bytes[used...]) }
        } else {
            let all = members[index].rest + bytes
            let used = try all.withUnsafeBytes { try consumeWhole($0, index, arrival) }
            members[index].rest = Array(all[used...])
        }
    }

    /// - Returns: how many of the bytes were used.
    private func consumeWhole(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ arrival: Int64) throws -> Int {
        var used = 0
        if members[index].phase == .upgrading {
            used = try receiveUpgrade(bytes, index)
            if used == 0 { return 0 }
        }
        while let frame = try ServerFrameBytes(UnsafeRawBufferPointer(rebasing: bytes[used...])) {
            used += frame.byteCount
            switch frame.kind {
            case .text: try receive(frame, index, arrival)
            case .close:
                try lose(index, Self.closeText(frame.payload))
                return bytes.count
            case .ping, .pong: break
            }
        }
        return used
    }

    /// A connection broke: while subscribers open, that is for one to try again.
    private func lose(_ index: Int, _ reason: String) throws {
        guard isOpening, members[index].phase != .current else {
            throw LoadFailure("The connection of subscriber \(index) ended: \(reason).")
        }
        close(index)
        retryCount += 1
        reasons[reason, default: 0] += 1
        turnedAway.append((index, now() + 1_000_000_000))
    }

    /// Says on standard error why subscribers were turned away since the last time.
    func reportTurnedAway() {
        for (reason, count) in reasons.sorted(by: { $0.key < $1.key }) {
            FileHandle.standardError.write(Data("turned away \(count) times: \(reason)\n".utf8))
        }
        reasons = [:]
    }

    private static func closeText(_ payload: UnsafeRawBufferPointer) -> String {
        guard payload.count >= 2 else { return "without a code" }
        return
            "\(Int(payload[0]) << 8 | Int(payload[1])) \(String(decoding: payload[2...], as: UTF8.self))"
    }

    private func receiveUpgrade(_ bytes: UnsafeRawBufferPointer, _ index: Int) throws -> Int {
        guard let length = firstPlace(of: Array("\r\n\r\n".utf8), in: bytes) else { return 0 }
        let head = String(decoding: bytes[0..<length], as: UTF8.self)
        guard head.hasPrefix("HTTP/1.1 101 "), head.contains(ClientFrames.upgradeAnswer) else {
            throw LoadFailure("The upgrade to a WebSocket was answered: \(head)")
        }
        if members[index].identify.isEmpty {
            becomeCurrent(index)
        } else {
            members[index].phase = .identifying
            try send(members[index].identify, from: index)
        }
        return length + 4
    }

    private func becomeCurrent(_ index: Int) {
        members[index].phase = .current
        currentCount += 1
    }

    private func receive(_ frame: ServerFrameBytes, _ index: Int, _ arrival: Int64) throws {
        if frame.isDeflated { deflatedFrameCount += 1 }
        if delivery != nil {
            let found =
                frame.isDeflated
                ? try deflated.find(in: frame.payload, expected: delivery?.next(of: index))
                : number.find(in: frame.payload)
            if let found { return try delivery?.receive(found, subscriber: index, at: arrival) ?? () }
        }
        guard members[index].phase == .identifying else { return }
        let text = frame.isDeflated ? try DeflatedFrames.inflate(frame.payload) : Array(frame.payload)
        // Decoded only where it must be: ten thousand of them come in a storm.
        if text.contains(Self.currentType) {
            becomeCurrent(index)
        } else if keepsPlaces, text.contains(Self.readyType) {
            members[index].places = try WireJSON.decode(Places.self, from: text).streams
        }
    }

    private static let currentType = Array(#""type":"current""#.utf8)
    private static let readyType = Array(#""type":"ready""#.utf8)

    /// Of a `ready` frame what is needed to come back: gateways of earlier versions are measured too.
    private struct Places: Decodable {
        let streams: [Cursor]
    }

    private func send(_ bytes: [UInt8], from index: Int) throws {
        let sent = Glibc.send(members[index].socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        guard sent == bytes.count else {
            throw LoadFailure("Subscriber \(index) cannot send: \(String(cString: strerror(errno))).")
        }
    }

    // MARK: A run

    /// Counts frames until every subscriber that reads has all of them.
    /// - Parameters:
    ///   - readers: how many of the first count.
    ///   - channels: frame n is of channel n modulo this; `nil` where frames of one channel may come in any order.
    /// - Throws: ``LoadFailure`` unless each gets every frame once and in order, the last within 30 s.
    func receive(_ schedule: Schedule, readers: Int, channels: Int?) throws -> Delivery {
        deflated.forget()
        delivery = Delivery(of: schedule, to: readers, channels: channels)
        defer { delivery = nil }
        try run(until: schedule.due(schedule.count) + 30_000_000_000) { delivery?.missing == 0 }
        // A frame too many would come now.
        let end = now() + 200_000_000
        try run(until: .max) { now() >= end }
        guard let delivery else { throw LoadFailure("Nothing was to be delivered.") }
        return delivery
    }

    /// Opens all at once and counts the frames that come to them, until every one is current and has all.
    func resume(_ schedule: Schedule, readers: Int, within seconds: Int) throws -> Delivery {
        delivery = Delivery(of: schedule, to: readers, channels: 1)
        defer { delivery = nil }
        try open(atOnce: members.count, within: seconds)
        let end = now() + 1_000_000_000
        try run(until: end) { delivery?.missing == 0 }
        guard let delivery else { throw LoadFailure("Nothing was to be delivered.") }
        return delivery
    }

    /// How many of these, which do not read, the server has closed. What it sent before is read now, which takes a
    /// moment through their small buffers.
    func countClosed(_ indices: Range<Int>) -> Int {
        var left = Set(indices)
        let end = now() + 5_000_000_000
        while !left.isEmpty, now() < end {
            for index in left where hasEnded(index) { left.remove(index) }
            MediaTime(nanoseconds: now() + Self.pause).wait()
        }
        return indices.count - left.count
    }

    /// Whether a connection is over, with all that came before its end.
    private func hasEnded(_ index: Int) -> Bool {
        while true {
            switch input.receive(from: members[index].socket) {
            case .bytes: continue
            case .nothing: return false
            case .ended: return true
            }
        }
    }
}
