/// One event as the gateway sends it, encoded once by the API and identical for every receiver.
package struct EventFrame: Equatable, Sendable {
    package let stream: StreamID
    package let seq: StreamSequence
    package let event: Event

    package init(stream: StreamID, seq: StreamSequence, event: Event) {
        self.stream = stream
        self.seq = seq
        self.event = event
    }

    /// The bus header that goes before the encoded frame.
    package var envelope: StreamEnvelope {
        StreamEnvelope(seq: seq, effects: event.effects, hidesEarlier: event.hidesEarlier)
    }
}

extension EventFrame: Codable {
    private enum CodingKeys: String, CodingKey {
        case type, stream, seq, name, data
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        stream = try container.decode(StreamID.self, forKey: .stream)
        seq = try container.decode(StreamSequence.self, forKey: .seq)
        event = try Event(
            name: try container.decode(EventName.self, forKey: .name), from: container, forKey: .data)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("event", forKey: .type)
        try container.encode(stream, forKey: .stream)
        try container.encode(seq, forKey: .seq)
        try container.encode(event.name, forKey: .name)
        try event.payload.encode(to: container.superEncoder(forKey: .data))
    }
}
