import Contracts
import Logging
import MediaCore
import NIOCore
import RedisBus

/// Brings the workers' frames to the holders of seats, through their gateways. Of what waits for one participant only the
/// newest of each kind is kept, because each tells everything; so a gateway or Redis that is away costs one state a
/// participant, however long it takes.
actor NoticeBoard {
    private struct Pending {
        let route: SeatRoute
        var state: ServerFrame?
        var speakers: ServerFrame?
        var layers: ServerFrame?
        var end: ServerFrame?

        /// The next frame to send.
        mutating func take() -> ServerFrame? { state.take() ?? speakers.take() ?? layers.take() ?? end.take() }
    }

    /// The pauses before a frame is sent again.
    private static let retry = Duration.milliseconds(250)...Duration.seconds(5)
    /// The end of a seat is no longer told after so many tries: its holder has found out by itself.
    private static let endTries = 5

    private let bus: RedisBus
    private let encoder: CallStateEncoder
    private let logger: Logger
    private var pending: [ParticipantID: Pending] = [:]
    /// Participants who are being told something.
    private var telling: Set<ParticipantID> = []

    init(bus: RedisBus, encoder: CallStateEncoder, logger: Logger) {
        self.bus = bus
        self.encoder = encoder
        self.logger = logger
    }

    var isEmpty: Bool { pending.isEmpty && telling.isEmpty }

    /// What waits for a participant is worthless: the answer to joining tells the state.
    func forget(_ participant: ParticipantID) { pending[participant] = nil }

    func post(_ frame: ServerFrame, to participant: ParticipantID, by route: SeatRoute) {
        guard route.gateway != nil else { return }
        if pending[participant]?.route != route { pending[participant] = Pending(route: route) }
        switch frame {
        case .callSpeakers: pending[participant]?.speakers = frame
        case .callLayers: pending[participant]?.layers = frame
        case .callEnded: pending[participant]?.end = frame
        default: pending[participant]?.state = frame
        }
        guard telling.insert(participant).inserted else { return }
        Task { await tell(participant) }
    }

    private func tell(_ participant: ParticipantID) async {
        var pause = Self.retry.lowerBound
        var tries = 0
        while let route = pending[participant]?.route, let gateway = route.gateway,
            let frame = pending[participant]?.take()
        {
            do {
                let notice = SeatNotice(
                    node: bus.address.id, participantID: participant, connectionID: route.connectionID, frame: frame)
                _ = try await bus.request(
                    .seatNotice, to: InstanceAddress(kind: .gateway, id: gateway),
                    body: ByteBuffer(bytes: encoder.encode(notice)))
                pause = Self.retry.lowerBound
                tries = 0
            } catch {
                tries += 1
                putBack(frame, of: participant, route, tries)
                logger.trace("notice waits", metadata: ["participant": "\(participant)", "error": "\(error)"])
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, Self.retry.upperBound)
            }
        }
        pending[participant] = nil
        telling.remove(participant)
    }

    /// Unless a newer one is there, or it is not worth telling any more.
    private func putBack(_ frame: ServerFrame, of participant: ParticipantID, _ route: SeatRoute, _ tries: Int) {
        guard pending[participant]?.route == route else { return }
        switch frame {
        case .callSpeakers: break
        case .callLayers: pending[participant]?.layers = pending[participant]?.layers ?? frame
        case .callEnded: if tries < Self.endTries { pending[participant]?.end = frame }
        default:
            // After its end a seat has no state.
            if pending[participant]?.state == nil, pending[participant]?.end == nil {
                pending[participant]?.state = frame
            }
        }
    }
}
