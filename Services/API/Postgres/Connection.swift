import CLibPQ
import Glibc
import Logging

/// Owns one `PGconn` from the handshake to `PQfinish`.
///
/// SAFETY: `@unchecked Sendable` because one thread uses it at a time: the side thread that opened it hands it over once,
/// through the lock of `Inbox`, and keeps no reference.
final class Connection: @unchecked Sendable {
    let pointer: OpaquePointer
    /// libpq holds an unretained pointer to it until `PQfinish`.
    private let notices: NoticeLog

    private init(pointer: OpaquePointer, logger: Logger) {
        self.pointer = pointer
        notices = NoticeLog(logger: logger)
        // SAFETY: `notices` is released after `deinit` has called PQfinish, and libpq calls back only inside its own
        // functions, so the pointer is valid whenever the callback runs.
        PQsetNoticeProcessor(
            pointer,
            { log, message in
                guard let log, let message else { return }
                Unmanaged<NoticeLog>.fromOpaque(log).takeUnretainedValue().write(String(cString: message))
            }, Unmanaged.passUnretained(notices).toOpaque())
    }

    deinit {
        PQfinish(pointer)
    }

    /// What libpq says about the last failure, in one line.
    var errorMessage: String {
        String(cString: PQerrorMessage(pointer)).split(separator: "\n").joined(separator: " ")
    }

    /// Connects. Blocks for DNS, the TCP and TLS handshakes and authentication, so never call it on the poll thread.
    ///
    /// It drives `PQconnectPoll` itself rather than call `PQconnectdb`: that one prints the notices of the handshake to
    /// stderr, because it returns before a notice processor can be set.
    static func open(
        _ configuration: PostgresConfiguration, session: SessionSettings, logger: Logger
    ) throws(ConnectFailure) -> Connection {
        let parameters = try connectParameters(configuration, session: session)
        let started = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in
                PQconnectStartParams(keywords, values, 1)
            }
        }
        guard let started else { throw ConnectFailure(message: "out of memory") }
        let connection = Connection(pointer: started, logger: logger)
        try connection.finishHandshake(deadline: .now + configuration.connectTimeout)
        return connection
    }

    private func finishHandshake(deadline: ContinuousClock.Instant) throws(ConnectFailure) {
        guard PQstatus(pointer) != CONNECTION_BAD else { throw ConnectFailure(message: errorMessage) }
        var wanted = PGRES_POLLING_WRITING
        while wanted != PGRES_POLLING_OK {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw ConnectFailure(message: "the handshake took too long") }
            let events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT
            var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(events), revents: 0)
            guard poll(&descriptor, 1, left.roundedUpMilliseconds) > 0 else { continue }
            wanted = PQconnectPoll(pointer)
            if wanted == PGRES_POLLING_FAILED { throw ConnectFailure(message: errorMessage) }
        }
    }

    /// Leaves blocking calls behind; after this only the poll thread may use the connection.
    func enterPipelineMode() throws(ConnectFailure) {
        guard PQsetnonblocking(pointer, 1) == 0, PQenterPipelineMode(pointer) == 1 else {
            throw ConnectFailure(message: errorMessage)
        }
    }
}

/// Why no connection could be made, in libpq's words.
struct ConnectFailure: Error {
    var message: String
}

/// What the server is told when a session begins.
enum SessionSettings {
    case lane(Lane)
    /// Migrations may take long.
    case migration

    /// The backend's command line form: a blank inside a value is escaped.
    ///
    /// `statement_timeout` is what bounds a statement. PQcancel is not used anywhere: it cancels whatever the backend
    /// runs when the signal arrives, in a pipeline often another caller's statement, and it opens a connection of its own
    /// and blocks on it.
    func options(_ configuration: PostgresConfiguration) -> String {
        let always = "-c client_min_messages=warning -c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex"
        let timeout = "-c statement_timeout=\(configuration.statementTimeout.roundedUpMilliseconds)"
        return switch self {
        case .lane(.work): "\(always) \(timeout) -c default_transaction_isolation=read\\ committed"
        case .lane(.snapshot):
            "\(always) \(timeout) -c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on"
        case .migration: "\(always) -c statement_timeout=0"
        }
    }
}

/// Keywords and values. Later ones win in libpq, so the URL stands between our defaults and our demands.
private func connectParameters(
    _ configuration: PostgresConfiguration, session: SessionSettings
) throws(ConnectFailure) -> [(String, String)] {
    var message: UnsafeMutablePointer<CChar>?
    guard let parsed = PQconninfoParse(configuration.url, &message) else {
        defer { PQfreemem(message) }
        // libpq quotes the string, which may hold a password, so its words are not repeated.
        throw ConnectFailure(message: "the database URL is malformed")
    }
    defer { PQconninfoFree(parsed) }
    var options = session.options(configuration)
    var option = parsed
    while let keyword = option.pointee.keyword {
        if strcmp(keyword, "options") == 0, let value = option.pointee.val {
            options = String(cString: value) + " " + options
        }
        option += 1
    }
    return [
        // A peer that vanished is noticed in a minute rather than in the two hours of the kernel's default.
        ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "30000"),
        ("dbname", configuration.url),
        ("application_name", configuration.applicationName), ("client_encoding", "UTF8"), ("options", options),
    ]
}

/// An array of C strings ended by a null pointer, valid inside `body`.
func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    let pointers = copies.map { UnsafePointer($0) } + [nil]
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}

/// Where the server's notices go instead of stderr.
private final class NoticeLog: Sendable {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    func write(_ message: String) {
        logger.debug("PostgreSQL notice", metadata: ["notice": "\(message)"])
    }
}

extension Duration {
    /// For poll(2) and PostgreSQL settings: never early, within Int32.
    var roundedUpMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        let milliseconds = Double(seconds) * 1000 + (Double(attoseconds) / 1e15).rounded(.up)
        return Int32(min(max(milliseconds, 0), 2_000_000_000))
    }
}
