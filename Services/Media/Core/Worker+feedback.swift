import MediaSecurity

// What the node reports to those who send to it, and asks of them.
extension Worker {
    /// Sends what `write` puts into a compound packet, if anything.
    func send(to peer: Peer, _ write: (inout RTCPWriter) -> Void) {
        guard let srtp = peer.srtp, let destination = peer.destination else { return }
        writer.removeAll(keepingCapacity: true)
        write(&writer)
        guard !writer.bytes.isEmpty else { return }
        outbox.append(to: destination) { place in
            guard writer.bytes.count + SRTPSession.trailingByteCount <= place.count else { return nil }
            place.copyBytes(from: writer.bytes)
            return srtp.protectRTCP(place, count: writer.bytes.count)
        }
    }

    /// Requests that are due and, once a second, the receiver report. Answers whether requests remain.
    func writeFeedback(to participant: Participant, now: MediaTime) -> Bool {
        writeArrivals(to: participant, now: now)
        let isReportDue = now >= participant.nextReport
        let isImpatient = participant.publications.contains { $0.isImpatient }
        guard isReportDue || isImpatient else { return false }
        if isReportDue { participant.nextReport = now + Peer.reportInterval }
        send(to: participant) { writer in
            if isReportDue {
                let blocks = participant.publications.flatMap { publication in
                    publication.encodings.compactMap { $0.report(now: now) }
                }
                if !blocks.isEmpty {
                    writer.receiverReport(ssrc: participant.reporter, reports: blocks)
                    writer.sourceDescription(ssrc: participant.reporter, cname: participant.cname)
                }
            }
            for publication in participant.publications {
                for encoding in publication.encodings {
                    writeRequests(of: encoding, from: participant.reporter, into: &writer, now: now)
                }
            }
        }
        return isImpatient
    }

    /// Feedback on the participant's packets, by which it learns how much it can send.
    private func writeArrivals(to participant: Participant, now: MediaTime) {
        guard let media = participant.publications.lazy.compactMap({ $0.encodings.lazy.compactMap(\.ssrc).first }).first
        else { return }
        if let bitrate = participant.takeEstimate(now: now) {
            let ssrcs = participant.publications.flatMap { $0.kind == .video ? $0.encodings.compactMap(\.ssrc) : [] }
            send(to: participant) { writer in
                writer.receiverEstimate(sender: participant.reporter, bitrate: bitrate, ssrcs: ssrcs)
            }
        }
        var isMore = true
        while isMore {
            isMore = false
            send(to: participant) { writer in
                isMore = writer.transportFeedback(
                    of: &participant.arrivals, sender: participant.reporter, media: media, now: now)
            }
        }
    }

    /// The same for the other end of a relay: what it reports is that it is there. Answers whether requests remain.
    func writeRequests(to relay: Relay, now: MediaTime) -> Bool {
        if now >= relay.nextReport {
            relay.nextReport = now + Relay.keepAlive
            send(to: relay) { $0.receiverReport(ssrc: relay.reporter, reports: []) }
        }
        var isImpatient = false
        for encoding in relay.publications.lazy.flatMap(\.encodings) where encoding.isImpatient {
            isImpatient = true
            send(to: relay) { writer in
                writeRequests(of: encoding, from: relay.reporter, into: &writer, now: now)
            }
        }
        return isImpatient
    }

    private func writeRequests(
        of encoding: Encoding, from reporter: UInt32, into writer: inout RTCPWriter, now: MediaTime
    ) {
        let asked = encoding.writeRequests(from: reporter, now: now, into: &writer, numbers: &numbers)
        counters.packetsRequested += asked.packets
        counters.keyFramesRequested += asked.keyFrames
    }
}
