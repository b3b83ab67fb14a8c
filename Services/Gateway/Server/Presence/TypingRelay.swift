package import Contracts
import GatewayDomain
import NIOCore
package import RedisBus
import ServiceKit

/// Tells the readers of a channel who is writing in it. Nothing is stored but a key that ends by itself, and nothing is
/// repeated: what cannot be told at once is dropped.
///
/// Both methods may be called from any thread.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the bus's event loop only.
package final class TypingRelay: @unchecked Sendable {
    private let bus: RedisBus
    private var throttle = PresenceTyping()
    /// Commands for the next pipeline. One is under way at a time, so that an end never passes its beginning.
    private var queue: [RedisCommand] = []
    private var isSending = false
    private var isFlushDue = false

    package init(bus: RedisBus) { self.bus = bus }

    /// The user of a connection is typing in a channel, or has stopped. That the user may write there was checked.
    package func typing(_ typing: Typing, user: UserID, connection: ConnectionID) {
        bus.eventLoop.execute { [self] in
            let now = Duration.nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds))
            guard throttle.receive(typing, from: connection, now: now), bus.isConnected,
                queue.count < Limits.typingQueueCount, let payload = try? Self.payload(typing, user)
            else { return }
            let key = RedisArgument.key(.typing(typing.channelID, user))
            queue.append(
                typing.isTyping
                    ? RedisCommand("SET", key, "1", "PX", .milliseconds(Limits.typingLife)) : RedisCommand("DEL", key))
            queue.append(RedisCommand("SPUBLISH", .topic(.stream(.channel(typing.channelID))), .bytes(payload)))
            scheduleFlush()
        }
    }

    /// The connection was closed. Its typing ends by itself.
    package func forget(_ connection: ConnectionID) {
        bus.eventLoop.execute { [self] in throttle.forget(connection) }
    }

    private static func payload(_ typing: Typing, _ user: UserID) throws -> ByteBuffer {
        let frame = ServerFrame.typing(
            TypingState(channelID: typing.channelID, userID: user, isTyping: typing.isTyping))
        var payload = ByteBuffer(string: EphemeralEnvelope(userID: user, isTyping: typing.isTyping).header)
        payload.writeString("\n")
        payload.writeBytes(try WireJSON.encode(frame))
        return payload
    }

    /// What is told in one turn of the loop leaves in one write.
    private func scheduleFlush() {
        guard !isFlushDue, !isSending else { return }
        isFlushDue = true
        bus.eventLoop.execute { [self] in
            isFlushDue = false
            flush()
        }
    }

    private func flush() {
        guard !isSending, !queue.isEmpty else { return }
        let commands = queue
        queue = []
        isSending = true
        bus.send(pipeline: commands) { [self] _ in
            // A failure is not repeated: by then it would tell of the past.
            isSending = false
            flush()
        }
    }
}
