package import Contracts
import MediaCore
package import MediaSecurity

extension MediaPeer {
    // MARK: Sending

    /// Sends one packet of 20 ms of sound, 80 to 120 bytes. `level` is 0 for the loudest, 127 for silence; from 127 on
    /// the packet says that nobody speaks. Nothing is sent before the peer is connected.
    package func sendAudio(level: UInt8, source: CallSource = .microphone, now: MediaTime) {
        guard isConnected, let index = published.firstIndex(where: { $0.source == source }) else { return }
        let voice: UInt8 = level < 127 ? 0x80 : 0
        let packet = published[index].audioPacket(
            level: voice | min(level, 127), byteCount: .random(in: 80...120, using: &random), now: now)
        if let packet { send(rtp: packet) }
    }

    /// Sends one picture of `byteCount` bytes in as many packets as it takes; `encoding` counts from the lowest. Nothing is
    /// sent before the peer is connected.
    package func sendVideoFrame(
        byteCount: Int, isKeyFrame: Bool, source: CallSource = .camera, encoding: Int = 0, now: MediaTime
    ) {
        let indices = published.indices.filter { published[$0].source == source }
        guard isConnected, indices.indices.contains(encoding) else { return }
        let index = indices[encoding]
        for packet in published[index].videoPackets(byteCount: byteCount, isKeyFrame: isKeyFrame, now: now) {
            send(rtp: packet)
        }
    }

    /// Sends one picture in spatial layers; its codec is VP9. Nothing is sent before the peer is connected.
    package func send(_ picture: LayeredPicture, source: CallSource = .camera, now: MediaTime) {
        guard isConnected, let index = published.firstIndex(where: { $0.source == source }) else { return }
        for packet in published[index].packets(of: picture, now: now) { send(rtp: packet) }
    }

    /// Asks the node for a key frame on a receive section, by PLI (RFC 4585 §6.3.1).
    package func requestKeyFrame(mid: String) {
        guard let ssrc = sections.first(where: { $0.mid == mid })?.ssrc else { return }
        var writer = RTCPWriter()
        writer.pictureLoss(sender: reportSSRC, media: ssrc)
        send(rtcp: writer.bytes)
    }

    /// The same by FIR (RFC 5104 §4.3.1).
    /// - Parameter number: another one for each request that is no repetition.
    package func requestFullIntra(mid: String, number: UInt8) {
        guard let ssrc = sections.first(where: { $0.mid == mid })?.ssrc else { return }
        var writer = RTCPWriter()
        writer.fullIntra(sender: reportSSRC, media: ssrc, number: number)
        send(rtcp: writer.bytes)
    }

    /// Tells what it can take, in bits/s (REMB).
    package func tellEstimate(_ bitrate: Int) {
        var writer = RTCPWriter()
        writer.receiverEstimate(sender: reportSSRC, bitrate: bitrate, ssrcs: sections.compactMap(\.ssrc))
        send(rtcp: writer.bytes)
    }

    /// Asks for packets of a section by their numbers, whether or not they are missing.
    package func requestPackets(_ numbers: [UInt16], mid: String) {
        guard let ssrc = sections.first(where: { $0.mid == mid })?.ssrc else { return }
        var writer = RTCPWriter()
        writer.nack(sender: reportSSRC, media: ssrc, sequenceNumbers: numbers)
        send(rtcp: writer.bytes)
    }

    package var keyFrameRequestsReceived: Int { published.reduce(0) { $0 + $1.keyFrameRequestsReceived } }
    package var nacksReceived: Int { published.reduce(0) { $0 + $1.nacksReceived } }
    package var nacksAnswered: Int { published.reduce(0) { $0 + $1.nacksAnswered } }

    /// What it publishes from `source`, if it does.
    package func published(_ source: CallSource) -> PublishedTrack? { published.first { $0.source == source } }

    /// The encodings in which it publishes `source`, the lowest first.
    package func encodings(_ source: CallSource) -> [PublishedTrack] { published.filter { $0.source == source } }

    // MARK: Receiving

    func receiveRTP(_ packet: UnsafeRawBufferPointer, now: MediaTime) {
        let header = RTPHeader(packet.assumingMemoryBound(to: UInt8.self).span)
        if let header { noteArrival(header, packet, now: now) }
        guard let header, let index = sectionIndex[header.ssrc] else {
            lastPattern = nil
            strayPackets += 1
            return
        }
        let due: MediaTime?
        if header.ssrc == sections[index].repairSSRC {
            due = sections[index].receiveRepair(header, packet, now: now)
        } else {
            due = sections[index].receive(header, packet, now: now)
        }
        lastPattern = sections[index].lastPattern
        guard let due else { return }
        nextNack = min(nextNack ?? due, due)
    }

