package import Contracts

/// Why a command of Redis failed.
package enum RedisError: Error, Hashable, Sendable {
    /// There is no connection now. Nothing was sent; callers decide whether to wait or to do without.
    case notConnected
    /// The connection ended before the reply came. Whether Redis did it is unknown.
    case connectionLost
    /// No reply came within ``Limits/redisCommandDeadline``. Whether Redis did it, or still will, is unknown.
    case timedOut
    /// Too much waits for Redis already: ``Limits/redisPendingCount``, ``Limits/redisPendingByteCount``,
    /// ``Limits/busRequestsPending`` or ``Limits/busTopicCount``. Nothing was sent.
    case queueFull
    /// Redis refused the command. The text begins with Redis's code word, such as `WRONGTYPE`.
    case refused(String)
}

/// The answer of another process that it did not do what was asked.
package struct BusFailure: Error, Hashable, Sendable {
    package let code: ErrorCode
    /// One sentence for logs and problem documents.
    package let detail: String

    package init(_ code: ErrorCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// Why a request on the bus got no answer, or a bad one.
package enum BusError: Error, Hashable, Sendable {
    /// An instance answered with this failure. Its code is `unavailable` when every live instance was too busy.
    case failed(BusFailure)
    /// At least one instance was asked and none answered within the deadline.
    case timedOut
    /// No instance of the kind was alive within the deadline, or nobody listens at the address of the one that was asked.
    case noInstance
    /// The task that asked was cancelled.
    case cancelled
    /// Redis could not carry the request.
    case redis(RedisError)

    /// The code for a caller that only passes the failure on.
    package var code: ErrorCode {
        switch self {
        case .failed(let failure): failure.code
        case .timedOut: .timedOut
        case .noInstance, .cancelled, .redis: .unavailable
        }
    }
}
