import MediaCore
import MediaSecurity

/// One receiver behind a virtual link, and all of the sender that serves it: controller, pacer and allocator over the
/// layers of some publishers, with sound, retransmissions and real feedback packets. In steps of a millisecond.
struct SimulatedViewer {
    /// What it looks at.
    enum Demand {
        /// So many publishers, all equally important.
        case layers(count: Int)
        /// One stream that is as large as the estimate allows.
        case elastic
    }

    /// What was true at the end of each 100 ms.
    struct Sample {
        let time: Duration
        let target: Int
        /// The layer of each publisher, -1 for none.
        let layers: [Int]
        /// Of media, padding left out, since the beginning.
        let deliveredByteCount: Int
        let queueDelay: Duration
        /// What packets of video that are here wait before they leave.
        let wait: Duration
    }

    private struct Packet {
        let byteCount: Int
        let kind: SentKind
        /// When it was there to be sent.
        let since: MediaTime
        var tries = 0
    }

    private static let packetByteCount = 1_160
    private static let audioByteCount = 120
    private static let audioBitrate = 48_000

    let demand: Demand
    /// Whether video waits for the pacer; if not, it is forwarded the moment it is there.
    let isPaced: Bool
    private(set) var samples: [Sample] = []
    private(set) var controller = CongestionController()
    private(set) var allocator = LayerAllocator()
    private(set) var link: VirtualLink
    private(set) var lostForGood = 0
    private(set) var mediaCount = 0
    /// How long sound took beyond the way's own delay, packet by packet.
    private(set) var soundDelays: [(sent: MediaTime, beyond: Duration)] = []
    /// How long packets of video took from where they were forwarded, the first time they were sent.
    private(set) var longestPictureDelay = Duration.zero
    private var recorder = ArrivalRecorder()
    private var arrivals = TimeQueue<(number: UInt16, packet: Packet)>()
    private var feedback = TimeQueue<[UInt8]>()
    private var resends = TimeQueue<Packet>()
    private var waiting: [Packet] = []
    private var waitingHead = 0
    private var waitingByteCount = 0
    private var nextStep = MediaTime(nanoseconds: 0)
    private var layers: [Int]
    private var wantedLayers: [Int]
    private var deliveredByteCount = 0
    private var random: SeededGenerator
    private var due = MediaTime(nanoseconds: 0)

    init(_ demand: Demand, _ conditions: LinkConditions, isPaced: Bool = true, seed: UInt64) {
        (self.demand, self.isPaced) = (demand, isPaced)
        link = VirtualLink(conditions, seed: seed)
        random = SeededGenerator(seed: ~seed)
        if case .layers(let count) = demand {
            layers = [Int](repeating: -1, count: count)
        } else {
            layers = []
        }
        wantedLayers = layers
    }

    /// One millisecond.
    mutating func step(_ millisecond: Int, publishers: inout [SimulatedPublisher]) {
        let now = MediaTime(nanoseconds: Int64(millisecond) * 1_000_000)
        receive(now)
        if millisecond % 20 == 0 { send(Packet(byteCount: Self.audioByteCount, kind: .audio, since: now), now) }
        if now >= nextStep { sendWaiting(now) }
        if millisecond % SimulatedPublisher.frameMilliseconds == 0 { takeFrames(publishers, now) }
        if now >= due {
            var padding = controller.advance(now: now)
            while padding > 0 {
                let byteCount = max(60, min(padding, 1_000))
                send(Packet(byteCount: byteCount, kind: .padding, since: now), now)
                padding -= byteCount
            }
            due = controller.due(after: now)
        }
        if millisecond % 100 == 0 {
            allocate(now, &publishers)
            samples.append(
                Sample(
                    time: .milliseconds(millisecond), target: controller.target, layers: layers,
                    deliveredByteCount: deliveredByteCount, queueDelay: controller.queueDelay,
                    wait: waitingHead < waiting.count ? now - waiting[waitingHead].since : .zero))
        }
    }

    private mutating func receive(_ now: MediaTime) {
        while let (number, packet) = arrivals.next(until: now) {
            recorder.receive(number, byteCount: packet.byteCount, now: now)
            if packet.kind != .padding { deliveredByteCount += packet.byteCount }
        }
        var bytes: [UInt8] = []
        while recorder.write(now: now, sender: 1, media: 2, into: &bytes) {}
        if !bytes.isEmpty, let arrival = link.sendBack(now: now) { feedback.add(bytes, at: arrival) }
        while let bytes = feedback.next(until: now) {
            if controller.receive(bytes.span, now: now) { due = min(due, controller.due(after: now)) }
        }
        while let packet = resends.next(until: now) {
            if controller.wait(for: .retransmission, now: now) == .zero {
                send(packet, now)
            } else {
                lostForGood += 1
            }
        }
    }

    private mutating func send(_ packet: Packet, _ now: MediaTime) {
        let number = controller.sent(packet.kind, byteCount: packet.byteCount, now: now)
        if packet.kind == .video { mediaCount += 1 }
        if let arrival = link.send(byteCount: packet.byteCount, now: now) {
            let delay = arrival - packet.since - link.conditions.delay
            if packet.kind == .audio { soundDelays.append((now, delay)) }
            if packet.kind == .video { longestPictureDelay = max(longestPictureDelay, delay) }
            arrivals.add((number, packet), at: arrival)
        } else if packet.kind == .video || packet.kind == .retransmission {
            // Asked for again once the gap was seen, and again after each round trip.
            guard packet.tries < 4 else {
                lostForGood += 1
                return
            }
            resends.add(
                Packet(byteCount: packet.byteCount, kind: .retransmission, since: now, tries: packet.tries + 1),
                at: now + link.conditions.delay * 2 + .milliseconds(20))
        }
    }

