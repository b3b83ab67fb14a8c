/// The first line of a request or a reply on the bus. The body follows after one line feed, as bytes.
package enum BusEnvelope: Hashable, Sendable {
    /// `request <id> <reply to> <deadline, Unix ms> <kind>`
    case request(id: RequestID, replyTo: InstanceAddress, deadline: Timestamp, kind: BusRequestKind)
    /// `reply <id>`: the body is the answer.
    case reply(id: RequestID)
    /// `failure <id> <error code>`: the body is one sentence.
    case failure(id: RequestID, code: ErrorCode)

    /// The header line without its line feed.
    package var header: String {
        switch self {
        case .request(let id, let replyTo, let deadline, let kind):
            "request \(id) \(replyTo) \(deadline.milliseconds) \(kind.rawValue)"
        case .reply(let id): "reply \(id)"
        case .failure(let id, let code): "failure \(id) \(code.rawValue)"
        }
    }

    /// Reads a header line; `nil` if it is none.
    package init?(header: some StringProtocol) {
        let words = header.split(separator: " ")
        guard words.count >= 2, let id = RequestID(words[1]) else { return nil }
        switch words[0] {
        case "request":
            guard words.count == 5, let replyTo = InstanceAddress(words[2]), let deadline = Int64(words[3]),
                let kind = BusRequestKind(rawValue: String(words[4]))
            else { return nil }
            self = .request(id: id, replyTo: replyTo, deadline: Timestamp(milliseconds: deadline), kind: kind)
        case "reply":
            guard words.count == 2 else { return nil }
            self = .reply(id: id)
        case "failure":
            guard words.count == 3, let code = ErrorCode(rawValue: String(words[2])) else { return nil }
            self = .failure(id: id, code: code)
        default:
            return nil
        }
    }
}

/// What one process may ask of another. All of them are idempotent: a request that nobody answered may be asked again.
package enum BusRequestKind: String, WireEnum {
    /// Gateway → API: which of these sessions live, and what may their users see? ``AccessRequest`` → ``AccessReply``.
    case access
    /// Gateway → API: where these streams stand. ``HeadsRequest`` → ``HeadsReply``.
    case heads
    /// Gateway → API: the events after these cursors. ``ReplayRequest`` → ``ReplayReply`` and event lines.
    case replay
    /// Gateway → API: ``BusSendRequest`` → ``BusSendReply``.
    case sendMessage
    /// Gateway → API: ``HistoryRequest`` → ``HistoryReply``.
    case history
    /// Gateway → API: ``PeopleRequest`` → ``PeopleReply``.
    case people
    /// Gateway → API: ``RosterRequest`` → ``RosterReply``.
    case roster
    /// Gateway → API: ``BusReadRequest`` → ``ChannelUnread``.
    case markRead
    /// Gateway → API: the public keys. No body → the JWKS document (RFC 7517 §5).
    case keys
    /// Gateway → API: ``CallGrantRequest`` → ``CallGrantReply``.
    case callGrant
    /// Media → API: ``CallReport`` → ``Empty``.
    case callReport
    /// Media → API: ``CallRenewRequest`` → ``CallRenewReply``.
    case callRenew
    /// Gateway → media node: ``SeatJoinRequest`` → ``SeatJoinReply``.
    case seatJoin
    /// Gateway → media node: ``SeatOfferRequest`` → ``CallAnswer``.
    case seatOffer
    /// Gateway → media node: ``SeatUpdateRequest`` → ``Empty``.
    case seatUpdate
    /// Gateway → media node: ``SeatViewRequest`` → ``Empty``.
    case seatView
    /// Gateway → media node: ``SeatLeaveRequest`` → ``Empty``.
    case seatLeave
    /// API → media node: ``SeatIceRequest`` → ``SeatIceReply``.
    case seatIce
    /// API → media node: ``SeatModerateRequest`` → ``Empty``.
    case seatModerate
    /// API → media node: ``SeatRemoveRequest`` → ``Empty``.
    case seatRemove
    /// API → media node: ``SeatFindRequest`` → ``SeatFindReply``.
    case seatFind
    /// Media node → media node: ``RelayOpenRequest`` → ``RelayOpenReply``.
    case relayOpen
    /// Media node → media node: ``RelayTellRequest`` → ``Empty``.
    case relayTell
    /// Media node → gateway: ``SeatNotice`` → ``Empty``.
    case seatNotice
    /// API → media node: ``RecordingStartRequest`` → ``CallRecording``.
    case recordingStart
    /// API → media node: ``RecordingStopRequest`` → ``CallRecording``.
    case recordingStop
    /// Media node → API: ``RecordingUploadRequest`` → ``RecordingUploadReply``.
    case recordingUpload
    /// Media node → API: ``RecordingPostRequest`` → ``Empty``.
    case recordingPost
}
