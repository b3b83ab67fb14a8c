/// What a client sends up the socket. Nothing that is stored goes this way.
package enum ClientFrame: WireUnion {
    case identify(Identify)
    case heartbeat(Heartbeat)
    case presenceUpdate(PresenceUpdate)
    case presenceWatch(PresenceWatch)
    case typing(Typing)
    case callJoin(CallJoin)
    case callOffer(CallOffer)
    case callUpdate(CallUpdate)
    case callView(CallView)
    case callLeave(CallLeave)

    package static let summary = "A frame from the client: one JSON object in a text message."
    package static var variants: [(type: String, payload: any WireObject.Type)] {
        [
            ("identify", Identify.self), ("heartbeat", Heartbeat.self), ("presenceUpdate", PresenceUpdate.self),
            ("presenceWatch", PresenceWatch.self), ("typing", Typing.self), ("callJoin", CallJoin.self),
            ("callOffer", CallOffer.self), ("callUpdate", CallUpdate.self), ("callView", CallView.self),
            ("callLeave", CallLeave.self),
        ]
    }

    package init(from decoder: any Decoder) throws {
        let type = try decoder.container(keyedBy: FrameKey.self).decode(String.self, forKey: .type)
        switch type {
        case "identify": self = .identify(try Identify(from: decoder))
        case "heartbeat": self = .heartbeat(try Heartbeat(from: decoder))
        case "presenceUpdate": self = .presenceUpdate(try PresenceUpdate(from: decoder))
        case "presenceWatch": self = .presenceWatch(try PresenceWatch(from: decoder))
        case "typing": self = .typing(try Typing(from: decoder))
        case "callJoin": self = .callJoin(try CallJoin(from: decoder))
        case "callOffer": self = .callOffer(try CallOffer(from: decoder))
        case "callUpdate": self = .callUpdate(try CallUpdate(from: decoder))
        case "callView": self = .callView(try CallView(from: decoder))
        case "callLeave": self = .callLeave(try CallLeave(from: decoder))
        default: throw unknownFrameType(type, decoder)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .identify(let payload): try encodeFrame("identify", payload, to: encoder)
        case .heartbeat(let payload): try encodeFrame("heartbeat", payload, to: encoder)
        case .presenceUpdate(let payload): try encodeFrame("presenceUpdate", payload, to: encoder)
        case .presenceWatch(let payload): try encodeFrame("presenceWatch", payload, to: encoder)
        case .typing(let payload): try encodeFrame("typing", payload, to: encoder)
        case .callJoin(let payload): try encodeFrame("callJoin", payload, to: encoder)
        case .callOffer(let payload): try encodeFrame("callOffer", payload, to: encoder)
        case .callUpdate(let payload): try encodeFrame("callUpdate", payload, to: encoder)
        case .callView(let payload): try encodeFrame("callView", payload, to: encoder)
        case .callLeave(let payload): try encodeFrame("callLeave", payload, to: encoder)
        }
    }
}

/// What a gateway sends, besides the events, which are ``EventFrame``s.
package enum ServerFrame: WireUnion {
    case hello(Hello)
    case ready(Ready)
    case reset(Reset)
    case current(Current)
    case heartbeat(Heartbeat)
    case move(Move)
    case presence(PresenceStates)
    case typing(TypingState)
    case callJoined(CallJoined)
    case callFailed(CallFailed)
    case callAnswer(CallAnswer)
    case callState(CallState)
    case callSpeakers(CallSpeakers)
    case callLayers(CallLayers)
    case callEnded(CallEnded)

    package static let summary = "A frame from the gateway: one JSON object in a text message."
    package static var variants: [(type: String, payload: any WireObject.Type)] {
        [
            ("hello", Hello.self), ("ready", Ready.self), ("reset", Reset.self), ("current", Current.self),
            ("heartbeat", Heartbeat.self), ("move", Move.self), ("presence", PresenceStates.self),
            ("typing", TypingState.self), ("callJoined", CallJoined.self), ("callFailed", CallFailed.self),
            ("callAnswer", CallAnswer.self), ("callState", CallState.self), ("callSpeakers", CallSpeakers.self),
            ("callLayers", CallLayers.self), ("callEnded", CallEnded.self),
        ]
    }

    package init(from decoder: any Decoder) throws {
        let type = try decoder.container(keyedBy: FrameKey.self).decode(String.self, forKey: .type)
        switch type {
        case "hello": self = .hello(try Hello(from: decoder))
        case "ready": self = .ready(try Ready(from: decoder))
        case "reset": self = .reset(try Reset(from: decoder))
        case "current": self = .current(try Current(from: decoder))
        case "heartbeat": self = .heartbeat(try Heartbeat(from: decoder))
        case "move": self = .move(try Move(from: decoder))
        case "presence": self = .presence(try PresenceStates(from: decoder))
        case "typing": self = .typing(try TypingState(from: decoder))
        case "callJoined": self = .callJoined(try CallJoined(from: decoder))
        case "callFailed": self = .callFailed(try CallFailed(from: decoder))
        case "callAnswer": self = .callAnswer(try CallAnswer(from: decoder))
        case "callState": self = .callState(try CallState(from: decoder))
        case "callSpeakers": self = .callSpeakers(try CallSpeakers(from: decoder))
        case "callLayers": self = .callLayers(try CallLayers(from: decoder))
        case "callEnded": self = .callEnded(try CallEnded(from: decoder))
        default: throw unknownFrameType(type, decoder)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .hello(let payload): try encodeFrame("hello", payload, to: encoder)
        case .ready(let payload): try encodeFrame("ready", payload, to: encoder)
        case .reset(let payload): try encodeFrame("reset", payload, to: encoder)
        case .current(let payload): try encodeFrame("current", payload, to: encoder)
        case .heartbeat(let payload): try encodeFrame("heartbeat", payload, to: encoder)
        case .move(let payload): try encodeFrame("move", payload, to: encoder)
        case .presence(let payload): try encodeFrame("presence", payload, to: encoder)
        case .typing(let payload): try encodeFrame("typing", payload, to: encoder)
        case .callJoined(let payload): try encodeFrame("callJoined", payload, to: encoder)
        case .callFailed(let payload): try encodeFrame("callFailed", payload, to: encoder)
        case .callAnswer(let payload): try encodeFrame("callAnswer", payload, to: encoder)
        case .callState(let payload): try encodeFrame("callState", payload, to: encoder)
        case .callSpeakers(let payload): try encodeFrame("callSpeakers", payload, to: encoder)
        case .callLayers(let payload): try encodeFrame("callLayers", payload, to: encoder)
        case .callEnded(let payload): try encodeFrame("callEnded", payload, to: encoder)
        }
    }
}

