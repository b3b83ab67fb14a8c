/// Spreads what is renewed once a beat over the ticks of that beat. Pure: a tick is a call of ``next()``.
package struct BeatRing<Item: Hashable> {
    private var slots: [Set<Item>]
    private var slotOfItem: [Item: Int] = [:]
    private var position = 0

    /// - Parameter ticks: in a beat, at least 1.
    package init(ticks: Int) {
        slots = Array(repeating: [], count: max(1, ticks))
    }

    package var count: Int { slotOfItem.count }

    /// Adds an item: it comes up a whole beat from now, or sooner where another tick has less to do. Again changes nothing.
    package mutating func insert(_ item: Item) {
        guard slotOfItem[item] == nil else { return }
        // The slot that has just come up comes up again last. A fuller one gives way to the emptiest.
        let last = (position + slots.count - 1) % slots.count
        let emptiest = slots.indices.min { slots[$0].count < slots[$1].count } ?? last
        let slot = slots[last].count <= slots[emptiest].count ? last : emptiest
        slots[slot].insert(item)
        slotOfItem[item] = slot
    }

    package mutating func remove(_ item: Item) {
        guard let slot = slotOfItem.removeValue(forKey: item) else { return }
        slots[slot].remove(item)
    }

    /// The items whose turn it is in this tick. Each comes up once in as many calls as a beat has ticks.
    package mutating func next() -> Set<Item> {
        let due = slots[position]
        position = (position + 1) % slots.count
        return due
    }
}
