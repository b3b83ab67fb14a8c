/// The counted connections of one gateway, by user or by address, and what Redis is still to be told of them. Pure.
///
/// A place is counted here at once. Redis counts those of all gateways; without it the count of this gateway is all there is.
package struct PresenceConnections<Holder: Hashable, Place: Hashable> {
    private struct Entry {
        var places: Set<Place> = []
        /// Redis was asked for them and has not answered.
        var reserved: Set<Place> = []
        /// Given back here, and still counted in Redis.
        var removals: Set<Place> = []
        /// Places of other gateways when Redis last told.
        var elsewhere = 0
        var isDue = false
    }

    private var entries: [Holder: Entry] = [:]
    private var due: [Holder] = []
    private var ring: BeatRing<Holder>

    /// - Parameter ticksPerBeat: how many calls of ``tick()`` make a beat.
    package init(ticksPerBeat: Int) {
        ring = BeatRing(ticks: ticksPerBeat)
    }

    package var holderCount: Int { entries.count }
    package var isDue: Bool { !due.isEmpty }

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
        entries[holder]?.removals.remove(place)
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
        entries[holder]?.removals.insert(place)
        makeDue(holder)
    }

    /// A tick has passed: the holders whose turn it is are due again.
    package mutating func tick() {
        for holder in ring.next() { makeDue(holder) }
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
            return Update(holder: holder, places: Array(entry.places), removals: Array(entry.removals))
        }
    }

    /// The removals of one holder, for a command that tells of them beside something else.
    package func removals(of holder: Holder) -> [Place] { Array(entries[holder]?.removals ?? []) }

    /// Redis was told, and counts so many places over all gateways.
    package mutating func finish(_ update: Update, count: Int) where Holder: Sendable, Place: Sendable {
        guard entries[update.holder] != nil else { return }
        entries[update.holder]?.removals.subtract(update.removals)
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
    }
}
