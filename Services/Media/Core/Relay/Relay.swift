package import Contracts
package import MediaSecurity

/// What a worker is told of a relay when it is to hold one end of it.
package struct RelayEnd: Sendable {
    package let id: RelayID
    package let channelID: ChannelID
    /// Whether this worker is the room's home: it reports who is in the room, records it, and passes on to each of the others
    /// what comes from the rest.
    package let isHome: Bool
    /// The port of the worker at the other end.
    package let address: TransportAddress
    package let keys: SRTPKeys
    /// The SSRCs of this end's reports and of the other's.
    package let reporter: UInt32
    package let remoteReporter: UInt32
    /// When nothing was heard for so long the other end is gone. Each reports every ``Relay/keepAlive``.
    package let patience: Duration

    /// Of all relays.
    package static let profile = SRTPProfile.aeadAES128GCM
    /// Within a node: its workers live and die together, but one may have to wait for a processor.
    package static let patience = Duration.seconds(5)
    /// Between nodes. A node that has died is found out by its own participants' gateways sooner.
    package static let nodePatience = Duration.milliseconds(2_500)

    package init(
        id: RelayID, channelID: ChannelID, isHome: Bool, address: TransportAddress, keys: SRTPKeys, reporter: UInt32,
        remoteReporter: UInt32, patience: Duration
    ) {
        self.patience = patience
        self.id = id
        self.channelID = channelID
        self.isHome = isHome
        self.address = address
        self.keys = keys
        self.reporter = reporter
        self.remoteReporter = remoteReporter
    }
}

/// What one end of a relay tells the other besides packets.
package enum RelayMessage: Sendable {
    case roster(RelayRoster)
    /// The SSRCs of pictures that are wanted from now on.
    case demand(Set<UInt32>)
    /// The room goes on at another node: who sits at the other end has to go there. Only the home says so.
    case move
    /// Nobody is at this end any more.
    case close
}

/// One end of a relay: what joins a room on this worker with the part of it on another, of this node or another. Those who sit there are participants
/// here too, but for the way to them; packets go between the workers once, however many watch at either end, as SRTP with
/// keys of the relay's own. What is forwarded, lost, sent again and asked for is as between any two peers.
///
/// Sound goes to the other end while it is among the loudest here, and so whatever is among the loudest of the whole room;
/// of pictures goes what was demanded.
final class Relay: Peer {
    /// One encoding on its way to the other end: unlike a participant's section it keeps it for good. When its publication
    /// ends, the section has none any more.
    struct Track {
        let section: SendSection
        let encoding: Encoding
    }

    let end: RelayEnd
    private let session: SRTPSession
    private(set) var lastHeard: MediaTime
    /// Where the other end is reached, by whichever of this machine's addresses: as it was announced, unless its packets come
    /// from elsewhere.
    private(set) var address: TransportAddress
    /// The same by that of this machine's addresses that the other end reaches.
    private var path: TransportAddress
    /// When something came from there; `nil` if nothing ever did.
    private var pathHeard: MediaTime?
    private var strays = (count: 0, since: MediaTime?.none)
    private(set) var tracks: [Track] = []
    /// Of tracks that have ended: the next ones go on with their numbers, so that a long call needs no more streams than are
    /// sent at once.
    private var idleSections: [SendSection] = []
    /// Those who sit at the other end, or behind it.
    private(set) var mirrors: [ParticipantID: Participant] = [:]
    /// What comes from the other end, by its SSRC.
    private(set) var streams: [UInt32: Stream] = [:]
    /// The pictures that the other end wants, by their SSRCs.
    private var demanded: Set<UInt32> = []
    private var heardRoster: RelayRoster?
    private var toldRoster: RelayRoster?
    private var toldDemand: Set<UInt32>? = []

    static let keepAlive = Duration.milliseconds(500)
    /// A way from which nothing came for so long is given up for another. Two reports: else somebody who copies one and is
    /// faster than it would have the way.
    static let pathPatience = keepAlive * 2
    /// Reports from unknown addresses of which is looked whether they are authentic, in one ``keepAlive``.
    static let strayCount = 8
    /// Streams that a peer may send, of all that are behind it: sound, and three sizes of pictures with their repairs.
    static let streamCount = Limits.participantsPerCall * 8

    init(_ end: RelayEnd, room: Room, implementation: SRTPImplementation, now: MediaTime) throws(SRTPError) {
        self.end = end
        session = try SRTPSession(keys: end.keys, implementation: implementation, inboundStreamCount: Self.streamCount)
        lastHeard = now
        address = end.address
        path = end.address
        super.init(room: room, reporter: end.reporter, cname: "\(end.id)", now: now)
        // The other end may have to learn from it where this one is.
        nextReport = now
    }

    override var srtp: SRTPSession? { session }

    override var destination: TransportAddress? { path }

    override func noteMedia(from source: TransportAddress, now: MediaTime) {
        // It is answered, so that the other end learns where this one is as soon as it can.
        if pathHeard == nil { nextReport = now }
        lastHeard = now
        pathHeard = now
        path = source
    }

    // MARK: Where the other end is

    /// Whether to look if a report from an unknown address is the other end's: when its own has been silent for the time in
    /// which it reports at least once, and a few times at most.
    func takesStray(now: MediaTime) -> Bool {
        guard pathHeard.map({ now >= $0 + Self.pathPatience }) ?? true else { return false }
        if strays.since.map({ now >= $0 + Self.keepAlive }) ?? true { strays = (0, now) }
        strays.count += 1
        return strays.count <= Self.strayCount
    }

