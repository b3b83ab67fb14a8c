import Contracts
package import Logging
package import Postgres
package import RedisBus
import ServiceKit

/// What the routes work with. One value a process, made by the composition root.
package struct APIServices: Sendable {
    let database: PostgresPool
    let bus: RedisBus
    /// Whether media nodes that cannot be heard may live all the same.
    let settling: BusSettling
    let tokens: TokenIssuer
    let passwords: PasswordHasher
    let publisher: EventPublisher
    /// The outbox, whose loop the composition root runs.
    package var eventPublisher: EventPublisher { publisher }
    let mentions: MentionTeller
    /// The teller of mentions, whose loop the composition root runs.
    package var mentionTeller: MentionTeller { mentions }
    let sessions: SessionStore
    let messageRate: MessageRateLimiter
    let messageSender: MessageSender
    let loginRate: LoginRateLimiter
    let authenticator: Authenticator
    let ice: IceConfiguration
    /// The bytes of files.
    let files: FileStorage
    package let fileUploads: FileUploads
    let logger: Logger

    package init(
        configuration: APIConfiguration, database: PostgresPool, bus: RedisBus, tokens: TokenIssuer, logger: Logger
    ) {
        self.database = database
        self.bus = bus
        settling = BusSettling(bus: bus)
        self.tokens = tokens
        self.logger = logger
        passwords = PasswordHasher(method: configuration.passwordHash)
        publisher = EventPublisher(database: database, bus: bus, logger: logger)
        mentions = MentionTeller(database: database, publisher: publisher, logger: logger)
        sessions = SessionStore(database: database, bus: bus)
        messageRate = MessageRateLimiter(bus: bus, rule: configuration.messageRate)
        messageSender = MessageSender(
            database: database, bus: bus, sessions: sessions, rate: messageRate, publisher: publisher,
            mentions: mentions)
        loginRate = LoginRateLimiter(bus: bus)
        authenticator = Authenticator(verifier: tokens.verifier, sessions: sessions)
        ice = configuration.ice
        files = FileStorage(root: configuration.files.root, freeByteCount: configuration.files.freeByteCount)
        fileUploads = FileUploads(
            database: database, storage: files, links: tokens.fileLinks, configuration: configuration.files)
    }
}
