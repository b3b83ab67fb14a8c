import MediaCore

extension FuzzTarget {
    static let stun = FuzzTarget("stun") { bytes in
        var feature = FeatureHash()
        feature.add(DatagramKind(bytes.span) == .stun ? 1 : 0)
        guard let message = STUNMessage(bytes.span) else { return Outcome(feature: feature.value) }
        let isAuthentic = message.isAuthentic(bytes.span, password: "VOkJxbRl1RmTxUk/WvJxBt")
        let optional: [Bool] = [
            isAuthentic, message.username != nil, message.priority != nil, message.useCandidate,
            message.iceControlling != nil, message.iceControlled != nil, message.mappedAddress != nil,
        ]
        for value in optional { feature.add(value ? 1 : 0) }
        feature.add(message.errorCode ?? 0)
        feature.add(magnitudeOf: message.unknownRequired.count)
        let isBounded = message.unknownRequired.count <= STUNMessage.unknownRequiredLimit
        return Outcome(feature: feature.value, fault: isBounded ? nil : "More unknown attributes than the limit.")
    }

    static let rtp = FuzzTarget("rtp") { bytes in
        guard let header = RTPHeader(bytes.span) else { return Outcome(feature: 0) }
        let all = bytes.indices
        var feature = FeatureHash()
        var outcome = Outcome(feature: 0)
        if header.payloadRange.upperBound + header.paddingByteCount != bytes.count
            || header.payloadRange.lowerBound > bytes.count || header.extensionRange.upperBound > bytes.count
        {
            outcome.fault = "A range leaves the packet."
        }
        feature.add(magnitudeOf: header.paddingByteCount)
        let isWhole = header.forEachExtension(in: bytes.span) { id, content in
            feature.add(Int(id))
            feature.add(magnitudeOf: content.count)
            if content.lowerBound < header.extensionRange.lowerBound
                || content.upperBound > header.extensionRange.upperBound || content.upperBound > all.upperBound
            {
                outcome.fault = "An extension's content leaves the header."
            }
        }
        feature.add(isWhole ? 1 : 0)
        outcome.feature = feature.value
        return outcome
    }

    static let rtcp = FuzzTarget("rtcp") { bytes in
        var feature = FeatureHash()
        var numberCount = 0
        let isWhole = RTCPPacket.forEach(in: bytes.span) { packet in
            switch packet {
            case .senderReport(_, _, _, _, _, let reports):
                feature.add(1)
                feature.add(reports.count)
            case .receiverReport(_, let reports):
                feature.add(2)
                feature.add(reports.count)
            case .nack(_, _, let numbers):
                feature.add(3)
                feature.add(magnitudeOf: numbers.count)
                numberCount += numbers.count
            case .pictureLoss: feature.add(4)
            case .fullIntra: feature.add(5)
            case .bye(let sources):
                feature.add(6)
                feature.add(sources.count)
            case .other(let type, let format):
                feature.add(Int(type) << 8 | Int(format))
            }
        }
        feature.add(isWhole ? 1 : 0)
        // 17 numbers for each 4 bytes (RFC 4585 §6.2.1).
        let isBounded = numberCount <= bytes.count / 4 * 17
        return Outcome(feature: feature.value, fault: isBounded ? nil : "More numbers than there is room for.")
    }

    static let vp8 = FuzzTarget("vp8") { bytes in
        Outcome(feature: (KeyFrame.isVP8(bytes.span) ? 256 : 0) + UInt64(bytes.first ?? 0))
    }

    static let h264 = FuzzTarget("h264") { bytes in
        Outcome(feature: (KeyFrame.isH264(bytes.span) ? 256 : 0) + UInt64(bytes.first ?? 0))
    }
}
