/// What `make bench` says of media nodes. Measures are named `<server>-<profile><shape>`, shapes as in ``MediaRun``.
extension Report {
    /// Roost, beside Janus where that was measured: a table for each shape, in it each way to protect packets.
    var media: String? {
        let shapes = Set(runs.keys.filter { $0.hasPrefix("roost-media-") }.map { String($0.drop { $0 != " " }) })
        func size(_ shape: String) -> Int { Int(shape.dropFirst().prefix { $0.isNumber }) ?? 0 }
        let tables = shapes.sorted { (size($0), $0) < (size($1), $1) }.compactMap { media($0) }
        return tables.isEmpty ? nil : tables.joined(separator: "\n\n")
    }

    /// - Parameter shape: what the measurements' names end with.
    private func media(_ shape: String) -> String? {
        let profiles = ["gcm", "sha1"].filter { count("roost-media-\($0)\(shape)") > 0 }
        guard let first = profiles.first else { return nil }
        let hasPeer = profiles.contains { count("janus-media-\($0)\(shape)") > 0 }
        func row(_ title: String, _ figure: String, _ digits: Int) -> [String] {
            profiles.reduce([title]) { cells, profile in
                let (roost, janus) = ("roost-media-\(profile)\(shape)", "janus-media-\(profile)\(shape)")
                let own = cells + [text(median(roost, figure), digits)]
                return hasPeer
                    ? own + [text(median(janus, figure), digits), text(ratio(roost, to: janus, figure), 2)] : own
            }
        }
        return table(
            "One \(shape.contains("sound") ? "microphone" : "camera") a room to "
                + "\(text(median("roost-media-\(first)\(shape)", "subscribers"), 0)) subscribers\(shape), "
                + "median of \(count("roost-media-\(first)\(shape)"))",
            profiles.reduce(["figure"]) {
                $0 + ["roost-media, \($1)"] + (hasPeer ? ["Janus, \($1)", "ratio"] : [])
            },
            [
                row("packets/s delivered", "packetsPerSecond", 0),
                row("CPU s per million packets", "serverCPUSecondsPerMillion", 2),
                row("cores", "serverCores", 2),
                row("forwarding delay p50, ms", "p50Milliseconds", 2),
                row("forwarding delay p99, ms", "p99Milliseconds", 2),
                row("CPU ms of a join", "joinCPUMilliseconds", 2),
                row("kB for a participant", "kilobytesPerParticipant", 0),
                row("kB for one more", "kilobytesPerNextParticipant", 0),
                row("share of packets lost", "lostShare", 4),
                row("CPU s per million packets: the load", "loadCPUSecondsPerMillion", 2),
                row("core taken by the load's receiver", "loadThreadShare", 2),
                row("cores used by anything else meanwhile", "coresUsedByOthers", 2),
            ])
    }

    /// Calls of many with many cameras.
    var crowd: String? {
        let measures = runs.keys.filter { $0.hasPrefix("crowd ") }.sorted()
        let tables = measures.map { measure in
            func row(_ title: String, _ figure: String, _ digits: Int) -> [String] {
                [title, text(median(measure, figure), digits)]
            }
            return table(
                "A call with \(measure.dropFirst("crowd ".count)) in three sizes, median of \(count(measure))",
                ["figure", "roost-media, gcm"],
                [
                    row("packets/s delivered", "packetsPerSecond", 0),
                    row("cameras that each gets", "streamsEach", 2),
                    row("share that gets the large one in the largest size", "largeShare", 2),
                    row("pictures that could not be decoded", "undecodablePictures", 0),
                    row("CPU s per million packets", "serverCPUSecondsPerMillion", 2),
                    row("cores", "serverCores", 2),
                    row("forwarding delay p50, ms", "p50Milliseconds", 2),
                    row("forwarding delay p99, ms", "p99Milliseconds", 2),
                    row("CPU ms of a join", "joinCPUMilliseconds", 2),
                    row("kB for a participant", "kilobytesPerParticipant", 0),
                    row("share of packets lost", "lostShare", 4),
                    row("CPU s per million packets: the load", "loadCPUSecondsPerMillion", 2),
                    row("core taken by the load's thread", "loadThreadShare", 2),
                    row("cores used by anything else meanwhile", "coresUsedByOthers", 2),
                ])
        }
        return tables.isEmpty ? nil : tables.joined(separator: "\n\n")
    }
}
