import CHiredis
package import NIOCore

/// Cuts a stream of bytes into replies: the reader of hiredis. Owned by one connection's event loop.
package final class RedisReplyReader {
    /// The bytes are not RESP, or one reply is too large. The connection cannot go on.
    package struct Malformed: Error, CustomStringConvertible {
        package let description: String
    }

    // SAFETY: made in `init`, freed in `deinit`, touched by nobody else; the class is not Sendable.
    private let reader: UnsafeMutablePointer<redisReader>
    private let replyByteCount: Int

    /// - Parameter replyByteCount: bound for a reply that has not arrived whole.
    package init(replyByteCount: Int) {
        guard let reader = redisReaderCreate() else { preconditionFailure("There is no memory for a reader.") }
        self.reader = reader
        self.replyByteCount = replyByteCount
    }

    deinit { redisReaderFree(reader) }

    /// Takes received bytes. Call ``next()`` until it gives `nil`.
    package func feed(_ bytes: ByteBuffer) throws(Malformed) {
        // SAFETY: hiredis copies the bytes before it returns.
        let status = bytes.withUnsafeReadableBytes { raw in
            redisReaderFeed(reader, raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count)
        }
        guard status == REDIS_OK else { throw failure() }
    }

    /// The next whole reply; `nil` when more bytes are needed.
    package func next() throws(Malformed) -> RedisReply? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw failure() }
        guard let reply else {
            guard reader.pointee.len - reader.pointee.pos <= replyByteCount else {
                throw Malformed(description: "a reply is larger than \(replyByteCount) bytes")
            }
            return nil
        }
        return RedisReply(owning: reply.assumingMemoryBound(to: redisReply.self))
    }

    private func failure() -> Malformed {
        // SAFETY: errstr is a C string inside the reader, ended by hiredis within its 128 bytes.
        Malformed(
            description: withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            })
    }
}

/// One reply in hiredis's memory, freed with this value.
package struct RedisReply: ~Copyable {
    // SAFETY: a whole tree of replies made by the reader; owned, not changed, freed once in `deinit`.
    private let pointer: UnsafeMutablePointer<redisReply>

    fileprivate init(owning pointer: UnsafeMutablePointer<redisReply>) {
        self.pointer = pointer
    }

    deinit { freeReplyObject(pointer) }

    /// A copy of the reply.
    package var value: RedisValue { RedisValue(copying: pointer) }

    /// The reply as what a subscribed connection receives unasked; `nil` when it answers a command.
    package var push: RedisPush? {
        guard pointer.pointee.type == REDIS_REPLY_ARRAY, pointer.pointee.elements == 3,
            let elements = pointer.pointee.element, let word = elements[0], let name = elements[1],
            let last = elements[2], name.pointee.type == REDIS_REPLY_STRING
        else { return nil }
        // The three words differ in length, and PING's answer has two elements.
        switch (word.pointee.len, last.pointee.type) {
        case (8, REDIS_REPLY_STRING):  // smessage
            return .message(topic: string(name), payload: ByteBuffer(bytes: contents(of: last)))
        case (10, REDIS_REPLY_INTEGER):  // ssubscribe
            return .subscribed(topic: string(name))
        case (12, REDIS_REPLY_INTEGER):  // sunsubscribe
            return .unsubscribed(topic: string(name))
        default:
            return nil
        }
    }
}

/// What Redis sends on a subscribed connection (RESP2): arrays of three.
package enum RedisPush: Hashable {
    /// `smessage`
    case message(topic: String, payload: ByteBuffer)
    /// `ssubscribe`: confirmed.
    case subscribed(topic: String)
    /// `sunsubscribe`: confirmed.
    case unsubscribed(topic: String)
}

extension RedisValue {
    fileprivate init(copying pointer: UnsafeMutablePointer<redisReply>) {
        switch pointer.pointee.type {
        case REDIS_REPLY_STRING: self = .bytes(ByteBuffer(bytes: contents(of: pointer)))
        case REDIS_REPLY_INTEGER: self = .integer(pointer.pointee.integer)
        case REDIS_REPLY_STATUS: self = .simple(string(pointer))
        case REDIS_REPLY_ERROR: self = .error(string(pointer))
        case REDIS_REPLY_ARRAY:
            let elements = UnsafeBufferPointer(start: pointer.pointee.element, count: pointer.pointee.elements)
            self = .array(elements.map { $0.map { RedisValue(copying: $0) } ?? .null })
        default: self = .null
        }
    }
}

// SAFETY: `str` has `len` bytes and lives as long as the reply, which the caller holds.
private func contents(of pointer: UnsafeMutablePointer<redisReply>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len)
}

private func string(_ pointer: UnsafeMutablePointer<redisReply>) -> String {
    String(decoding: contents(of: pointer), as: UTF8.self)
}
