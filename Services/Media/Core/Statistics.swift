package import Contracts
package import MediaSecurity

// What a worker knows of its rooms, participants and tracks, for people who look why a call is bad.

/// One call on this node.
package struct RoomStatistics: Encodable, Sendable {
    package let channelID: ChannelID
    package let epoch: Int64
    /// Whether it goes on at another node already.
    package let isMoving: Bool
    package let participants: [ParticipantStatistics]
}

package struct ParticipantStatistics: Encodable, Sendable {
    package let participantID: ParticipantID
    package let userID: UserID
    /// Whether DTLS is done and packets can flow.
    package let isConnected: Bool
    /// `udp` or `tcp`; `nil` before there is a path.
    package let transport: String?
    /// What its link is thought to carry from the node, in bits a second, and whether that is measured by feedback on each
    /// packet.
    package let estimate: Int
    package let isMeasured: Bool
    /// Of the link from the node, as far as it is measured: the share of packets lost, there and back.
    package let loss: Double
    package let roundTripMilliseconds: Double?
    package let published: [PublicationStatistics]
    package let received: [SectionStatistics]
}

/// What a participant sends.
package struct PublicationStatistics: Encodable, Sendable {
    package let source: CallSource
    package let isActive: Bool
    package let codec: String?
    package let subscribers: Int
    package let encodings: [EncodingStatistics]
}

/// One stream of it.
package struct EncodingStatistics: Encodable, Sendable {
    /// Its RID (RFC 8851).
    package let streamID: String?
    package let ssrc: UInt32?
    package let packets: Int
    package let lost: Int
    package let jitterMilliseconds: Double
    package let bitsPerSecond: Int
}

/// What a participant is sent on one section.
package struct SectionStatistics: Encodable, Sendable {
    package let mid: String
    /// Whose track it carries now.
    package let from: ParticipantID?
    package let source: CallSource?
    package let streamID: String?
    package let packets: Int
    package let bytes: Int
}

extension Worker {
    /// All rooms as they are now.
    package func statistics(now: MediaTime) -> [RoomStatistics] {
        (Array(rooms.values) + formerRooms).map { room in
            RoomStatistics(
                channelID: room.channelID, epoch: room.epoch, isMoving: room.endsAt != nil,
                participants: room.seated.map { $0.statistics(now: now) })
        }
    }

    /// What the links of those who are connected are thought to carry, in bits a second.
    package var estimates: [Int] {
        participants.values.filter { $0.transport?.isConnected == true }.map(\.estimate)
    }
}

extension Participant {
    fileprivate var estimate: Int { isMeasured ? congestion.target : reported.target }

    fileprivate func statistics(now: MediaTime) -> ParticipantStatistics {
        ParticipantStatistics(
            participantID: id, userID: seat.userID, isConnected: transport?.isConnected == true,
            transport: transport?.selected.map { $0.kind == .udp ? "udp" : "tcp" }, estimate: estimate,
            isMeasured: isMeasured, loss: congestion.loss,
            roundTripMilliseconds: congestion.roundTrip.map { $0 / .milliseconds(1) },
            published: publications.map { publication in
                PublicationStatistics(
                    source: publication.source, isActive: publication.isActive,
                    codec: publication.codec.map { "\($0.codec)" }, subscribers: publication.subscriptions.count,
                    encodings: publication.encodings.map { $0.reception(now: now) })
            },
            received: sendSections.filter { $0.publication != nil || $0.packetCount > 0 }.map { section in
                SectionStatistics(
                    mid: section.mid, from: section.publication?.participant.id, source: section.publication?.source,
                    streamID: section.encoding?.streamID, packets: Int(section.packetCount),
                    bytes: section.sentByteCount)
            })
    }
}
