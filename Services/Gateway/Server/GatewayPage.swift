import RedisBus
import ServiceKit
import Synchronization

extension GatewayServices {
    /// The figures of this gateway for Prometheus.
    var metrics: TextResponse {
        var page = PrometheusText()
        func count(_ value: borrowing Atomic<Int>) -> Int { value.load(ordering: .relaxed) }
        page.gauge("roost_gateway_connections", "Open WebSockets.", Double(count(counters.connections)))
        page.gauge(
            "roost_gateway_deflating_connections", "Those of them that take compressed frames.",
            Double(count(counters.deflating)))
        page.counter(
            "roost_gateway_too_slow_total", "Connections that were closed because they did not read.",
            count(counters.tooSlow))
        page.counter(
            "roost_gateway_mended_streams_total", "Streams that had missed events which were fetched.",
            count(counters.mended))
        page.counter("roost_bus_published_total", "Payloads handed to Redis.", bus.counters.published)
        page.counter("roost_bus_received_total", "Messages of subscribed topics.", bus.counters.received)
        page.counter("roost_bus_reconnects_total", "Links to Redis after the first.", bus.counters.reconnects)
        page.addProcess()
        return TextResponse(page)
    }
}
