import MediaSecurity

/// Which stream a packet of a participant is.
extension Participant {
    /// The stream that an SSRC was found to be.
    func knownStream(of ssrc: UInt32) -> Stream? {
        for publication in publications {
            for encoding in publication.encodings {
                if encoding.ssrc == ssrc { return Stream(encoding: encoding, isRepair: false) }
                if encoding.repairSSRC == ssrc { return Stream(encoding: encoding, isRepair: true) }
            }
        }
        return nil
    }

    /// Notes when a packet arrived, for what its sender is told of its link.
    func noteLink(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer, now: MediaTime) {
        guard transportSequenceID != 0 else { return publisherBandwidth.receive(byteCount: packet.count, now: now) }
        guard !header.extensionRange.isEmpty else { return }
        var number: UInt16?
        _ = header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
            guard id == transportSequenceID, content.count == 2 else { return }
            number = UInt16(packet[content.lowerBound]) << 8 | UInt16(packet[content.lowerBound + 1])
        }
        if let number { arrivals.receive(number, byteCount: packet.count, now: now) }
    }

    /// Notes packets that did not arrive, or not yet.
    func noteLoss(of count: Int, now: MediaTime) {
        if transportSequenceID == 0 { publisherBandwidth.receive(byteCount: 0, lostCount: count, now: now) }
    }

    /// A stream that begins, found by the MID and the name of the encoding in its extensions (RFC 9143 §9.2, RFC 8852), else
    /// by a payload type that only one publication has: from now on its SSRC tells what it is.
    func adopt(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer) -> Stream? {
        let names = names(in: header, packet)
        let candidates = publications.filter {
            $0.carries(payloadType: header.payloadType) && (names.mid == nil || $0.mid == names.mid)
        }
        guard candidates.count == 1, let publication = candidates.first else { return nil }
        let isRepair = publication.repeated(by: header.payloadType) != nil
        let streamID = isRepair ? names.repairedStreamID : names.streamID
        let encoding = publication.encodings.first {
            // An only encoding need not be named, as long as a MID says whose it is or it is the first to be.
            $0.streamID == nil ? names.mid != nil || ($0.ssrc == nil) != isRepair : $0.streamID == streamID
        }
        guard let encoding else { return nil }
        if isRepair {
            encoding.adopt(repairSSRC: header.ssrc)
        } else {
            encoding.adopt(ssrc: header.ssrc)
        }
        return Stream(encoding: encoding, isRepair: isRepair)
    }

    private struct Names {
        var mid: String?
        var streamID: String?
        var repairedStreamID: String?
    }

    private func names(in header: RTPHeader, _ packet: UnsafeRawBufferPointer) -> Names {
        var names = Names()
        guard !header.extensionRange.isEmpty else { return names }
        _ = header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
            let text = String(decoding: packet[content], as: UTF8.self)
            if id == midID { names.mid = text }
            if id == streamIDID { names.streamID = text }
            if id == repairedStreamIDID { names.repairedStreamID = text }
        }
        return names
    }
}
