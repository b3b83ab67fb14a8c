import ServiceKit
import Testing

@Suite("Figures for Prometheus")
struct PrometheusTextTests {
    @Test("Counters, gauges and histograms read as the text format says, with labels escaped")
    func format() {
        var page = PrometheusText()
        page.counter("a_total", "All of them.", 7)
        page.gauge("b", "Now.", [([("x", "say \"hi\" \\ \n"), ("y", "2")], 0.5), ([], 3)])
        page.histogram("c_seconds", "How long.", bounds: [0.5, 2], counts: [3, 0, 2], sum: 9.25)
        #expect(
            page.text == """
                # HELP a_total All of them.
                # TYPE a_total counter
                a_total 7
                # HELP b Now.
                # TYPE b gauge
                b{x="say \\"hi\\" \\\\ \\n",y="2"} 0.5
                b 3
                # HELP c_seconds How long.
                # TYPE c_seconds histogram
                c_seconds_bucket{le="0.5"} 3
                c_seconds_bucket{le="2"} 3
                c_seconds_bucket{le="+Inf"} 5
                c_seconds_sum 9.25
                c_seconds_count 5

                """)
    }

    @Test("A process says what it has of the machine")
    func process() throws {
        let usage = try #require(ProcessUsage.current)
        #expect(usage.processorSeconds > 0 && usage.residentByteCount > 1_000_000 && usage.descriptorCount > 2)
        var page = PrometheusText()
        page.addProcess()
        for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
            #expect(page.text.contains("\n\(name) "))
        }
    }
}