    /// An authentic report came from there: everything goes there, and is taken from there, from now on.
    func move(to source: TransportAddress) { address = source.byAnyLocalAddress }

    override func stream(of header: RTPHeader, in packet: UnsafeRawBufferPointer) -> Stream? { streams[header.ssrc] }

    override func encoding(of ssrc: UInt32) -> Encoding? {
        streams[ssrc].flatMap { $0.isRepair ? nil : $0.encoding }
    }

    /// As many as the highest that is demanded.
    override func useCount(of publication: Publication) -> Int {
        tracks.reduce(0) { count, track in
            guard track.section.publication === publication, demanded.contains(track.section.ssrc) else { return count }
            return max(count, track.encoding.index + 1)
        }
    }

    // MARK: What goes

    /// Has each of these encodings a track, and no other. What each carries may have been agreed on anew.
    /// - Parameter make: makes a section as described.
    func carry(_ encodings: [Encoding], _ make: (NegotiatedSection, MediaKind) -> SendSection) {
        let wanted = Set(encodings.map(ObjectIdentifier.init))
        let over = tracks.filter { !wanted.contains(ObjectIdentifier($0.encoding)) }
        tracks.removeAll { !wanted.contains(ObjectIdentifier($0.encoding)) }
        for track in over { track.section.point(to: nil) }
        idleSections += over.map(\.section)
        let known = Dictionary(uniqueKeysWithValues: tracks.map { (ObjectIdentifier($0.encoding), $0.section) })
        for encoding in encodings {
            let description = Self.section(encoding.publication)
            if let section = known[ObjectIdentifier(encoding)] {
                section.update(description)
            } else {
                add(encoding, description, make)
            }
        }
        choose()
    }

    private func add(
        _ encoding: Encoding, _ description: NegotiatedSection, _ make: (NegotiatedSection, MediaKind) -> SendSection
    ) {
        let section: SendSection
        if let idle = idleSections.lastIndex(where: { $0.kind == encoding.publication.kind }) {
            section = idleSections.remove(at: idle)
            section.update(description)
        } else {
            section = make(description, encoding.publication.kind)
            sendSections.append(section)
        }
        section.point(to: encoding.publication)
        section.select(nil)
        tracks.append(Track(section: section, encoding: encoding))
    }

    /// Those of each publication, the lowest first.
    var tracksByPublication: [ObjectIdentifier: [Track]] {
        tracks.reduce(into: [:]) { byPublication, track in
            if let publication = track.section.publication {
                byPublication[ObjectIdentifier(publication), default: []].append(track)
            }
        }
    }

    /// Those of all that comes from the other end.
    var ssrcs: [UInt32] { [end.remoteReporter] + streams.keys }

    func carryNothing() {
        for track in tracks { track.section.point(to: nil) }
        tracks = []
    }

    /// Has those forwarded that are wanted now.
    func choose() {
        for track in tracks {
            guard let publication = track.section.publication else { continue }
            let isWanted =
                publication.kind == .audio ? publication.isHeard : demanded.contains(track.section.ssrc)
            track.section.select(isWanted && publication.isActive ? track.encoding : nil, .all)
        }
    }

    /// The other end wants these pictures.
    func receive(demand: Set<UInt32>) {
        demanded = demand
        choose()
    }

    /// The roster for the other end, if it does not know it yet.
    func takeRoster(_ roster: RelayRoster) -> RelayRoster? {
        guard roster != toldRoster else { return nil }
        toldRoster = roster
        return roster
    }

    /// Whoever is there now knows nothing that was told before.
    func forgetTold() {
        toldRoster = nil
        toldDemand = nil
    }

    // MARK: What comes

    /// The pictures that are wanted of the other end, if that has changed.
    func takeDemand(now: MediaTime) -> Set<UInt32>? {
        var demand: Set<UInt32> = []
        for publication in publications where publication.kind == .video {
            demand.formUnion(publication.wantedStreams(now: now))
        }
        guard demand != toldDemand else { return nil }
        toldDemand = demand
        return demand
    }

    /// Whether a roster says something new.
    func takeNews(_ roster: RelayRoster) -> Bool {
        defer { heardRoster = roster }
        return roster != heardRoster
    }

    /// Those who sit at the other end from now on, and what they send.
    func replace(mirrors: [ParticipantID: Participant]) {
        self.mirrors = mirrors
        publications = mirrors.values.flatMap(\.publications)
        streams = [:]
        for encoding in publications.flatMap(\.encodings) {
            if let ssrc = encoding.ssrc { streams[ssrc] = Stream(encoding: encoding, isRepair: false) }
            if let ssrc = encoding.repairSSRC { streams[ssrc] = Stream(encoding: encoding, isRepair: true) }
        }
    }
}

extension Publication {
    /// The SSRCs of the encodings that somebody here has use for, of a publication that a relay brings.
    fileprivate func wantedStreams(now: MediaTime) -> [UInt32] {
        let isUsed = participant.room.tap != nil || subscriptions.contains { $0.peer.useCount(of: self) > 0 }
        guard isActive, isUsed else { return [] }
        return encodings.prefix(takeWantedCount(now: now)).compactMap(\.ssrc)
    }
}
