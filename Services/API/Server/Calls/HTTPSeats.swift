import APIDomain
import Contracts
import Crypto
import NIOCore
import RedisBus
import ServiceKit

/// Seats in calls that are held by HTTP instead of a socket (RFC 9725), for encoders and players. Nothing is kept here: the
/// media node has the seat for as long as its media lives, and any API finds it through the node of its room.
struct HTTPSeats {
    /// A seat that was taken, and the node's answer to the offer.
    struct Opened {
        let participantID: ParticipantID
        let answer: String
        let iceServers: [IceServer]
    }

    let services: APIServices

    /// How long a node may take to give a seat, and how often and how far apart it is asked.
    private static let joinDeadline = Duration.seconds(2)
    private static let attempts = 4
    private static let pause = Duration.milliseconds(250)

    /// - Throws: what ``CallGranter`` and the node refuse with; `unavailable` while there is no node.
    func open(_ channel: ChannelID, by principal: Principal, sdp: String, use: SeatUse) async throws -> Opened {
        let grant = try await seat(in: channel, principal)
        let holder = Self.holder(of: grant.participantID, principal)
        let offer = CallOffer(number: 1, sdp: sdp, publications: [])
        let request = SeatOfferRequest(
            participantID: grant.participantID, connectionID: holder, offer: offer, use: use)
        do {
            let answer: CallAnswer = try await ask(.seatOffer, request, of: grant.node)
            return Opened(
                participantID: grant.participantID, answer: answer.sdp, iceServers: grant.iceServers)
        } catch {
            // Nobody will use it. If this is lost, it ends by itself.
            let leave = SeatLeaveRequest(participantID: grant.participantID, connectionID: holder)
            let _: Empty? = try? await ask(.seatLeave, leave, of: grant.node)
            throw Self.problem(of: error)
        }
    }

    /// Asks after a seat and, with another user name fragment than it had, restarts ICE.
    /// - Throws: `not_found` for a seat that this session does not hold; `precondition_failed` for another tag.
    func ice(
        _ participant: ParticipantID, in channel: ChannelID, by principal: Principal, tag: String?, fragment: String?
    ) async throws -> SeatIceReply {
        do {
            let request = SeatIceRequest(
                participantID: participant, connectionID: Self.holder(of: participant, principal), tag: tag,
                fragment: fragment)
            return try await ask(.seatIce, request, of: node(of: participant, in: channel))
        } catch {
            throw Self.problem(of: error)
        }
    }

    /// - Throws: `not_found` for a seat that this session does not hold.
    func close(_ participant: ParticipantID, in channel: ChannelID, by principal: Principal) async throws {
        _ = try await ice(participant, in: channel, by: principal, tag: nil, fragment: nil)
        do {
            let holder = Self.holder(of: participant, principal)
            let request = SeatLeaveRequest(participantID: participant, connectionID: holder)
            let _: Empty = try await ask(.seatLeave, request, of: node(of: participant, in: channel))
        } catch {
            throw Self.problem(of: error)
        }
    }

    // MARK: Nodes

    private func seat(in channel: ChannelID, _ principal: Principal) async throws -> CallGrantReply {
        var grant = try await self.grant(channel, principal, participant: nil)
        var wasRefused = false
        var deadNode: InstanceID?
        var attempt = 0
        while attempt < Self.attempts {
            attempt += 1
            let request = SeatJoinRequest(
                grant: grant.grant, gateway: nil, connectionID: Self.holder(of: grant.participantID, principal))
            do {
                let _: SeatJoinReply = try await ask(.seatJoin, request, of: grant.node, Self.joinDeadline)
                return grant
            } catch BusError.failed(let failure) where Self.mayHaveMoved(failure.code) && !wasRefused {
                wasRefused = true
                grant = try await self.grant(channel, principal, participant: grant.participantID)
            } catch BusError.noInstance where attempt < Self.attempts {
                // Its link to Redis may be back in a moment.
                try await Task.sleep(for: Self.pause)
            } catch BusError.noInstance where deadNode == nil && !services.settling.isSettling {
                // Nobody has listened there for a while: it is dead, whatever the registry says.
                deadNode = grant.node
                attempt = 0
                grant = try await self.grant(
                    channel, principal, participant: grant.participantID, avoiding: deadNode)
            } catch BusError.timedOut where attempt < Self.attempts {
                continue
            } catch {
                throw Self.problem(of: error)
            }
        }
        throw Self.unavailable
    }

    /// The room moved between the grant and the seat, or the node could not verify the grant.
    private static func mayHaveMoved(_ code: ErrorCode) -> Bool { code == .conflict || code == .unauthenticated }

    private func grant(
        _ channel: ChannelID, _ principal: Principal, participant: ParticipantID?, avoiding deadNode: InstanceID? = nil
    ) async throws -> CallGrantReply {
        do {
            return try await CallGranter(services: services).grant(
                CallGrantRequest(
                    userID: principal.userID, sessionID: principal.sessionID, channelID: channel,
                    participantID: participant, deadNode: deadNode))
        } catch let error as RedisError {
            throw Self.problem(of: error)
        }
    }

    /// Where a seat is: the room's node knows.
    private func node(of participant: ParticipantID, in channel: ChannelID) async throws -> InstanceID {
        let text = try await services.bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
        guard let placement = text.flatMap({ RoomPlacement($0) }) else { throw Self.noSeat }
        return await CallNode(services: services).seat(of: participant, in: channel, at: placement.node)
            ?? placement.node
    }

    private func ask<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject, of node: InstanceID,
        _ deadline: Duration = Limits.busRequestDeadline
    ) async throws -> Reply {
        let body = ByteBuffer(bytes: try WireJSON.encode(request))
        let address = InstanceAddress(kind: .media, id: node)
        let reply = try await services.bus.request(kind, to: address, body: body, deadline: deadline)
        return try WireJSON.decode(Reply.self, from: reply.readableBytesView)
    }

    /// By what the node knows the holder of a seat: the same for each request of one session, and of no other. Others in
    /// the call know a seat's id, but not the session's.
    private static func holder(of participant: ParticipantID, _ principal: Principal) -> ConnectionID {
        let text = "\(participant) \(principal.userID) \(principal.sessionID)"
        let words = SHA256.hash(data: Array(text.utf8)).withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        return ConnectionID(high: words.0, low: words.1)
    }

    // MARK: Errors

    private static let noSeat = APIError.notFound(ParticipantEntity.entityName)
    private static let unavailable = APIError(
        .unavailable, "The call's media node does not answer. Try again.", retryAfter: .seconds(1))

    /// What a node refuses with is passed on; a broken way to it may be mended soon.
    private static func problem(of error: any Error) -> any Error {
        switch error {
        case BusError.failed(let failure) where failure.code == .notFound: noSeat
        // A client's sign-in is not at fault when a node cannot verify a grant.
        case BusError.failed(let failure) where failure.code == .unauthenticated:
            APIError(.unavailable, failure.detail, retryAfter: .seconds(1))
        case BusError.failed(let failure): APIError(failure.code, failure.detail)
        case is BusError, is RedisError: unavailable
        default: error
        }
    }
}
