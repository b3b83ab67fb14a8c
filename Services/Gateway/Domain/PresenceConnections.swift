/// The counted connections of one gateway, by user or by address, and what Redis is still to be told of them. Pure.
///
/// A place is counted here at once. Redis counts those of all gateways; without it the count of this gateway is all there is.
package struct PresenceConnections<Holder: Hashable, Place: Hashable> {
    private struct Entry {
        var places: Set<Place> = []
        /// Redis was asked for them and has not answered.
        var reserved: Set<Place> = []
        /// Given back here, and still counted in Redis; the tick of that.
        var removals: [Place: Int] = [:]
        /// Places of other gateways when Redis last told.
        var elsewhere = 0
        var isDue = false
    }

    private var entries: [Holder: Entry] = [:]
    /// May name holders twice, or such as have gone, but not many more than there are.
    private var due: [Holder] = []
    private var ring: BeatRing<Holder>
    private var tickCount = 0
    /// After so many ticks without a beat Redis counts a place no more by itself.
    private let ticksPerLease: Int
    /// So many holders may be due in vain before those are taken out.
    private static var dueSlack: Int { 64 }

    /// - Parameter ticksPerBeat: how many calls of ``tick()`` make a beat; three beats make a lease.
    package init(ticksPerBeat: Int) {
        ring = BeatRing(ticks: ticksPerBeat)
        ticksPerLease = 3 * ticksPerBeat
    }

    package var holderCount: Int { entries.count }
    package var isDue: Bool { !due.isEmpty }
    /// How many are kept as due, some of them in vain.
    package var dueCount: Int { due.count }

    /// Places of a holder here.
    package func countHere(of holder: Holder) -> Int {
        entries[holder].map { $0.places.count + $0.reserved.count } ?? 0
    }

    /// Places of a holder here, and those known elsewhere.
    package func count(of holder: Holder) -> Int { countHere(of: holder) + (entries[holder]?.elsewhere ?? 0) }

    /// Any place of the holder.
    package func anyPlace(of holder: Holder) -> Place? { entries[holder]?.places.first }

    /// Counts a place here. Redis is to be told.
    package mutating func add(_ place: Place, of holder: Holder) {
        entries[holder, default: Entry()].places.insert(place)
        entries[holder]?.removals[place] = nil
        ring.insert(holder)
        makeDue(holder)
    }

    /// Counts a place here that Redis is asked for; ``settle(_:of:counts:)`` follows.
    package mutating func reserve(_ place: Place, of holder: Holder) {
        entries[holder, default: Entry()].reserved.insert(place)
    }

    /// Redis has answered whether a reserved place counts, or cannot answer.
    package mutating func settle(_ place: Place, of holder: Holder, counts: Bool) {
        let isWanted = entries[holder]?.reserved.remove(place) != nil
        if counts {
            add(place, of: holder)
            // Given back while Redis was asked.
            if !isWanted { remove(place, of: holder) }
        } else {
            dropIfEmpty(holder)
        }
    }

    /// Gives a place back. Redis is to be told.
    package mutating func remove(_ place: Place, of holder: Holder) {
        if entries[holder]?.reserved.remove(place) != nil { return }
        guard entries[holder]?.places.remove(place) != nil else { return }
        entries[holder]?.removals[place] = tickCount
        makeDue(holder)
    }

    /// A tick has passed: the holders whose turn it is are due again.
    package mutating func tick() {
        tickCount += 1
        for holder in ring.next() {
            dropOldRemovals(of: holder)
            makeDue(holder)
        }
    }

    /// Without Redis they would gather without end.
    private mutating func dropOldRemovals(of holder: Holder) {
        guard let removals = entries[holder]?.removals, !removals.isEmpty else { return }
        let oldest = tickCount - ticksPerLease
        entries[holder]?.removals = removals.filter { $0.value >= oldest }
        dropIfEmpty(holder)
    }

    /// The holder is due: how many there are elsewhere may have changed.
    package mutating func renew(_ holder: Holder) { makeDue(holder) }

    /// All are due: Redis may have forgotten them.
    package mutating func renewAll() {
        for holder in entries.keys { makeDue(holder) }
    }

    /// What Redis is to be told of one holder: the whole truth of this gateway.
    package struct Update: Hashable, Sendable where Holder: Sendable, Place: Sendable {
        package let holder: Holder
        package let places: [Place]
        package let removals: [Place]
    }

    /// Takes what is due. Each is given back by ``finish(_:count:)`` or ``fail(_:)``.
    package mutating func takeUpdates(maximumCount: Int) -> [Update] where Holder: Sendable, Place: Sendable {
        let holders = due.prefix(maximumCount)
        due.removeFirst(holders.count)
        return holders.compactMap { holder in
            guard let entry = entries[holder], entry.isDue else { return nil }
            entries[holder]?.isDue = false
            return Update(holder: holder, places: Array(entry.places), removals: Array(entry.removals.keys))
        }
    }

    /// The removals of one holder, for a command that tells of them beside something else.
    package func removals(of holder: Holder) -> [Place] { Array((entries[holder]?.removals ?? [:]).keys) }

    /// Redis was told, and counts so many places over all gateways.
    package mutating func finish(_ update: Update, count: Int) where Holder: Sendable, Place: Sendable {
        guard entries[update.holder] != nil else { return }
        for place in update.removals { entries[update.holder]?.removals[place] = nil }
        entries[update.holder]?.elsewhere = max(0, count - update.places.count)
        dropIfEmpty(update.holder)
    }

    /// Whether Redis was told is not known: it is due again.
    package mutating func fail(_ update: Update) where Holder: Sendable, Place: Sendable {
        makeDue(update.holder)
    }

    private mutating func dropIfEmpty(_ holder: Holder) {
        guard let entry = entries[holder], entry.places.isEmpty, entry.reserved.isEmpty, entry.removals.isEmpty else {
            return
        }
        entries[holder] = nil
        ring.remove(holder)
    }

    private mutating func makeDue(_ holder: Holder) {
        guard entries[holder]?.isDue == false else { return }
        entries[holder]?.isDue = true
        due.append(holder)
        if due.count > 2 * entries.count + Self.dueSlack { compactDue() }
    }

    private mutating func compactDue() {
        var seen: Set<Holder> = []
        due = due.filter { entries[$0]?.isDue == true && seen.insert($0).inserted }
    }
}
