import Contracts
import MediaSecurity

/// What a participant is sent of what the others send: as much as its link carries and its tiles show.
extension Participant {
    /// How often it is looked which encoding each section gets.
    static let allocationInterval = Duration.milliseconds(100)
    /// Nothing is managed before there is a connection, which wakes the worker by itself.
    private static let idleInterval = Duration.seconds(1)

    /// Whether its link is measured by transport-wide feedback, which needs RTX for the numbers and the padding of video; if
    /// not, by its reports.
    var isMeasured: Bool { sendSections.contains { $0.extensionIDs.transportSequence != 0 && $0.hasRepair } }

    /// What may be sent altogether, in bits/s.
    var budget: Int { isMeasured ? congestion.mediaBudget : reported.target }

    /// What it may send in bits/s, if it takes that (REMB) and is to be told now; it learns of no single packet then.
    func takeEstimate(now: MediaTime) -> Int? {
        guard transportSequenceID == 0,
            publications.contains(where: { $0.codecs.contains { $0.takesReceiverEstimate } })
        else { return nil }
        return publisherBandwidth.due(wanted: BandwidthEstimator.maximum, now: now)
    }

    /// RTCP came, decrypted.
    func receiveFeedback(_ compound: Span<UInt8>, now: MediaTime) {
        if isMeasured {
            congestion.receive(compound, now: now)
        } else {
            ReceiverEstimate.forEach(in: compound) { reported.receive($0) }
        }
    }

    /// What a link without feedback on each packet loses (RFC 3550 §6.4.1), of all that is sent on it.
    func receive(_ reports: [ReportBlock], now: MediaTime) {
        guard !isMeasured else { return }
        for report in reports {
            guard let section = sendSections.first(where: { $0.ssrc == report.ssrc }) else { continue }
            reportedLoss.add(fractionLost: report.fractionLost, packetCount: section.takeReportedCount())
        }
        let sent = sendSections.reduce(0) { $0 + $1.sentByteCount }
        guard let (fraction, bitrate) = reportedLoss.take(sentByteCount: sent, now: now) else { return }
        reported.receive(fractionLost: fraction, sentBitrate: bitrate, now: now)
    }

    /// Sends what probes the link now, and chooses anew what each section gets, when that is due.
    func manageBandwidth(into outbox: Outbox, now: MediaTime) {
        guard transport?.isConnected == true else { return }
        if isMeasured {
            let padding = congestion.advance(now: now)
            if padding > 0, let section = sendSections.first(where: { $0.canPad }) {
                section.writePadding(byteCount: padding, into: outbox, now: now)
            }
        }
        if now >= nextAllocation {
            nextAllocation = now + Self.allocationInterval
            allocate(now: now)
        }
    }

    /// When ``manageBandwidth(into:now:)`` has something to do again.
    func bandwidthDue(after now: MediaTime) -> MediaTime {
        guard transport?.isConnected == true else { return now + Self.idleInterval }
        return isMeasured ? min(congestion.due(after: now), nextAllocation) : nextAllocation
    }

    /// Divides the budget among the pictures.
    private func allocate(now: MediaTime) {
        var shown: [(section: SendSection, publication: Publication)] = []
        var demands: [LayerDemand] = []
        for section in sendSections where section.kind == .video {
            guard let publication = section.publication, publication.isActive else { continue }
            let demand = demand(section, publication, now: now)
            if demand.layers.isEmpty {
                // Before anything was sent nobody knows what it takes; the lowest is there soonest.
                section.select(demand.priority == .hidden ? nil : publication.encodings.first)
            } else {
                shown.append((section, publication))
                demands.append(demand)
            }
        }
        let audio = sendSections.reduce(0) { sum, section in
            guard section.kind == .audio, let encoding = section.publication?.encodings.first else { return sum }
            return sum + encoding.bitrate(now: now)
        }
        congestion.wanted = audio + LayerAllocator.wanted(demands)
        let choices = allocator.update(demands, budget: budget, audio: audio, now: now)
        let isStarved = isStarved(demands, audio: audio, now: now)
        for (index, choice) in choices.enumerated() {
            let (section, publication) = shown[index]
            if let choice {
                select(choice, on: section, publication, now: now)
            } else {
                // An estimate may be wrong: the least of what is seen is sent as long as the link does not show that it
                // is too much.
                let isShown = demands[index].priority != .hidden && !isStarved
                if isShown, let least = demands[index].least {
                    select(least, on: section, publication, now: now)
                } else {
                    section.select(nil)
                }
            }
        }
    }

    /// Whether pictures pause so that sound stays whole.
    private func isStarved(_ demands: [LayerDemand], audio: Int, now: MediaTime) -> Bool {
        let least = demands.reduce(0) { $0 + ($1.priority == .hidden ? 0 : $1.least?.bitrate ?? 0) }
        guard isMeasured else {
            // A receiver that says that it can take less has seen the link full.
            let isSign = reported.isLimitedByReceiver && !starvation.isStarved
            return starvation.update(
                budget: budget, need: audio + least, loss: isSign ? 1 : reported.loss(now: now),
                queueDelay: .zero, isProbed: false, now: now)
        }
        return starvation.update(
            budget: budget, need: audio + least, loss: congestion.excessLoss, queueDelay: congestion.queueDelay,
            now: now)
    }

    private func demand(_ section: SendSection, _ publication: Publication, now: MediaTime) -> LayerDemand {
        LayerDemand(
            id: section.ssrc, priority: priority(of: publication), maximumSpatial: UInt8(limit(of: publication)),
            layers: publication.choices(now: now))
    }

    /// A size is an encoding, or a spatial layer of the only one.
    private func select(
        _ choice: LayerChoice, on section: SendSection, _ publication: Publication, now: MediaTime
    ) {
        let hasSizes = publication.encodings.count > 1
        let encoding = publication.encodings[hasSizes ? Int(choice.spatial) : 0]
        let layers = LayerFilter.Target(
            spatial: hasSizes ? 0 : choice.spatial, temporal: encoding.temporal(of: choice))
        section.select(encoding, layers)
        section.askForLayers(now: now)
    }

    // MARK: What its tiles show

    /// The tile in which it shows a publication; `nil` if it never told, or shows it nowhere.
    private func tile(of publication: Publication) -> CallViewTrack? {
        view?.tracks.first {
            $0.participantID == publication.participant.id && $0.source == publication.source && $0.height > 0
        }
    }

    private func priority(of publication: Publication) -> VideoPriority {
        let tile = tile(of: publication)
        if view != nil, tile == nil { return .hidden }
        if tile?.isPinned == true { return .pinned }
        if publication.source == .screen { return .screen }
        if room.speakers.first == publication.participant.id { return .speaker }
        return tile.map { $0.height < Self.smallHeight } ?? false ? .small : .normal
    }

    /// A tile that is lower than this, in pixels, is a thumbnail.
    private static let smallHeight = 180
    /// What an encoding may be enlarged by in a tile before the next one is wanted.
    private static let enlargement = 1.25
    /// The height of a camera's highest encoding; each one below has half of it.
    private static let fullHeight = 720.0

    /// The highest encoding of use to it: 0 is the lowest.
    func limit(of publication: Publication) -> Int {
        let highest = publication.sizeCount - 1
        guard let tile = tile(of: publication) else { return highest }
        var (index, height) = (highest, Self.fullHeight)
        while index > 0, Double(tile.height) <= height / 2 * Self.enlargement {
            index -= 1
            height /= 2
        }
        return index
    }

    /// Whether it shows a publication at all.
    func shows(_ publication: Publication) -> Bool { view == nil || tile(of: publication) != nil }
}
