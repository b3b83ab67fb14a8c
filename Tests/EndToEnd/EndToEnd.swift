import Testing

/// The whole product: two APIs and three gateways behind nginx, with PostgreSQL and Redis. One test at a time, because
/// some of them end processes, and because deadlines mean little on a machine that does four things at once.
@Suite("End to end", .serialized, .timeLimit(.minutes(2)))
enum EndToEnd {}
