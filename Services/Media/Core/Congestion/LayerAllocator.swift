package import MediaSecurity

/// Divides what may be sent to one receiver among the pictures it sees. Everyone gets the least first, in the order of
/// priority; then the most important are raised, then the next. Lowered at once when it does not fit; raised only when
/// there has been room to spare for a while, and the longer the more often raising turned out to be wrong. Owned by the
/// participant; called when something changed, and a few times a second.
package struct LayerAllocator: Sendable {
    /// Raising needs so much more than it takes.
    package static let headroom = 1.12
    /// For how long there has to be room before anything is raised.
    package static let hold = Duration.milliseconds(1_500)
    package static let longestHold = Duration.seconds(24)
    /// Between two raises: one picture after the other, because each begins with a key frame.
    package static let step = Duration.milliseconds(300)
    /// A raise that does not last so long was wrong.
    package static let trialPeriod = Duration.seconds(10)
    /// For each such time without a lowering, the wait before a raise is halved again.
    package static let forgetPeriod = Duration.seconds(60)

    private struct Held {
        let priority: VideoPriority
        let maximumSpatial: UInt8
        var choice: LayerChoice?
    }

    private struct Item {
        let demand: LayerDemand
        let ladder: [LayerChoice]
        /// Position in the ladder of what is sent now, -1 for nothing.
        var current = -1
        /// Whether who sees it, or who sends it, changed something: that needs no patience.
        var isChanged = false
    }

    private var held: [UInt32: Held] = [:]
    private var roomSince: MediaTime?
    private var currentHold = Self.hold
    private var lastRaise: MediaTime?
    private var calmSince: MediaTime?
    /// How often a picture that nobody changed was given another layer, since the beginning.
    package private(set) var changeCount = 0

    /// Nothing is sent yet.
    package init() {}

    /// What all demands would take together if there were no limit, in bits/s.
    package static func wanted(_ demands: [LayerDemand]) -> Int {
        demands.reduce(0) { $0 + ($1.ladder.last?.bitrate ?? 0) }
    }

    /// Decides anew.
    ///
    /// - Parameters:
    ///   - demands: all subscriptions to video.
    ///   - budget: in bits/s, ``CongestionController/mediaBudget``.
    ///   - audio: what of it the audio takes, which comes first.
    /// - Returns: for each demand, in their order, what it gets; `nil` for nothing.
    package mutating func update(
        _ demands: [LayerDemand], budget: Int, audio: Int, now: MediaTime
    ) -> [LayerChoice?] {
        let room = max(0, budget - audio)
        var items = demands.map(item)
        let order = items.indices.sorted {
            (items[$0].demand.priority.rawValue, items[$0].demand.id)
                < (items[$1].demand.priority.rawValue, items[$1].demand.id)
        }
        let careful = Self.divide(items, order: order, room: Int(Double(room) / Self.headroom))
        var next = takeChanges(items, careful)
        let isLowered = Self.cost(items, next) > room
        if isLowered {
            let full = Self.divide(items, order: order, room: room)
            for index in items.indices {
                next[index] = items[index].isChanged ? full[index] : min(next[index], full[index])
            }
            noteLowering(now: now)
        }
        if isRaised(from: next, to: careful, order: order) {
            if !isLowered, hasWaited(now: now) {
                next = raised(next, to: careful, items, order: order, room: room)
                lastRaise = now
            }
        } else {
            roomSince = nil
        }
        for index in items.indices where !items[index].isChanged && next[index] != items[index].current {
            changeCount += 1
        }
        for index in items.indices { items[index].current = next[index] }
        return keep(items)
    }

    private func item(_ demand: LayerDemand) -> Item {
        var item = Item(demand: demand, ladder: demand.ladder)
        guard let before = held[demand.id], before.priority == demand.priority,
            before.maximumSpatial == demand.maximumSpatial
        else {
            item.isChanged = true
            return item
        }
        guard let choice = before.choice else { return item }
        item.current = item.ladder.lastIndex { $0.isSameLayer(as: choice) } ?? -1
        item.isChanged = item.current < 0
        return item
    }

    private func takeChanges(_ items: [Item], _ careful: [Int]) -> [Int] {
        items.indices.map { items[$0].isChanged ? careful[$0] : items[$0].current }
    }

    private static func cost(_ items: [Item], _ positions: [Int]) -> Int {
        items.indices.reduce(0) { sum, index in
            sum + (positions[index] < 0 ? 0 : items[index].ladder[positions[index]].bitrate)
        }
    }

    /// The best division of `room`, without regard to what is sent now.
    private static func divide(_ items: [Item], order: [Int], room: Int) -> [Int] {
        var (positions, rest) = ([Int](repeating: -1, count: items.count), room)
        for index in order {
            guard let least = items[index].ladder.first else { continue }
            // Nobody gets anything before a more important one has its least.
            guard least.bitrate <= rest else { return positions }
            positions[index] = 0
            rest -= least.bitrate
        }
        for priority in VideoPriority.allCases {
            let equals = order.filter { items[$0].demand.priority == priority }
            var isRaising = true
            while isRaising {
                isRaising = false
                for index in equals where positions[index] + 1 < items[index].ladder.count {
                    let ladder = items[index].ladder
                    let step = ladder[positions[index] + 1].bitrate - ladder[positions[index]].bitrate
                    guard step <= rest else { continue }
                    positions[index] += 1
                    rest -= step
                    isRaising = true
                }
            }
        }
        return positions
    }

    /// Whether the most important picture that would change gets more.
    private func isRaised(from now: [Int], to next: [Int], order: [Int]) -> Bool {
        guard let first = order.first(where: { now[$0] != next[$0] }) else { return false }
        return next[first] > now[first]
    }

    private mutating func hasWaited(now: MediaTime) -> Bool {
        if let since = calmSince, now - since > Self.forgetPeriod {
            currentHold = max(currentHold / 2, Self.hold)
            calmSince = now
        }
        guard let since = roomSince else {
            roomSince = now
            return false
        }
        if let lastRaise, now - lastRaise < Self.step { return false }
        return now - since >= currentHold
    }

    /// The most important of those that get more; all of the division if others have to make room for it.
    private func raised(
        _ positions: [Int], to careful: [Int], _ items: [Item], order: [Int], room: Int
    ) -> [Int] {
        guard let first = order.first(where: { positions[$0] < careful[$0] }) else { return careful }
        var next = positions
        next[first] = careful[first]
        return Self.cost(items, next) <= room ? next : careful
    }

    private mutating func noteLowering(now: MediaTime) {
        roomSince = nil
        if let lastRaise, now - lastRaise < Self.trialPeriod {
            currentHold = min(currentHold * 2, Self.longestHold)
            self.lastRaise = nil
        }
        calmSince = now
    }

    private mutating func keep(_ items: [Item]) -> [LayerChoice?] {
        held.removeAll(keepingCapacity: true)
        return items.map { item in
            let choice = item.current < 0 ? nil : item.ladder[item.current]
            held[item.demand.id] = Held(
                priority: item.demand.priority, maximumSpatial: item.demand.maximumSpatial, choice: choice)
            return choice
        }
    }
}