    private func noteArrival(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer, now: MediaTime) {
        guard let id = formats.extensions[PeerFormats.transportSequence] else { return }
        var number: UInt16?
        header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { other, content in
            guard other == id, content.count == 2 else { return }
            number = UInt16(packet[content.lowerBound]) << 8 | UInt16(packet[content.lowerBound + 1])
        }
        if let number { noteArrival(number, byteCount: packet.count, now: now) }
    }

    func noteArrival(_ number: UInt16, byteCount: Int, now: MediaTime) {
        numbersReceived += 1
        arrivals.receive(number, byteCount: byteCount, now: now)
    }

    func receiveRTCP(_ packet: UnsafeRawBufferPointer, now: MediaTime) {
        let bytes = packet.assumingMemoryBound(to: UInt8.self).span
        TransportFeedback.forEach(in: bytes) { feedback in
            feedback.forEachPacket(in: bytes) { _, arrival in arrivalsTold += arrival == nil ? 0 : 1 }
        }
        ReceiverEstimate.forEach(in: bytes) { estimates.append($0.bitrate) }
        let isWellFormed = RTCPPacket.forEach(in: packet.assumingMemoryBound(to: UInt8.self).span) { part in
            switch part {
            case .senderReport(let ssrc, let ntp, _, _, _, let reports):
                if let index = sectionIndex[ssrc] { sections[index].receiveSenderReport(ntp: ntp, now: now) }
                receive(reports)
            case .receiverReport(_, let reports): receive(reports)
            case .nack(_, let media, let numbers): resend(numbers, of: media)
            case .pictureLoss(_, let media), .fullIntra(_, let media):
                if let index = track(media) { published[index].receiveKeyFrameRequest() }
            case .bye, .other: break
            }
        }
        if !isWellFormed { strayPackets += 1 }
    }

    private func receive(_ reports: [ReportBlock]) {
        for report in reports {
            if let index = track(report.ssrc) { published[index].receive(report) }
        }
    }

    private func resend(_ numbers: [UInt16], of media: UInt32) {
        guard let index = track(media) else { return }
        for number in numbers {
            if let packet = published[index].packet(again: number) { send(rtp: packet) }
        }
    }

    private func track(_ ssrc: UInt32) -> Int? { published.firstIndex { $0.ssrc == ssrc } }

    // MARK: Feedback

    /// Under which SSRC it reports: its first track's, or 1, as browsers that send nothing do.
    private var reportSSRC: UInt32 { published.first?.ssrc ?? 1 }

    func sendNacks(now: MediaTime) {
        nextNack = nil
        for index in sections.indices {
            let (numbers, next) = sections[index].takeMissing(now: now)
            nextNack = [nextNack, next].compactMap(\.self).min()
            guard !numbers.isEmpty, let ssrc = sections[index].ssrc else { continue }
            var writer = RTCPWriter()
            writer.nack(sender: reportSSRC, media: ssrc, sequenceNumbers: numbers)
            send(rtcp: writer.bytes)
        }
    }

    func sendArrivals(now: MediaTime) {
        var bytes: [UInt8] = []
        while arrivals.write(now: now, sender: reportSSRC, media: 0, into: &bytes) {
            send(rtcp: bytes)
            bytes = []
        }
    }

    /// A sender report for each track that has sent, or a receiver report, then a description (RFC 3550 §6.1).
    func sendReports(now: MediaTime) {
        nextReport = now + .seconds(1)
        let blocks = sections.indices.compactMap { sections[$0].report(now: now) }
        let senders = published.filter { $0.packetCount > 0 }
        var writer = RTCPWriter()
        for (index, track) in senders.enumerated() {
            writer.senderReport(
                ssrc: track.ssrc, ntp: Self.ntp(now), rtpTimestamp: track.timestamp(at: now),
                packetCount: UInt32(truncatingIfNeeded: track.packetCount),
                byteCount: UInt32(truncatingIfNeeded: track.byteCount), reports: index == 0 ? blocks : [])
        }
        if senders.isEmpty { writer.receiverReport(ssrc: reportSSRC, reports: blocks) }
        writer.sourceDescription(ssrc: reportSSRC, cname: cname)
        send(rtcp: writer.bytes)
    }

    /// The caller's time as an NTP time (RFC 3550 §4): its origin is taken for the year 2020.
    static func ntp(_ now: MediaTime) -> UInt64 {
        let seconds = UInt64(3_786_825_600 + now.nanoseconds / 1_000_000_000)
        let fraction = UInt64(now.nanoseconds % 1_000_000_000) << 32 / 1_000_000_000
        return seconds << 32 | fraction
    }
}
