/// What `make bench` says of the gateway. Measures are named `<server> <label>`, labels as in ``FanoutRun/label``.
extension Report {
    /// The labels with which a server was measured, runs with fewer subscribers first.
    private func labels(of server: String) -> [String] {
        runs.keys.compactMap { $0.hasPrefix(server + " ") ? String($0.dropFirst(server.count + 1)) : nil }
            .sorted { (Int($0.prefix(while: \.isNumber)) ?? 0, $0) < (Int($1.prefix(while: \.isNumber)) ?? 0, $1) }
    }

    /// The gateway beside its peers, a column a server and a ratio a peer.
    var fanout: String? {
        let labels = labels(of: "roost").filter { !$0.hasSuffix("deflate") && !$0.hasSuffix("B") }
        let tables = labels.map { label in
            let peers = ["nchan", "ws"].filter { count("\($0) \(label)") > 0 }
            func row(_ title: String, _ figure: String, _ digits: Int) -> [String] {
                peers.reduce([title, text(median("roost \(label)", figure), digits)]) { cells, peer in
                    cells + [
                        text(median("\(peer) \(label)", figure), digits),
                        text(ratio("roost \(label)", to: "\(peer) \(label)", figure), 2),
                    ]
                }
            }
            return table(
                "Delivery, \(label) (subscribers x frames/s), median of \(count("roost \(label)"))",
                peers.reduce(["figure", "roost-gateway"]) { $0 + [$1, "ratio to \($1)"] },
                [
                    row("frames/s delivered", "framesPerSecond", 0),
                    row("of that offered", "offeredShare", 3),
                    row("CPU s per million frames", "serverCPUSecondsPerMillion", 2),
                    row("latency p50, ms", "p50Milliseconds", 1),
                    row("latency p99, ms", "p99Milliseconds", 1),
                    row("to the last subscriber p99, ms", "lastP99Milliseconds", 1),
                    row("VmRSS with the subscribers, MB", "serverRSSMB", 1),
                    row("CPU s per million frames: the receivers", "loadCPUSecondsPerMillion", 2),
                    row("cores used by anything else meanwhile", "coresUsedByOthers", 2),
                ])
        }
        return tables.isEmpty ? nil : tables.joined(separator: "\n\n")
    }

    /// All subscribers with permessage-deflate beside the same without.
    var deflate: String? {
        guard let label = labels(of: "roost").first(where: { $0.hasSuffix("-deflate") }) else {
            return nil
        }
        let (with, without) = ("roost \(label)", "roost \(label.dropLast("-deflate".count))")
        func row(_ title: String, _ figure: String, _ digits: Int) -> [String] {
            [title, text(median(with, figure), digits), text(median(without, figure), digits)]
                + [text(ratio(with, to: without, figure), 2)]
        }
        return table(
            "Deflate, \(label)", ["figure", "with", "without", "ratio"],
            [
                row("CPU s per million frames", "serverCPUSecondsPerMillion", 2),
                row("latency p99, ms", "p99Milliseconds", 1),
                row("share of frames deflated", "deflatedShare", 3),
                row("differently deflated frames", "distinctDeflatedFrames", 0),
            ])
    }

    /// Some of the subscribers stop reading.
    var stalled: String? {
        guard let label = labels(of: "roost-stalled").first else { return nil }
        let (with, without) = ("roost-stalled \(label)", "roost \(label)")
        func row(_ title: String, _ figure: String, _ digits: Int) -> [String] {
            [title, text(median(with, figure), digits), text(median(without, figure), digits)]
                + [text(ratio(with, to: without, figure), 2)]
        }
        return table(
            "Subscribers that stop reading, \(label)", ["the others", "with them", "without", "ratio"],
            [
                row("latency p99, ms", "p99Milliseconds", 1),
                row("peak memory of the gateway, MB", "serverPeakRSSMB", 1),
                row("closed by the gateway", "stalledAndClosed", 0),
            ])
    }

    /// From the POST to the last subscriber.
    var latency: String? {
        let labels = labels(of: "latency")
        guard !labels.isEmpty else { return nil }
        return table(
            "From POST to the last subscriber",
            ["subscribers, share of the saturating rate", "messages/s", "p50, ms", "p99, ms"],
            labels.map { label in
                ["messagesPerSecond", "lastP50Milliseconds", "lastP99Milliseconds"].reduce([label]) {
                    $0 + [text(median("latency \(label)", $1), 1)]
                }
            })
    }

    /// Many connections that are idle, or come back at once.
    var crowds: String? {
        let wanted: [(server: String, title: String, figure: String, digits: Int)] = [
            ("connections", "bytes of memory a connection", "bytesPerConnection", 0),
            ("connections", "CPU µs to open one", "openMicroseconds", 0),
            ("connections", "a frame to all: latency p99, ms", "p99Milliseconds", 1),
            ("storm", "CPU µs of the gateway a reconnect", "gatewayMicroseconds", 0),
            ("storm", "CPU µs of the APIs a reconnect", "apiMicroseconds", 0),
            ("storm", "seconds until all are current", "seconds", 2),
            ("storm", "turned away", "retries", 0),
            ("resume", "seconds until all have what they missed", "seconds", 2),
            ("resume", "PostgreSQL statements for 100 clients", "statementsPerHundred", 2),
            ("resume", "CPU µs of the gateway a client", "gatewayMicroseconds", 0),
        ]
        let rows = wanted.flatMap { row in
            labels(of: row.server).map { label in
                [
                    "\(row.server) \(label)", row.title,
                    text(median("\(row.server) \(label)", row.figure), row.digits),
                ]
            }
        }
        return rows.isEmpty ? nil : table("Crowds", ["measure", "figure", "value"], rows)
    }
}
