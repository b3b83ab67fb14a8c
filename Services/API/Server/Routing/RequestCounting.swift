import HTTPTypes
import Hummingbird
import RedisBus
import ServiceKit
import Synchronization

/// Counts requests by the class of their status and by how long they took. Shared by all threads.
final class RequestCounters: Sendable {
    /// In seconds.
    private static let bounds = [0.005, 0.02, 0.1, 0.5, 2.5]

    private struct State {
        /// By the first digit of the status, 1 to 5.
        var answers = [Int](repeating: 0, count: 6)
        var durations = [Int](repeating: 0, count: RequestCounters.bounds.count + 1)
        var total = 0.0
    }

    private let state = Mutex(State())

    func note(status: Int, duration: Duration) {
        let seconds = duration / .seconds(1)
        state.withLock { state in
            state.answers[min(max(1, status / 100), 5)] += 1
            state.durations[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
            state.total += seconds
        }
    }

    /// The figures of this API for Prometheus.
    func page(bus: RedisBus) -> String {
        let state = self.state.withLock { $0 }
        var page = PrometheusText()
        page.counter(
            "roost_api_requests_total", "Requests by the class of their answer's status.",
            (1...5).map { ([("status", "\($0)xx")], state.answers[$0]) })
        page.histogram(
            "roost_api_request_seconds", "How long requests took.", bounds: Self.bounds, counts: state.durations,
            sum: state.total)
        page.gauge("roost_bus_connected", "1 while there is a link to Redis.", bus.isConnected ? 1 : 0)
        page.counter("roost_bus_published_total", "Payloads handed to Redis.", bus.counters.published)
        page.counter("roost_bus_received_total", "Messages of subscribed topics.", bus.counters.received)
        page.counter("roost_bus_reconnects_total", "Links to Redis after the first.", bus.counters.reconnects)
        page.addProcess()
        return page.text
    }
}

/// Stands around all others, so that what it counts is what clients were answered.
struct RequestCountingMiddleware: RouterMiddleware {
    let counters: RequestCounters

    func handle(
        _ request: Request, context: APIRequestContext,
        next: @concurrent (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        counters.note(status: response.status.code, duration: ContinuousClock.now - start)
        return response
    }
}