package struct Identify: WireObject {
    package static let summary = "The first frame of a client: who it is and what it has."
    package static var fields: [String: FieldRule] {
        [
            "token": FieldRule("The access token."),
            "cursors": FieldRule(
                "Where the client stands in each stream: from the snapshot, moved by each event since. What came after "
                    + "is replayed before `current`.", count: 0...Limits.cursorsPerIdentify),
        ]
    }
    package let token: String
    package let cursors: [Cursor]

    package init(token: String, cursors: [Cursor]) {
        self.token = token
        self.cursors = cursors
    }
}

package struct Heartbeat: WireObject {
    package static let summary = "Sent by the client at least each heartbeatIntervalMilliseconds, answered at once."
    package init() {}
}

package struct Hello: WireObject {
    package static let summary = "The first frame of the gateway: identify now."
    package let heartbeatIntervalMilliseconds: Int
    package let identifyTimeoutMilliseconds: Int

    package init(heartbeatIntervalMilliseconds: Int, identifyTimeoutMilliseconds: Int) {
        self.heartbeatIntervalMilliseconds = heartbeatIntervalMilliseconds
        self.identifyTimeoutMilliseconds = identifyTimeoutMilliseconds
    }
}

package struct Ready: WireObject {
    package static let summary = "The client is known. Missed events follow, then `current`."
    package static var fields: [String: FieldRule] {
        [
            "streams": FieldRule(
                "All streams the client will get. A stream it sent a cursor for is delivered after that cursor; any "
                    + "other from this place on: load its state by HTTP.")
        ]
    }
    package let connectionID: ConnectionID
    package let sessionID: SessionID
    package let userID: UserID
    package let streams: [Cursor]

    package init(connectionID: ConnectionID, sessionID: SessionID, userID: UserID, streams: [Cursor]) {
        self.connectionID = connectionID
        self.sessionID = sessionID
        self.userID = userID
        self.streams = streams
    }
}

package struct Reset: WireObject {
    package static let summary =
        "The cursor is too old to replay: load the stream's state anew. Events follow after seq."
    package let stream: StreamID
    package let seq: StreamSequence

    package init(stream: StreamID, seq: StreamSequence) {
        self.stream = stream
        self.seq = seq
    }
}

package struct Current: WireObject {
    package static let summary = "Everything that was missed has been sent; what follows is live."
    package init() {}
}

package struct Move: WireObject {
    package static let summary =
        "This gateway is going away. Connect again now, identify with the cursors, and close this socket when the new one "
        + "is `current`: events go on arriving here until then."
    package static var fields: [String: FieldRule] {
        ["deadlineMilliseconds": FieldRule("After this time the socket is closed with 4000, moved or not.")]
    }
    package let deadlineMilliseconds: Int

    package init(deadlineMilliseconds: Int) { self.deadlineMilliseconds = deadlineMilliseconds }
}

private enum FrameKey: String, CodingKey {
    case type
}

private func encodeFrame(_ type: String, _ payload: some WireObject, to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: FrameKey.self)
    try container.encode(type, forKey: .type)
    try payload.encode(to: encoder)
}

private func unknownFrameType(_ type: String, _ decoder: any Decoder) -> DecodingError {
    .dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "There is no frame of the type \"\(type)\"."))
}
