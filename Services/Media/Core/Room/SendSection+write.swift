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
    /// That of its frame, where it has a dependency descriptor.
    private(set) var frameNumber: UInt16 = 0
    /// The decode targets that this tells of; `nil` for those that it tells of.
    var targets: UInt32?

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
        if let descriptor = packet.descriptor { frameNumber = stretch.frames.number(descriptor.frameNumber) }
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
            let headerByteCount = Self.headerByteCount + (packet.descriptor == nil ? 0 : DependencyReader.byteCount)
            guard payload.count + headerByteCount + SRTPSession.trailingByteCount <= place.count else { return nil }
            place[1] = (numbers.hasMarker ? 0x80 : 0) | numbers.payloadType
            place.storeBytes(of: numbers.sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
            place.storeBytes(of: numbers.timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
            place.storeBytes(of: numbers.ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
            var end = writeExtensions(of: packet, numbers, to: place)
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

    /// Bytes in front of a payload at most: the fixed header, the short extensions, the number of what is repeated.
    private static var headerByteCount: Int { 64 }

    /// Writes the number among all packets of the transport into the extension that is kept for it: the first.
    @inline(__always)
    private func number(
        _ place: UnsafeMutableRawBufferPointer, _ sent: SentKind, byteCount: Int, now: MediaTime
    ) {
        let number = peer.congestion.sent(sent, byteCount: byteCount, now: now)
        let offset = place[12] == ExtensionWriter.oneByteProfile >> 8 ? 17 : 18
        place[offset] = UInt8(truncatingIfNeeded: number >> 8)
        place[offset + 1] = UInt8(truncatingIfNeeded: number)
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
                let numbers = OutgoingNumbers(ssrc: repairSSRC, payloadType: repairPayloadType, sequence: 0)
                let end = writeExtensions(of: ForwardedPacket(), numbers, to: place)
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

    /// Writes the extensions (RFC 8285 §4) behind the fixed header and answers where the payload begins. The transport's
    /// number is the first.
    @inline(__always)
    private func writeExtensions(
        of packet: ForwardedPacket, _ numbers: OutgoingNumbers, to place: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard extensionIDs.descriptor != 0, let descriptor = packet.descriptor else {
            var writer = ExtensionWriter(place: place, isLong: false)
            writeShort(packet, &writer)
            return writer.finish()
        }
        // Beside the others, that it can be copied once its length is known to need the longer form.
        return withUnsafeTemporaryAllocation(byteCount: DependencyReader.byteCount, alignment: 1) { copy in
            var count = descriptor.bytes.count
            if let targets = numbers.targets, let active = descriptor.activeTargets {
                count = active.copy(descriptor.bytes, telling: targets, to: copy)
            } else {
                copy.copyMemory(from: descriptor.bytes)
            }
            copy[1] = UInt8(truncatingIfNeeded: numbers.frameNumber >> 8)
            copy[2] = UInt8(truncatingIfNeeded: numbers.frameNumber)
            var writer = ExtensionWriter(place: place, isLong: count > ExtensionWriter.shortByteCount)
            writeShort(packet, &writer)
            writer.begin(extensionIDs.descriptor, byteCount: count)
            writer.append(UnsafeRawBufferPointer(rebasing: copy[..<count]))
            return writer.finish()
        }
    }

    /// Those that always fit the one-byte form.
    @inline(__always)
    private func writeShort(_ packet: ForwardedPacket, _ writer: inout ExtensionWriter) {
        if numbersPackets {
            writer.begin(extensionIDs.transportSequence, byteCount: 2)
            writer.skip(2)
        }
        if extensionIDs.mid != 0 {
            writer.begin(extensionIDs.mid, byteCount: midBytes.count)
            for byte in midBytes { writer.append(byte) }
        }
        if extensionIDs.audioLevel != 0, let level = packet.audioLevel {
            writer.begin(extensionIDs.audioLevel, byteCount: 1)
            writer.append(level)
        }
        if extensionIDs.orientation != 0, let orientation = packet.videoOrientation {
            writer.begin(extensionIDs.orientation, byteCount: 1)
            writer.append(orientation)
        }
    }
}

/// Writes the extensions of one packet behind its fixed header, in either form (RFC 8285 §4.2, §4.3).
private struct ExtensionWriter {
    static let oneByteProfile: UInt16 = 0xBEDE
    private static let twoByteProfile: UInt16 = 0x1000
    /// Bytes of an element of the one-byte form at most.
    static let shortByteCount = 16
    private static let start = 16

    let place: UnsafeMutableRawBufferPointer
    let isLong: Bool
    private var end = Self.start

    @inline(__always)
    init(place: UnsafeMutableRawBufferPointer, isLong: Bool) {
        self.place = place
        self.isLong = isLong
    }

    /// An element of so many bytes, which follow: 1 to 16, or in the longer form to 255.
    @inline(__always)
    mutating func begin(_ id: UInt8, byteCount: Int) {
        guard isLong else { return append(id << 4 | UInt8(truncatingIfNeeded: byteCount - 1)) }
        append(id)
        append(UInt8(truncatingIfNeeded: byteCount))
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        place[end] = byte
        end += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: place[end...]).copyMemory(from: bytes)
        end += bytes.count
    }

    /// Room for what is written later.
    @inline(__always)
    mutating func skip(_ byteCount: Int) { end += byteCount }

    /// Fills the last word up, and answers where the payload begins.
    @inline(__always)
    mutating func finish() -> Int {
        guard end > Self.start else { return Self.start - 4 }
        while end & 3 != 0 { append(0) }
        let profile = isLong ? Self.twoByteProfile : Self.oneByteProfile
        place.storeBytes(of: profile.bigEndian, toByteOffset: 12, as: UInt16.self)
        place.storeBytes(of: UInt16((end - Self.start) / 4).bigEndian, toByteOffset: 14, as: UInt16.self)
        return end
    }
}
