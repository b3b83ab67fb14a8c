import MediaCore
package import ServiceKit

/// The pages of a media node beside its probes: `/metrics` for Prometheus, and `/stats`, the rooms with their participants
/// and tracks as JSON. They ask the workers when they are asked, so that nothing is gathered for nobody.
package struct NodePages: Sendable {
    private let workers: [WorkerThread]
    private let state: MediaNodeState

    init(workers: [WorkerThread], state: MediaNodeState) {
        self.workers = workers
        self.state = state
    }

    /// `nil` for an address where nothing is.
    package func answer(to uri: String) async -> TextResponse? {
        switch uri {
        case "/metrics": TextResponse(await metrics())
        case "/stats": await statistics()
        default: nil
        }
    }

    // MARK: Rooms

    private func statistics() async -> TextResponse {
        var rooms: [RoomStatistics] = []
        for worker in workers { rooms += await worker.perform { worker, now in worker.statistics(now: now) } }
        do { return try TextResponse(json: rooms) } catch { return .broken(error) }
    }

    // MARK: Figures

    /// One worker at one moment.
    private struct Look: Sendable {
        let counters: WorkerCounters
        let rooms: Int
        let participants: Int
        let paths: Int
        let estimates: [Int]
    }

    private func metrics() async -> PrometheusText {
        var looks: [(usage: WorkerUsage, value: Look)] = []
        for worker in workers {
            looks.append(
                await worker.look { worker, _ in
                    Look(
                        counters: worker.counters, rooms: worker.roomCount, participants: worker.participantCount,
                        paths: worker.pathCount, estimates: worker.estimates)
                })
        }
        var page = PrometheusText()
        addSeats(looks.map(\.value), to: &page)
        addPackets(looks, to: &page)
        addFeedback(looks.map(\.value.counters), to: &page)
        addWorkers(looks.map(\.usage), to: &page)
        page.addProcess()
        return page
    }

    private func addSeats(_ looks: [Look], to page: inout PrometheusText) {
        page.gauge("roost_media_rooms", "Calls on this node.", Double(looks.reduce(0) { $0 + $1.rooms }))
        page.gauge("roost_media_seats", "Seats on this node.", Double(looks.reduce(0) { $0 + $1.participants }))
        page.gauge(
            "roost_media_paths", "ICE user name fragments and addresses that lead to seats.",
            Double(looks.reduce(0) { $0 + $1.paths }))
        page.gauge("roost_media_draining", "1 while the node goes away.", state.isDraining ? 1 : 0)
        let estimates = looks.flatMap(\.estimates)
        let average = estimates.isEmpty ? 0 : estimates.reduce(0, +) / estimates.count
        page.gauge(
            "roost_media_estimate_bits_per_second", "What participants' links are thought to carry from the node.",
            [([("of", "least")], Double(estimates.min() ?? 0)), ([("of", "average")], Double(average))])
        let joins = looks.map(\.counters.joins)
        page.histogram(
            "roost_media_join_seconds", "From a seat's taking until packets can flow.",
            bounds: JoinTimes.bounds.map { Double($0) / 1000 },
            counts: JoinTimes.bounds.indices.map { index in joins.reduce(0) { $0 + $1.counts[index] } }
                + [joins.reduce(0) { $0 + $1.counts[JoinTimes.bounds.count] }],
            sum: joins.reduce(.zero) { $0 + $1.sum } / .seconds(1))
    }

    private func addPackets(_ looks: [(usage: WorkerUsage, value: Look)], to page: inout PrometheusText) {
        func sum(_ value: (WorkerCounters) -> Int) -> Int { looks.reduce(0) { $0 + value($1.value.counters) } }
        func sent(_ value: (WorkerUsage) -> Int) -> Int { looks.reduce(0) { $0 + value($1.usage) } }
        page.counter("roost_media_received_packets_total", "Datagrams that arrived.", sum(\.receivedPackets))
        page.counter("roost_media_received_bytes_total", "Their bytes.", sum(\.receivedBytes))
        page.counter("roost_media_sent_packets_total", "Datagrams that were sent.", sent(\.sentPackets))
        page.counter("roost_media_sent_bytes_total", "Their bytes.", sent(\.sentBytes))
        page.counter(
            "roost_media_unsent_packets_total", "Datagrams that found no room to wait in.", sent(\.unsentPackets))
        page.counter(
            "roost_media_forwarded_packets_total", "Copies of RTP packets made for subscribers.",
            sum(\.forwardedPackets))
        page.counter(
            "roost_media_dropped_packets_total", "Datagrams that went no further, by why.",
            DropReason.allCases.map { reason in ([("reason", "\(reason)")], sum { $0.dropped(reason) }) })
    }

    private func addFeedback(_ counters: [WorkerCounters], to page: inout PrometheusText) {
        func sum(_ value: (WorkerCounters) -> Int) -> Int { counters.reduce(0) { $0 + value($1) } }
        func sides(_ subscribers: Int, _ publishers: Int) -> [(labels: [(name: String, value: String)], value: Int)] {
            [([("link", "subscriber")], subscribers), ([("link", "publisher")], publishers)]
        }
        page.counter(
            "roost_media_nacked_packets_total", "Packets asked for again: by subscribers, and of publishers.",
            sides(sum(\.packetsAskedFor), sum(\.packetsRequested)))
        page.counter(
            "roost_media_retransmitted_packets_total", "Packets sent again: to subscribers, and by publishers (RTX).",
            sides(sum(\.retransmittedPackets), sum(\.repairedPackets)))
        page.counter(
            "roost_media_key_frame_requests_total", "Key frames asked for: by subscribers, and of publishers.",
            sides(sum(\.keyFramesAskedFor), sum(\.keyFramesRequested)))
    }

    private func addWorkers(_ usages: [WorkerUsage], to page: inout PrometheusText) {
        page.gauge(
            "roost_media_worker_cpu_seconds", "Time that each worker's thread has had of a processor.",
            usages.enumerated().map { index, usage in
                ([("worker", "\(index)")], usage.processorTime / .seconds(1))
            })
        page.histogram(
            "roost_media_turn_seconds",
            "How long turns of the packet loops took: what arrives meanwhile waits so long.",
            bounds: WorkerUsage.turnBounds.map { Double($0) / 1000 },
            counts: (0...WorkerUsage.turnBounds.count).map { index in usages.reduce(0) { $0 + $1.turns[index] } },
            sum: usages.reduce(.zero) { $0 + $1.turnTime } / .seconds(1))
    }
}