    private mutating func takeFrames(_ publishers: [SimulatedPublisher], _ now: MediaTime) {
        switch demand {
        case .elastic:
            let rest = max(controller.mediaBudget - Self.audioBitrate, 0)
            let mean = Double(rest * SimulatedPublisher.frameMilliseconds) / 8_000
            queueFrame(Int(mean * (0.7 + 0.6 * random.unit())), now)
        case .layers(let count):
            for index in 0..<count {
                // The old layer goes on until the key frame of the new one.
                if wantedLayers[index] >= 0, publishers[index].frames[wantedLayers[index]].isKey {
                    layers[index] = wantedLayers[index]
                }
                if layers[index] >= 0 { queueFrame(publishers[index].frames[layers[index]].byteCount, now) }
            }
        }
    }

    /// As a participant's packets: at once if there is room, else behind those that wait.
    private mutating func queueFrame(_ byteCount: Int, _ now: MediaTime) {
        var rest = byteCount
        while rest > 0 {
            let packet = Packet(byteCount: min(rest, Self.packetByteCount) + 24, kind: .video, since: now)
            rest -= Self.packetByteCount
            if !isPaced || waiting.isEmpty && controller.hasRoom(now: now) {
                send(packet, now)
                continue
            }
            if waiting.isEmpty { nextStep = now + CongestionController.step }
            waiting.append(packet)
            waitingByteCount += packet.byteCount
            controller.keepBack(waitingByteCount: waitingByteCount, now: now)
        }
    }

    private mutating func sendWaiting(_ now: MediaTime) {
        guard waitingHead < waiting.count else { return }
        while waitingHead < waiting.count, controller.hasRoom(now: now) {
            let packet = waiting[waitingHead]
            send(packet, now)
            waitingHead += 1
            waitingByteCount -= packet.byteCount
        }
        nextStep = now + CongestionController.step
        guard waitingHead == waiting.count else { return }
        waiting.removeAll(keepingCapacity: true)
        waitingHead = 0
        controller.noneWaits(now: now)
    }

    private mutating func allocate(_ now: MediaTime, _ publishers: inout [SimulatedPublisher]) {
        guard case .layers(let count) = demand else {
            controller.wanted = BandwidthEstimator.maximum
            return
        }
        let demands = (0..<count).map {
            LayerDemand(id: UInt32($0), priority: .normal, maximumSpatial: 2, layers: SimulatedPublisher.layers)
        }
        controller.wanted = LayerAllocator.wanted(demands) + Self.audioBitrate
        let choices = allocator.update(
            demands, budget: controller.mediaBudget, audio: Self.audioBitrate, now: now)
        for index in 0..<count {
            let next = choices[index].map { Int($0.spatial) } ?? -1
            if next < 0 { layers[index] = -1 }
            if next != wantedLayers[index], next >= 0 { publishers[index].requestKeyFrame(next) }
            wantedLayers[index] = next
        }
    }
}

/// What happens at a time, the earliest first; equal times in the order they were added.
struct TimeQueue<Element> {
    private var items: [(time: MediaTime, element: Element)] = []
    private var head = 0

    mutating func add(_ element: Element, at time: MediaTime) {
        var index = items.count
        while index > head, items[index - 1].time > time { index -= 1 }
        items.insert((time, element), at: index)
    }

    mutating func next(until now: MediaTime) -> Element? {
        guard head < items.count, items[head].time <= now else {
            if head > 4_096 {
                items.removeFirst(head)
                head = 0
            }
            return nil
        }
        head += 1
        return items[head - 1].element
    }
}

/// Lets viewers and publishers run for a time.
struct Simulation {
    var publishers: [SimulatedPublisher]
    var viewers: [SimulatedViewer]

    init(publisherCount: Int, keyFrameSize: Double = 4, seed: UInt64, viewers: [SimulatedViewer]) {
        publishers = (0..<publisherCount).map {
            SimulatedPublisher(seed: seed &+ UInt64($0) &* 1_000, keyFrameSize: keyFrameSize)
        }
        self.viewers = viewers
    }

    /// One viewer alone.
    static func run(
        _ demand: SimulatedViewer.Demand, _ conditions: LinkConditions, isPaced: Bool = true, seconds: Int,
        seed: UInt64
    ) -> SimulatedViewer {
        var count = 0
        if case .layers(let wanted) = demand { count = wanted }
        var simulation = Simulation(
            publisherCount: count, seed: seed,
            viewers: [SimulatedViewer(demand, conditions, isPaced: isPaced, seed: seed)])
        simulation.run(seconds: seconds)
        return simulation.viewers[0]
    }

    /// - Parameter each: called before every step, to ask for key frames.
    mutating func run(
        from start: Int = 0, seconds: Int, each: (_ millisecond: Int, inout [SimulatedPublisher]) -> Void = { _, _ in }
    ) {
        for millisecond in (start * 1_000)..<((start + seconds) * 1_000) {
            each(millisecond, &publishers)
            if millisecond % SimulatedPublisher.frameMilliseconds == 0 {
                for index in publishers.indices { publishers[index].advance() }
            }
            for index in viewers.indices { viewers[index].step(millisecond, publishers: &publishers) }
        }
    }
}
