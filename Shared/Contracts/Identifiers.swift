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

    /// Reads the 36-character form. Any UUID version is taken, upper case too; anything else is `nil`.
    package init?(_ text: some StringProtocol) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digitCount = 0
        var position = 0
        for byte in text.utf8 {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let digit = hexDigitValue(byte) else { return nil }
                if digitCount < 16 { high = high << 4 | digit } else { low = low << 4 | digit }
                digitCount += 1
            }
            position += 1
            if position > 36 { return nil }
        }
        guard position == 36 else { return nil }
        self.high = high
        self.low = low
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var index = 0
            for nibble in 0..<32 {
                if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                    buffer[index] = UInt8(ascii: "-")
                    index += 1
                }
                let word = nibble < 16 ? high : low
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15))) & 15
                buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                index += 1
            }
            return 36
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

private func hexDigitValue(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}

package enum UserEntity: Entity { package static let entityName = "user" }
package enum SessionEntity: Entity { package static let entityName = "session" }
package enum WorkspaceEntity: Entity { package static let entityName = "workspace" }
package enum ChannelEntity: Entity { package static let entityName = "channel" }
package enum MessageEntity: Entity { package static let entityName = "message" }
package enum ConnectionEntity: Entity { package static let entityName = "connection" }
package enum ParticipantEntity: Entity { package static let entityName = "participant" }
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
/// One open WebSocket.
package typealias ConnectionID = EntityID<ConnectionEntity>
/// One seat in a call.
package typealias ParticipantID = EntityID<ParticipantEntity>
/// One running process of a service.
package typealias InstanceID = EntityID<InstanceEntity>
/// One request on the bus.
package typealias RequestID = EntityID<RequestEntity>
