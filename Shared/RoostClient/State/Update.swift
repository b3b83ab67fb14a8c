package import Contracts

/// What a ``RoostClient`` tells its user, in order.
package enum Update: Equatable, Sendable {
    case state(ConnectionState)
    /// The next event of its stream, and the streams that begin or end with it. Every event comes once.
    case event(EventFrame, StreamChange)
    /// Streams that begin or end, as the gateway says after a connect.
    case streams(StreamChange)
    /// The cursor was too old or void: load the stream's state anew; events follow after `seq`.
    case reset(Reset)
    case presence(PresenceStates)
    case typing(TypingState)
    /// A frame of the call that this connection is in.
    case call(ServerFrame)
    /// The gateway broke the delivery contract. The client has mended it by resuming; tests assert that it never happens.
    case violation(String)
}

/// How it stands between a client and the gateways.
package enum ConnectionState: Equatable, Sendable {
    /// - Parameter attempt: 0 for the first one, and after a connection that was stable.
    case connecting(attempt: Int)
    /// Identified; what was missed is coming.
    case replaying
    /// Everything that was missed has come.
    case current
    /// The gateway goes away: another one is being connected to, while events go on arriving.
    case moving
    /// Connects again after this time.
    case waiting(Duration)
    /// It will not connect again by itself.
    case ended(EndReason)
}

/// Why a client has ended.
package enum EndReason: Equatable, Sendable {
    /// The session is over: sign in again.
    case signedOut
    /// The gateway says that the client is wrong; connecting again the same way would fail again.
    case refused(CloseCode)
    /// Its user ended it.
    case stopped
}
