import Contracts

/// What receives the events of streams: a native connection, or one of another dialect. All is called on its event loop.
protocol StreamReader: AnyObject, Sendable {
    /// The reader is known: these are its streams and places. What it missed follows, then what is live.
    func begin(_ start: SessionStart)
    /// An event, the next in its stream. Native connections get live events past this, as bytes.
    func receive(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence)
    /// Someone else is typing. It may be dropped.
    func receive(_ notice: EphemeralNotice)
    /// The events of a stream up to a place can no longer be had.
    func sendReset(_ place: Cursor)
    /// Everything that was missed has been given.
    func becomeCurrent()
    /// What may be seen has changed.
    func accessChanged()
    /// What is given until ``endBatch()`` may leave together.
    func beginBatch()
    func endBatch()
    /// Returns when what was given has left the process, or throws when the reader has gone.
    func drained() async throws
    /// The session is over, or cannot be served.
    func close(_ code: CloseCode)
}

/// What a session begins with.
struct SessionStart: Sendable {
    let userID: UserID
    let sessionID: SessionID
    /// All streams, each with the place after which it is delivered.
    let places: [Cursor]
}
