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
        var feature = FeatureHash()
        feature.add(KeyFrame.isVP8(bytes.span) ? 1 : 0)
        guard let descriptor = VP8Descriptor(bytes.span) else { return Outcome(feature: feature.value) }
        feature.add(Int(descriptor.temporal) << 1 | (descriptor.refersToLowest ? 1 : 0))
        feature.add(descriptor.numbers.isLong ? 1 : 0)
        feature.add(Int(descriptor.numbers.pictureIDOffset) << 8 | Int(descriptor.numbers.layerZeroOffset))
        // What is written over in the packets that are passed on.
        var copy = bytes
        copy.withUnsafeMutableBytes { descriptor.numbers.write(pictureID: 0x1234, layerZeroIndex: 0x56, to: $0) }
        let isSame = VP8Descriptor(copy.span)?.temporal == descriptor.temporal && copy.count == bytes.count
        return Outcome(feature: feature.value, fault: isSame ? nil : "Other numbers change more than the numbers.")
    }

    static let h264 = FuzzTarget("h264") { bytes in
        Outcome(feature: (KeyFrame.isH264(bytes.span) ? 256 : 0) + UInt64(bytes.first ?? 0))
    }

    static let vp9 = FuzzTarget("vp9") { bytes in
        guard let descriptor = VP9Descriptor(bytes.span) else { return Outcome(feature: 0) }
        var feature = FeatureHash()
        feature.add(Int(descriptor.layer.spatial) << 4 | Int(descriptor.layer.temporal))
        feature.add((descriptor.isKeyFrameStart ? 1 : 0) | (descriptor.numbers.isLong ? 2 : 0))
        feature.add(Int(descriptor.numbers.layerZeroOffset))
        let end = max(Int(descriptor.numbers.pictureIDOffset), Int(descriptor.numbers.layerZeroOffset))
        return Outcome(feature: feature.value, fault: end < bytes.count ? nil : "A number leaves the payload.")
    }

    /// Descriptors one behind the other, each with its length in front: what one brings holds for the next.
    static let dependency = FuzzTarget("dependency") { bytes in
        var reader = DependencyReader()
        var feature = FeatureHash()
        var (offset, fault): (Int, String?) = (0, nil)
        while offset < bytes.count {
            let end = min(offset + 1 + Int(bytes[offset]), bytes.count)
            let before = reader.structure
            let descriptor = reader.read(Array(bytes[(offset + 1)..<end]).span)
            offset = end
            guard let descriptor, let structure = reader.structure else {
                feature.add(0)
                if reader.structure != before { fault = "What cannot be read was kept." }
                continue
            }
            let layer = PacketLayer(descriptor, structure)
            feature.add(Int(layer.spatial) << 4 | Int(layer.temporal))
            feature.add(descriptor.differenceCount)
            feature.add(structure.templates.count << 8 | structure.chainCount)
            feature.add(magnitudeOf: Int(reader.activeTargets))
            if structure.targets.count > DependencyStructure.targetCount {
                fault = "More decode targets than the limit."
            }
        }
        return Outcome(feature: feature.value, fault: fault)
    }

    static let red = FuzzTarget("red") { bytes in
        guard let primary = RedundantAudio.primary(in: bytes.span) else { return Outcome(feature: 0) }
        var copy = bytes
        copy.withUnsafeMutableBytes { RedundantAudio.name(0x6F, in: $0) }
        let isSame = RedundantAudio.primary(in: copy.span) == primary && copy[primary] == bytes[primary]
        var feature = FeatureHash()
        feature.add(primary.lowerBound)
        feature.add(magnitudeOf: primary.count)
        return Outcome(feature: feature.value, fault: isSame ? nil : "Another name changes more than the name.")
    }
}
