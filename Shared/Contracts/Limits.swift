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

    // MARK: Files
    /// Bytes of a file that a person uploads, and of a recording; an operator may change both.
    package static let fileByteCount: Int64 = 100_000_000
    package static let recordingByteCount: Int64 = 4_000_000_000
    /// Bytes of all files of a workspace; beyond it uploads are refused with `quota_exceeded`. Configurable.
    package static let workspaceFileByteCount: Int64 = 10_000_000_000
    /// Bytes that uploads leave free on the disk; beyond it they are refused with `storage_full`. Configurable.
    package static let freeDiskByteCount: Int64 = 500_000_000
    package static let fileNameScalarCount = 1...200
    package static let mediaTypePattern = "^[a-z0-9!#$&^_.+-]{1,63}/[a-z0-9!#$&^_.+-]{1,63}$"
    /// Pixels of a side.
    package static let pictureSide = 1...100_000
    package static let mediaDurationMilliseconds: ClosedRange<Int64> = 0...604_800_000
    package static let attachmentsPerMessage = 10
    /// Files of one person that are in no message yet; beyond it an upload is refused with `conflict`.
    package static let unsentFilesPerUser = 100
    /// How long an upload may begin after it was reserved.
    package static let fileUploadLifetime = Duration.seconds(6 * 3600)
    /// A file that is in no message after this time is removed.
    package static let unsentFileLife = Duration.seconds(24 * 3600)
    /// A link to a file works for at least this time, and for less than twice it.
    package static let fileLinkLifetime = Duration.seconds(3600)
    /// Files that links are asked for at once.
    package static let fileLinkCount = 1...100
    /// Uploads that one API process takes at once; beyond it they are answered `unavailable`.
    package static let uploadsAtOnce = 64
    /// Bytes of a file that are read from or written to the disk in one step.
    package static let fileStepByteCount = 256 * 1024
    /// How often an API looks for files that nothing refers to, and how many it removes at a time.
    package static let fileSweepInterval = Duration.seconds(60)
    package static let fileSweepCount = 100

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
    package static let gatewayConnectionCount = 18_000

    // MARK: Tails
    /// Events of a stream that Redis keeps for a resume, and for how long after the last one.
    package static let tailCount = 1_000
    package static let tailLife = Duration.seconds(600)
    /// Bytes of an event that is kept in a tail; a larger one is published but leaves a hole, and PostgreSQL is asked.
    package static let tailEntryByteCount = 8 * 1024
    /// How long Redis remembers what a user may see.
    package static let accessCache = Duration.seconds(3600)
    /// Users in one `identify` request.
    package static let identifyBatchCount = 256
    /// Streams in one `heads` request or one replay of a gateway's own.
    package static let headsPerRequest = 3_000
    /// How often an API tells the heads that changed, and how far back it tells them.
    package static let headsInterval = Duration.seconds(1)
    package static let headsAge = Duration.seconds(10)
    /// Events of a stream that a gateway keeps for those who come back, and their bytes.
    package static let windowCount = 512
    package static let windowByteCount = 512 * 1024
    /// Bytes of all windows of a gateway; beyond it all are emptied.
    package static let windowsByteCount = 64 * 1024 * 1024
    /// Someone who missed no more events than this of a stream is served from its window, which is filled for it.
    package static let shallowReplayCount: StreamSequence = 400
    /// How long a gateway keeps events in its windows, and streams that nobody holds.
    package static let windowAge = Duration.seconds(30)
    /// Clients far behind that one gateway replays from PostgreSQL at once; the others wait their turn.
    package static let deepReplaysAtOnce = 8
    /// Frames of a stream that come so soon after a write to its readers are written together: ``fanoutHoldPerReader`` for
    /// each reader on the loop, within these bounds.
    package static let fanoutHold = Duration.milliseconds(2)...Duration.milliseconds(20)
    /// About four times what a frame costs for one reader: shorter, and a busy machine spends itself on writes; longer, and
    /// the wait itself is what the last reader sees.
    package static let fanoutHoldPerReader = Duration.microseconds(24)
    /// Bytes that may wait for one connection before typing and presence are dropped for it.
    package static let ephemeralQueueByteCount = 64 * 1024
    /// Bytes that the kernel holds for one socket.
    package static let socketSendByteCount = 128 * 1024
    /// Bytes of a message of the echo route, which conformance suites use.
    package static let echoMessageByteCount = 16 * 1024 * 1024
    /// Over this time a gateway that goes away tells its clients to move; whoever has not gone by the deadline is closed.
    package static let drainSpread = Duration.seconds(2)
    package static let drainDeadline = Duration.seconds(10)

    // MARK: Presence
    package static let presenceLife = Duration.seconds(60)
    package static let presenceBeat = Duration.seconds(25)
    /// How long someone whose last connection ended still counts as before.
    package static let presenceGrace = Duration.seconds(10)
    /// Changes of presence within this time are told together.
    package static let presenceHold = Duration.milliseconds(250)
    package static let presenceWatchCount = 500
    package static let gatewayLease = Duration.seconds(10)
    package static let statusTextCount = 0...100
    package static let statusEmojiCount = 1...32
    package static let typingLife = Duration.seconds(3)
    /// A client's `typing` for one channel within this time of the one before is not passed on.
    package static let typingInterval = Duration.milliseconds(1500)
    /// Open connections of one user, and from one address, over all gateways.
    package static let connectionsPerUser = 30
    package static let connectionsPerAddress = 1_000

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
    /// How long who was removed from a call gets no seat in it, unless a moderator allows it.
    package static let callRemovalTime = Duration.seconds(10 * 60)
    /// People that a past call names; all of them are counted.
    package static let pastCallParticipantCount = 25
    /// How long the call of a direct conversation rings.
    package static let ringLifetime = Duration.seconds(45)
    /// How often an API looks for what has rung for that long.
    package static let ringSweepInterval = Duration.seconds(1)
    package static let ringSweepCount = 100
    /// Seats of a room on one worker of a media node before another one helps, as long as it is not busy sooner.
    package static let roomSeatsPerWorker = 100
    /// Seats on one media node before others help with its rooms, unless it is given less or is busy sooner.
    package static let seatsPerNode = 5_000
    /// Seats in one call; beyond it joining is refused with `conflict`.
    package static let participantsPerCall = 500
    /// Devices of one person in one call; beyond it joining is refused with `conflict`.
    package static let seatsPerUser = 5
    /// Receive sections of a participant: fixed audio slots for the loudest, and video in blocks.
    package static let audioSections = 6
    package static let firstVideoSections = 4
    package static let videoSectionBlock = 8
    package static let maximumVideoSections = 28
    /// Bytes of an offer: a browser that names every codec it has needs 137 KB for all sections.
    package static let sdpByteCount = 192 * 1024
    /// Bytes of a fragment of SDP that changes candidates or restarts ICE.
    package static let sdpFragmentByteCount = 16 * 1024
    package static let midCount = 16
    /// Tiles that a client tells of: a screen and a camera of each who can be seen, and some that are leaving.
    package static let viewedTracks = 64
    /// Pixels of a tile's height.
    package static let tileHeight = 8_640
    /// Changes of a call within this time are told together.
    package static let callStateHold = Duration.milliseconds(50)
    /// Bytes of states that the participants of one call on one worker are told in a second, and at once after a pause: each
    /// state names everybody, so that one change in a call of a hundred is 3 MB, in one of five hundred 36 MB.
    package static let callStateByteRate = 8 * 1024 * 1024
    package static let callStateBurst = 4 * 1024 * 1024
    /// A peer from which no authenticated STUN came for this long is gone.
    package static let icePatience = Duration.seconds(15)
    package static let mediaNodeLease = Duration.seconds(10)
    package static let mediaNodeBeat = Duration.seconds(3)
    package static let mediaWorkers = 1...64
    /// A node whose workers are busy for so many thousandths of the time gets no new rooms.
    package static let mediaNodeFullPermille = 900
    /// How long those of a room that moves to another node still hear each other where it was.
    package static let callMoveGrace = Duration.seconds(6)
    /// How long a node that shuts down waits until its participants have gone to others.
    package static let mediaDrainDeadline = Duration.seconds(8)
    /// How often a gateway looks whether anybody listens at the addresses of the nodes that its connections have seats
    /// on, and how often in a row nobody does when it takes the node for dead.
    package static let mediaNodeLook = Duration.milliseconds(400)
    package static let mediaNodeLooks = 3
    package static let turnCredentialLifetime = Duration.seconds(12 * 3600)

    // MARK: Recordings
    /// A recording ends after this time, or with ``recordingByteCount`` of all its files.
    package static let recordingDuration = Duration.seconds(4 * 3600)
    /// Tracks of a recording; those that begin later are not recorded.
    package static let recordingTracks = 200
    /// Calls that a media node records at once; beyond it `unavailable`.
    package static let recordingsPerNode = 16
    /// What is left free on the disk of recordings: at less a recording ends, while its files can still be ended well.
    package static let recordingFreeByteCount: Int64 = 128 * 1024 * 1024

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

    // MARK: Unread
    /// A count of unread messages or mentions stops here, and means this many or more.
    package static let unreadCount = 100
    /// How long Redis remembers what was counted.
    package static let unreadCache = Duration.seconds(600)
    /// People whom one message names; those after them are not mentioned.
    package static let mentionsPerMessage = 50
    /// Different names after an @ that are looked up for one message.
    package static let mentionCandidates = 200
    /// How often an API looks for mentions that were committed and whose people were not told, and how old these are.
    package static let mentionSweepInterval = Duration.milliseconds(500)
    package static let mentionSweepAge = Duration.milliseconds(500)
    /// Mentions that are told in one transaction.
    package static let mentionBatchCount = 500

    // MARK: Client library
    /// The bound of the first wait before a client connects again, and of the longest; each wait is anything below it.
    package static let reconnectFirst = Duration.seconds(1)
    package static let reconnectLongest = Duration.seconds(30)
    /// A connection that was current for this long starts the waits anew.
    package static let reconnectStable = Duration.seconds(10)
    /// How long a client waits for the answer to a heartbeat, or for the next step of a connect, before it connects again.
    package static let clientAnswerPatience = Duration.seconds(10)
    /// Updates that may wait for the user of a client; beyond it the client disconnects and resumes from the last one taken.
    package static let clientUpdateCount = 8_192
    /// How long one attempt of a request may take, and all attempts together.
    package static let requestTimeout = Duration.seconds(10)
    package static let requestPatience = Duration.seconds(60)
    /// The same for the bytes of a file.
    package static let uploadTimeout = Duration.seconds(600)
    /// Bytes of a frame from the gateway, and of an answer by HTTP, that a client reads.
    package static let serverFrameByteCount = 1024 * 1024
    package static let answerByteCount = 16 * 1024 * 1024

    // MARK: Presence board
    /// How long a connection whose client has gone to another gateway still counts here: longer than a grace, because that
    /// gateway has many to write when another drains.
    package static let presenceMoveGrace = Duration.seconds(15)
    package static let gatewayLeaseBeat = Duration.seconds(3)
    /// How long a gateway's set of users outlives its last beat: longer than lease, beat and grace of who takes over.
    package static let gatewayUsersLife = Duration.seconds(120)
    /// How long a claim of a dead gateway's users holds without progress; then another survivor may claim them.
    package static let gatewayClaim = Duration.seconds(30)
    package static let presenceTick = Duration.seconds(1)
    /// For this time after Redis lost its memory who cannot be found there is not taken for offline.
    package static let presenceSettle = Duration.seconds(15)
    /// So long after such a loss a gateway first reads whom its clients watch; the others have announced theirs by then.
    package static let presenceFirstLook = Duration.seconds(4)
    /// A change of presence whose publication was lost shows after this time.
    package static let presenceRefresh = Duration.seconds(60)
    /// People in one published batch, and commands of presence in one pipeline.
    package static let presenceBatchCount = 1_000
    package static let presencePipelineCount = 512
    /// Channels that one connection can be typing in at once; in others it is not told.
    package static let typingChannelsPerConnection = 8
    /// What may wait to be told of typing while Redis is slow; beyond it typing is dropped.
    package static let typingQueueCount = 4_096
    /// How long the counted place of a connection lives in Redis without a beat, and its beat.
    package static let connectionLease = Duration.seconds(60)
    package static let connectionBeat = Duration.seconds(20)
    /// How soon another gateway knows of the connections of an address.
    package static let addressCountHold = Duration.milliseconds(100)

    // MARK: Socket.IO
    /// How often the gateway pings a Socket.IO client, and how long it waits for the answer; both are configurable.
    package static let socketIOPingInterval = Duration.seconds(25)
    package static let socketIOPingTimeout = Duration.seconds(20)
    /// Bytes of one packet, of one body that is posted and of what is answered to one poll; beyond it 413, or the end of
    /// the session.
    package static let socketIOPayloadByteCount = 1_000_000
    /// An upgrade to a WebSocket that is not complete after this time is given up; polling goes on.
    package static let socketIOUpgradeTimeout = Duration.seconds(10)
    /// A session that is in no namespace after this time ends.
    package static let socketIOConnectTimeout = Duration.seconds(45)
    /// Bytes and packets that may wait for a client that does not poll, and events for the names of their people; beyond it
    /// the session ends.
    package static let socketIOQueueByteCount = 1024 * 1024
    package static let socketIOQueueCount = 4_096
    /// Packets of Engine.IO and control frames that a client may send in ``clientFrameWindow``; beyond it the session ends.
    package static let socketIOPacketRate = 300
    /// Attachments of one packet.
    package static let socketIOAttachmentCount = 10
    /// How deep arrays and objects may lie in each other, and how many values one packet may have.
    package static let jsonDepth = 32
    package static let jsonValueCount = 20_000
    package static let socketIONamespaceByteCount = 64
    /// The name of a gateway as it stands in session ids, and nginx knows it by.
    package static let gatewayNamePattern = "^[a-z0-9-]{1,32}$"
    /// How long an HTTP connection of a client that polls may do nothing.
    package static let socketIOIdleTimeout = Duration.seconds(75)
    /// Rooms in one `rooms:sync`.
    package static let roomsPerSync = 100
    /// Missed messages of a room that are sent, the newest.
    package static let historyCount = 100
    /// Messages are looked for from so long before the time that a client names: the clocks of two APIs may differ, and who
    /// is sent a message twice knows it by its id.
    package static let historyOverlap = Duration.seconds(2)
    /// People in one roster, and names asked for at once.
    package static let rosterCount = 500
    /// Names of people that one loop of a gateway remembers.
    package static let peopleCacheCount = 10_000
    /// Requests of one Socket.IO client that are worked on at once; beyond it the next is refused with `rate_limited`.
    package static let dialectRequestsAtOnce = 16
    /// Workspaces after the first in which one Socket.IO client watches people.
    package static let dialectWatchCount = 7
    /// People who are typing whose end one Socket.IO client awaits; when there are more, it awaits none of them.
    package static let typersCount = 256

    // MARK: Sends
    /// Batches of messages that one API process stores at a time. With more of them sends to a busy channel wait for each
    /// other in PostgreSQL, in smaller transactions: two cost 6 % of the throughput and a third more latency.
    package static let sendLanes = 1
    /// The messages and bytes of text of one batch.
    package static let sendBatchCount = 64
    package static let sendBatchByteCount = 256 * 1024
    /// How long a batch waits for a stream that another transaction has locked; then its messages are stored one by one.
    package static let sendLockTimeout = Duration.milliseconds(100)
    /// Messages that may wait for a batch; beyond it a send is answered `unavailable`.
    package static let sendQueueCount = 4_096
    /// Events in one pipeline to Redis.
    package static let publishCount = 128
    /// Streams whose heads an API remembers for its notices, and those of one notice.
    package static let recentHeadsCount = 20_000
    package static let headsPerNotice = 1_000
}
