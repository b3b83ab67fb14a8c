/// Every bound of the system, with its unit in its type or name. Where a bound is met its outcome is an error code, a
/// close code or a counter. Those that an operator may change are read from the environment by the services.
package enum Limits {
    // MARK: Accounts
    package static let usernameCount = 3...20
    package static let usernamePattern = "^[A-Za-z0-9_]{3,20}$"
    package static let displayNameCount = 1...64
    package static let emailCount = 3...254
    package static let passwordCount = 8...128
    /// libcrypt takes no more (crypt(3), CRYPT_MAX_PASSPHRASE_SIZE).
    package static let passwordByteCount = 511
    /// bcrypt reads no more than this many bytes of a password; a longer one is refused rather than cut.
    package static let bcryptPasswordByteCount = 72
    package static let accessTokenLifetime = Duration.seconds(15 * 60)
    package static let refreshTokenLifetime = Duration.seconds(7 * 24 * 3600)
    /// Sign-in attempts for one account name in ``loginWindow``, then 429.
    package static let loginAttempts = 10
    package static let loginWindow = Duration.seconds(60)
    /// Passwords that may wait to be hashed, then 503.
    package static let passwordQueueCount = 64
    /// How long Redis remembers the state of a session.
    package static let sessionCache = Duration.seconds(60)
    package static let sessionsPerUser = 50

    // MARK: Spaces
    package static let workspaceNameCount = 1...64
    package static let channelNameCount = 1...64
    package static let channelTopicCount = 0...250
    package static let channelsPerWorkspace = 2_000
    /// Channels and direct conversations of one person. With the workspaces and the person's own stream they must fit
    /// into ``cursorsPerIdentify``.
    package static let channelsPerUser = 2_500
    package static let workspacesPerUser = 100
    package static let inviteLifetime = Duration.seconds(7 * 24 * 3600)

    // MARK: Messages
    /// Unicode scalars of a message.
    package static let messageScalarCount = 1...16_000
    /// Bytes of UTF-8 of a message.
    package static let messageByteCount = 64 * 1024
    package static let idempotencyKeyCount = 8...64
    package static let idempotencyKeyPattern = "^[A-Za-z0-9_-]{8,64}$"
    /// Messages of one user in one channel in ``messageRateWindow``, then a mute of ``messageMute``.
    package static let messageRate = 10
    package static let messageRateWindow = Duration.seconds(10)
    package static let messageMute = Duration.seconds(30)
    package static let pageCount = 1...200
    package static let defaultPageCount = 50

    // MARK: Streams
    /// Events of one stream a resume goes back; beyond it the stream is reset.
    package static let horizonPerStream: StreamSequence = 5_000
    /// Events in one answer to a replay.
    package static let replayPageCount = 500
    /// Bytes of events after which a page of a replay ends.
    package static let replayPageByteCount = 512 * 1024
    /// Events a resume replays over all streams; beyond it the rest are reset.
    package static let replayTotalCount: StreamSequence = 20_000
    /// How long a gateway holds an event that came out of order before it asks for the missing ones.
    package static let gapHold = Duration.milliseconds(50)
    /// Events that may wait behind a gap, a stream; beyond it they are dropped and fetched.
    package static let gapHeldCount = 256
    /// An event that was committed but not published is found after this time.
    package static let outboxAge = Duration.seconds(1)
    package static let outboxSweepInterval = Duration.milliseconds(500)
    package static let outboxSweepCount = 500
    /// Published events whose outbox rows may wait to be deleted while PostgreSQL does not answer.
    package static let outboxClearCount = 100_000

    // MARK: HTTP
    package static let bodyByteCount = 256 * 1024
    package static let requestIDCount = 64

    // MARK: Gateway
    package static let heartbeatInterval = Duration.seconds(25)
    /// A connection from which nothing came for this long is closed. Browsers slow the timers of a hidden tab to one a
    /// minute, so it is more than that.
    package static let heartbeatTimeout = Duration.seconds(90)
    package static let identifyTimeout = Duration.seconds(10)
    package static let clientFrameByteCount = 256 * 1024
    package static let cursorsPerIdentify = 3_000
    /// Frames a client may send in ``clientFrameWindow``.
    package static let clientFrameRate = 60
    package static let clientFrameWindow = Duration.seconds(10)
    /// Bytes that may wait for one connection; beyond it the connection is closed as too slow.
    package static let connectionQueueByteCount = 1024 * 1024
    /// Live events that may wait for one connection while it is replayed what it missed.
    package static let replayHeldCount = 4_096
    package static let gatewayConnectionCount = 18_000

    // MARK: Calls
    /// How long a grant may be used to take a seat.
    package static let callGrantLifetime = Duration.seconds(60)
    /// `callJoin` frames of one connection in ``callJoinWindow``; beyond it joining is refused with `rate_limited`.
    package static let callJoinRate = 10
    package static let callJoinWindow = Duration.seconds(30)
    /// The same for one person, over all connections and calls of a media node.
    package static let callJoinsPerUser = 30
    /// How often the API is asked whether a seat may stay; without an answer it stays, and the question is asked again.
    package static let callRenewInterval = Duration.seconds(20)
    package static let callLeasesPerRequest = 500
    /// Seats in one call; beyond it joining is refused with `conflict`.
    package static let participantsPerCall = 100
    /// Devices of one person in one call; beyond it joining is refused with `conflict`.
    package static let seatsPerUser = 5
    /// Receive sections of a participant: fixed audio slots for the loudest, and video in blocks.
    package static let audioSections = 6
    package static let firstVideoSections = 4
    package static let videoSectionBlock = 8
    package static let maximumVideoSections = 28
    /// Bytes of an offer: a browser that names every codec it has needs 137 KB for all sections.
    package static let sdpByteCount = 192 * 1024
    package static let midCount = 16
    /// Changes of a call within this time are told together.
    package static let callStateHold = Duration.milliseconds(50)
    /// A peer from which no authenticated STUN came for this long is gone.
    package static let icePatience = Duration.seconds(15)
    package static let mediaNodeLease = Duration.seconds(10)
    package static let mediaNodeBeat = Duration.seconds(3)
    package static let mediaWorkers = 1...64
    package static let turnCredentialLifetime = Duration.seconds(12 * 3600)

    // MARK: Bus
    package static let instanceLease = Duration.seconds(10)
    package static let instanceBeat = Duration.seconds(3)
    package static let busRequestDeadline = Duration.seconds(5)
    package static let busReplyByteCount = 4 * 1024 * 1024
    /// Commands that may wait for Redis on one connection; beyond it a command fails at once.
    package static let redisPendingCount = 65_536
    package static let redisPendingByteCount = 64 * 1024 * 1024
    package static let redisCommandDeadline = Duration.seconds(2)
    /// Requests of other processes that one instance works on at once; beyond it they are answered `unavailable`.
    package static let busRequestsAtOnce = 512
    /// Own requests that may wait for an answer at once; beyond it a request fails at once.
    package static let busRequestsPending = 32_768
    /// How long a request waits for one instance before it asks another too. Doubles with each wait.
    package static let busRequestPatience = Duration.seconds(1)
    /// How long a request waits before it looks again for a live instance when there was none.
    package static let busInstanceRetry = Duration.milliseconds(200)
    /// How long the list of live instances is used before it is read again.
    package static let instanceCache = Duration.seconds(1)
    /// How often a process looks whether Redis has lost its memory.
    package static let runMarkerInterval = Duration.seconds(1)
    /// After Redis lost its memory each process registers anew at a random moment within this time.
    package static let registerJitter = Duration.seconds(2)
    /// Bytes of the first line of a ``BusEnvelope``; a longer one is dropped.
    package static let busHeaderByteCount = 512
    /// Topics that one process may be subscribed to; beyond it a subscription fails at once.
    package static let busTopicCount = 262_144
    /// Topics in one `SSUBSCRIBE`.
    package static let busTopicsPerCommand = 512
    /// How long a process that shuts down finishes requests of others.
    package static let busDrain = Duration.seconds(5)
    package static let redisConnectDeadline = Duration.seconds(2)
    /// The first and the longest pause between attempts to connect, each shortened at random by up to a half.
    package static let redisBackoff = Duration.milliseconds(50)...Duration.seconds(1)
    /// Bytes of a reply that is not complete yet; beyond it the connection is closed.
    package static let redisReplyByteCount = 64 * 1024 * 1024
}
