import Foundation
import Testing

/// Of one test. Of two limits the shorter counts, so this one makes room for the long forms (`make soak`,
/// `make test-full`).
private let longestMinutes =
    ["SOAK_SECONDS", "ROOST_TEST_FULL"].contains { ProcessInfo.processInfo.environment[$0] != nil } ? 180 : 2

/// The whole product: two APIs and three gateways behind nginx, with PostgreSQL and Redis. One test at a time, because
/// some of them end processes, and because deadlines mean little on a machine that does four things at once.
@Suite("End to end", .serialized, .timeLimit(.minutes(longestMinutes)))
enum EndToEnd {}
