import Contracts
import GatewayDomain
import Logging
import NIOCore
import Synchronization

/// How what was lost on the bus is found and fetched.
extension StreamTable {
    /// Streams are known, by PostgreSQL or by who published them, to have come as far as these places.
    func note(_ heads: [Cursor]) {
        for head in heads where entries[head.stream] != nil {
            entries[head.stream]?.log.note(reached: head.seq)
            scheduleMend(head.stream)
        }
    }

    /// The same, from any thread.
    func noteLater(_ places: [Cursor]) { eventLoop.execute { [self] in note(places) } }

    /// Gives missing events a moment to arrive by themselves, then fetches them.
    func scheduleMend(_ stream: StreamID) {
        guard let entry = entries[stream], entry.log.isMissingEvents, !entry.isMending else { return }
        entries[stream]?.isMending = true
        if mending.isEmpty {
            eventLoop.scheduleTask(in: .nanoseconds(Limits.gapHold.nanoseconds)) { [self] in mendAll() }
        }
        mending.insert(stream)
    }

    private func mendAll() {
        let streams = mending
        mending = []
        var ranges: [StreamHistory.Range] = []
        for stream in streams {
            if let log = entries[stream]?.log, log.isMissingEvents, let last = log.last {
                ranges.append(.init(stream: stream, after: last, through: log.reached))
            } else {
                entries[stream]?.isMending = false
            }
        }
        guard !ranges.isEmpty else { return }
        let missing = ranges
        Task { [self] in
            do {
                let found = try await history.events(missing, isCompressing: counters.isDeflating)
                eventLoop.execute { [self] in mended(missing, found) }
            } catch {
                logger.warning("gaps not mended yet", metadata: ["streams": "\(missing.count)", "error": "\(error)"])
                eventLoop.scheduleTask(in: .milliseconds(500)) { [self] in
                    mending.formUnion(streams)
                    mendAll()
                }
            }
        }
    }

    private func mended(_ ranges: [StreamHistory.Range], _ found: StreamHistory.Found) {
        counters.mended.add(found.events.count, ordering: .relaxed)
        for (stream, events) in found.events {
            for (seq, event) in events { take(seq, event, of: stream) }
        }
        for place in found.resets {
            deliver(entries[place.stream]?.log.skip(to: place.seq) ?? [], of: place.stream)
            for loop in loops { loop.put([.reset(place)]) }
        }
        for range in ranges {
            entries[range.stream]?.isMending = false
            scheduleMend(range.stream)
        }
    }

    /// After a reconnection to Redis: whatever was published meanwhile is lost on the bus. The topics are subscribed again.
    func compareHeads() {
        let open = entries.compactMap { $0.value.log.last == nil ? nil : $0.key }
        guard !open.isEmpty else { return }
        Task { [self] in
            var rest = open[...]
            while !rest.isEmpty {
                let chunk = Array(rest.prefix(Limits.headsPerRequest))
                do {
                    // Not from Redis: it may have come back without what was published last.
                    let heads = try await history.headsInDatabase(of: chunk)
                    eventLoop.execute { [self] in note(heads) }
                    rest = rest.dropFirst(chunk.count)
                } catch {
                    logger.warning("heads not compared yet", metadata: ["error": "\(error)"])
                    do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
                }
            }
        }
    }
}
