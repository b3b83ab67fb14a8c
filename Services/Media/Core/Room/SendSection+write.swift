import MediaSecurity

/// What tells a packet that is sent from its copies to others.
struct OutgoingNumbers {
    let ssrc: UInt32
    let payloadType: UInt8
    let sequence: UInt16
    /// The number under which it was sent first, if it is a retransmission in a stream of its own (RFC 4588 §4).
    var repeated: UInt16?
    /// What sound with copies is encoded with (RFC 2198).
    var copiedPayloadType: UInt8?
    private(set) var timestamp: UInt32 = 0
    private(set) var hasMarker = false
    /// Those of its picture, where it has them.
    private(set) var pictureID: UInt16 = 0
    private(set) var layerZeroIndex: UInt8 = 0

    init(ssrc: UInt32, payloadType: UInt8, sequence: UInt16, repeated: UInt16? = nil) {
        self.ssrc = ssrc
        self.payloadType = payloadType
        self.sequence = sequence
        self.repeated = repeated
    }

    /// Takes over what the stretch makes of the packet's own numbers.
    @inline(__always)
    mutating func take(_ packet: ForwardedPacket, _ stretch: borrowing SendSection.Stretch, isMarked: Bool) {
        timestamp = stretch.rewriter.timestamp(packet.timestamp)
        hasMarker = packet.hasMarker || isMarked
        guard let picture = packet.picture else { return }
        pictureID = stretch.pictures.pictureID(picture)
        layerZeroIndex = stretch.pictures.layerZeroIndex(picture)
    }
}

extension SendSection {
    /// The packet as this participant negotiated it (RFC 3550 §5.1), encrypted.
    @inline(__always)
    func write(
        _ packet: ForwardedPacket, _ payload: UnsafeRawBufferPointer, _ numbers: OutgoingNumbers,
        _ srtp: SRTPSession, to destination: TransportAddress, into outbox: Outbox, now: MediaTime
    ) {
        outbox.append(to: destination) { place in
            guard payload.count + 64 + SRTPSession.trailingByteCount <= place.count else { return nil }
            place[1] = (numbers.hasMarker ? 0x80 : 0) | numbers.payloadType
            place.storeBytes(of: numbers.sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
            place.storeBytes(of: numbers.timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
            place.storeBytes(of: numbers.ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
            var end = writeExtensions(of: packet, to: place)
            place[0] = end > 12 ? 0x90 : 0x80
            if let repeated = numbers.repeated {
                place[end] = UInt8(truncatingIfNeeded: repeated >> 8)
                place[end + 1] = UInt8(truncatingIfNeeded: repeated)
                end += Retransmission.headerByteCount
            }
            let body = UnsafeMutableRawBufferPointer(rebasing: place[end...])
            body.copyMemory(from: payload)
            if let copied = numbers.copiedPayloadType {
                RedundantAudio.name(copied, in: UnsafeMutableRawBufferPointer(rebasing: body[..<payload.count]))
            }
            packet.picture?.write(
                pictureID: numbers.pictureID, layerZeroIndex: numbers.layerZeroIndex, to: body)
            if numbersPackets {
                let sent: SentKind = kind == .audio ? .audio : numbers.repeated == nil ? .video : .retransmission
                number(place, sent, byteCount: end + payload.count, now: now)
            }
            return srtp.protectRTP(place, count: end + payload.count)
        }
    }

    /// Writes the number among all packets of the transport into the extension that is kept for it: the first.
    @inline(__always)
    private func number(
        _ place: UnsafeMutableRawBufferPointer, _ sent: SentKind, byteCount: Int, now: MediaTime
    ) {
        let number = peer.congestion.sent(sent, byteCount: byteCount, now: now)
        place[17] = UInt8(truncatingIfNeeded: number >> 8)
        place[18] = UInt8(truncatingIfNeeded: number)
    }

    // MARK: Padding

    /// Whether packets of nothing but padding can be sent, which only measure the link: in the stream of retransmissions,
    /// where they leave no gap.
    var canPad: Bool { kind == .video && numbersPackets && publication != nil }

    /// Sends at least so many bytes of padding (RFC 3550 §5.1, P), in packets of 255.
    func writePadding(byteCount: Int, into outbox: Outbox, now: MediaTime) {
        guard let repairPayloadType, let srtp = peer.srtp, let destination = peer.destination else { return }
        var rest = byteCount
        while rest > 0 {
            outbox.append(to: destination) { place in
                place[0] = 0xB0
                place[1] = repairPayloadType
                place.storeBytes(of: nextRepairSequence().bigEndian, toByteOffset: 2, as: UInt16.self)
                place.storeBytes(of: stretch.rewriter.lastTimestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
                place.storeBytes(of: repairSSRC.bigEndian, toByteOffset: 8, as: UInt32.self)
                let end = writeExtensions(of: ForwardedPacket(), to: place)
                let padding = UnsafeMutableRawBufferPointer(rebasing: place[end..<(end + Self.paddingByteCount)])
                padding.initializeMemory(as: UInt8.self, repeating: 0)
                padding[Self.paddingByteCount - 1] = UInt8(Self.paddingByteCount)
                let total = end + Self.paddingByteCount
                number(place, .padding, byteCount: total, now: now)
                rest -= total
                return srtp.protectRTP(place, count: total)
            }
            // A full outbox takes nothing.
            if outbox.isNearlyFull { return }
        }
    }

    /// The most that one byte can tell.
    private static var paddingByteCount: Int { 255 }

    /// Writes the extensions (RFC 8285 §4.2) behind the fixed header and answers where the payload begins.
    @inline(__always)
    private func writeExtensions(of packet: ForwardedPacket, to place: UnsafeMutableRawBufferPointer) -> Int {
        var end = 16
        if numbersPackets {
            place[end] = extensionIDs.transportSequence << 4 | 1
            end += 3
        }
        if extensionIDs.mid != 0 {
            place[end] = extensionIDs.mid << 4 | UInt8(midBytes.count - 1)
            end += 1
            for byte in midBytes {
                place[end] = byte
                end += 1
            }
        }
        if extensionIDs.audioLevel != 0, let level = packet.audioLevel {
            place[end] = extensionIDs.audioLevel << 4
            place[end + 1] = level
            end += 2
        }
        if extensionIDs.orientation != 0, let orientation = packet.videoOrientation {
            place[end] = extensionIDs.orientation << 4
            place[end + 1] = orientation
            end += 2
        }
        guard end > 16 else { return 12 }
        while end & 3 != 0 {
            place[end] = 0
            end += 1
        }
        place.storeBytes(of: UInt16(0xBEDE).bigEndian, toByteOffset: 12, as: UInt16.self)
        place.storeBytes(of: UInt16((end - 16) / 4).bigEndian, toByteOffset: 14, as: UInt16.self)
        return end
    }
}
