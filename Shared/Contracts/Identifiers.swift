/// What an identifier names. The phantom type keeps a `ChannelID` from being passed where a `UserID` belongs.
package protocol Entity: Sendable {
    /// The word for it in schemas and error messages, for example `channel`.
    static var entityName: String { get }
}

/// A UUID version 7 (RFC 9562 §5.7) that names one entity: 36 lower-case characters on the wire, 16 bytes in memory,
/// ordered by creation time.
package struct EntityID<Of: Entity>: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// 48 bits of Unix milliseconds, 4 bits of version, 12 bits of entropy.
    package let high: UInt64
    /// 2 bits of variant, 62 bits of entropy.
    package let low: UInt64

    /// A new identifier from a time and 74 bits of entropy, both given by the caller: this package has no clock.
    package init(at now: Timestamp, entropy: (UInt64, UInt64)) {
        let milliseconds = UInt64(clamping: now.milliseconds) & 0xFFFF_FFFF_FFFF
        high = milliseconds << 16 | 0x7000 | entropy.0 & 0x0FFF
        low = 0x8000_0000_0000_0000 | entropy.1 >> 2
    }

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 36-character form. Any UUID version is taken, upper case too; anything else is `nil`.
    package init?(_ text: some StringProtocol) {
        let known = text.utf8.withContiguousStorageIfAvailable { UUIDText.read(UnsafeRawBufferPointer($0)) }
        guard let words = known ?? Array(text.utf8).withUnsafeBytes(UUIDText.read) else { return nil }
        (high, low) = words
    }

    /// Reads the 36-character form as UTF-8.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard let words = UUIDText.read(bytes) else { return nil }
        (high, low) = words
    }

    package var description: String {
        String(unsafeUninitializedCapacity: UUIDText.count) { buffer in
            UUIDText.write(high, low, to: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension EntityID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "A \(Of.entityName) id is a UUID, such as \(Self.example).")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension EntityID: WireScalar {
    package static var schema: ScalarSchema { .init(type: "string", format: "uuid") }
    package static var example: Self {
        Self(at: Timestamp(milliseconds: 1_763_700_000_000), entropy: (0xABC, 0x0123_4567_89AB_CDEF))
    }
}

package enum UserEntity: Entity { package static let entityName = "user" }
package enum SessionEntity: Entity { package static let entityName = "session" }
package enum WorkspaceEntity: Entity { package static let entityName = "workspace" }
package enum ChannelEntity: Entity { package static let entityName = "channel" }
package enum MessageEntity: Entity { package static let entityName = "message" }
package enum FileEntity: Entity { package static let entityName = "file" }
package enum ConnectionEntity: Entity { package static let entityName = "connection" }
package enum ParticipantEntity: Entity { package static let entityName = "participant" }
package enum CallEntity: Entity { package static let entityName = "call" }
package enum RingEntity: Entity { package static let entityName = "ring" }
package enum RecordingEntity: Entity { package static let entityName = "recording" }
package enum RelayEntity: Entity { package static let entityName = "relay" }
package enum InstanceEntity: Entity { package static let entityName = "instance" }
package enum RequestEntity: Entity { package static let entityName = "request" }

/// A person's account, on every device and in every workspace.
package typealias UserID = EntityID<UserEntity>
/// One sign-in on one device: the family of refresh tokens that descends from it.
package typealias SessionID = EntityID<SessionEntity>
package typealias WorkspaceID = EntityID<WorkspaceEntity>
/// A text or voice channel or a direct conversation; also the id of its call.
package typealias ChannelID = EntityID<ChannelEntity>
package typealias MessageID = EntityID<MessageEntity>
/// A file of a channel.
package typealias FileID = EntityID<FileEntity>
/// One open WebSocket.
package typealias ConnectionID = EntityID<ConnectionEntity>
/// One seat in a call.
package typealias ParticipantID = EntityID<ParticipantEntity>
/// One call, from the first person who came to the last who left. A call that goes on is named by its channel.
package typealias CallID = EntityID<CallEntity>
/// One attempt to reach a person by a call.
package typealias RingID = EntityID<RingEntity>
/// One recording of a call.
package typealias RecordingID = EntityID<RecordingEntity>
/// One relay between two workers with seats in the same call.
package typealias RelayID = EntityID<RelayEntity>
/// One running process of a service.
package typealias InstanceID = EntityID<InstanceEntity>
/// One request on the bus.
package typealias RequestID = EntityID<RequestEntity>
