// swift-tools-version: 6.2
// Targets in reading order. The arrows of the design are enforced here: a target can import only what it names, so
// Contracts ← Domain (pure) ← Server (I/O) ← Run (composition root), and a wrong import does not compile.

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Products of other packages, by the name the targets below use.
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "roost",
    products: [
        .executable(name: "roost-api", targets: ["roost-api"]),
        .executable(name: "roost-gateway", targets: ["roost-gateway"]),
        .executable(name: "roost-media", targets: ["roost-media"]),
        .executable(name: "roost-contracts", targets: ["roost-contracts"]),
        .library(name: "RoostClient", targets: ["RoostClient"]),
        .executable(name: "roost-bot", targets: ["roost-bot"]),
        .executable(name: "roost-load", targets: ["roost-load"]),
        .executable(name: "roost-faults", targets: ["roost-faults"]),
        .executable(name: "roost-fuzz", targets: ["roost-fuzz"]),
        .library(name: "SkewedClock", type: .dynamic, targets: ["SkewedClock"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
    ],
    targets: [
        // Shared: what more than one service needs.
        .target(name: "Contracts", path: "Shared/Contracts", swiftSettings: strict),
        .target(
            name: "ServiceKit",
            dependencies: [
                "Contracts", crypto, jwtKit, lifecycle, logging, nioCore, nioHTTP1, nioPosix,
            ],
            path: "Shared/ServiceKit",
            swiftSettings: strict),
        .target(
            name: "RedisBus",
            dependencies: ["Contracts", "CHiredis", crypto, lifecycle, logging, nioCore, nioPosix, nioSSL],
            path: "Shared/RedisBus",
            swiftSettings: strict),
        .systemLibrary(
            name: "CLibPQ", path: "Shared/CLibraries/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CHiredis", path: "Shared/CLibraries/CHiredis",
            providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(
            name: "CCrypt", path: "Shared/CLibraries/CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]
        ),
        .systemLibrary(
            name: "COpenSSL", path: "Shared/CLibraries/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CSRTP", path: "Shared/CLibraries/CSRTP", pkgConfig: "libsrtp2", providers: [.apt(["libsrtp2-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Shared/CLibraries/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "COpus", path: "Shared/CLibraries/COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
        .target(name: "CDatagrams", path: "Shared/CLibraries/CDatagrams"),

        // Services/API
        .target(name: "APIDomain", dependencies: ["Contracts"], path: "Services/API/Domain", swiftSettings: strict),
        .target(
            name: "Postgres",
            dependencies: ["CLibPQ", logging, nioCore],
            path: "Services/API/Postgres",
            swiftSettings: strict),
        .target(
            name: "Migrations",
            dependencies: ["Postgres"],
            path: "Services/API/Migrations",
            resources: [
                .embedInCode("0001_accounts_spaces_messages.sql"), .embedInCode("0002_calls.sql"),
                .embedInCode("0003_unread.sql"), .embedInCode("0004_rings.sql"),
                .embedInCode("0005_moderation.sql"),
                .embedInCode("0006_files.sql"),
                .embedInCode("0007_call_log.sql"),
            ],
            swiftSettings: strict),
        .target(
            name: "APIServer",
            dependencies: [
                "APIDomain", "CCrypt", "Contracts", "Postgres", "RedisBus", "ServiceKit", crypto, httpTypes,
                hummingbird,
                hummingbirdCore, jwtKit, lifecycle, logging, nioCore, nioPosix,
            ],
            path: "Services/API/Server",
            swiftSettings: strict),
        .executableTarget(
            name: "roost-api",
            dependencies: [
                "APIServer", "Contracts", "Migrations", "Postgres", "RedisBus", "ServiceKit", hummingbird, lifecycle,
                logging,
                nioPosix, unixSignals,
            ],
            path: "Services/API/Run",
            swiftSettings: strict),

        // Services/Gateway
        .target(
            name: "GatewayDomain", dependencies: ["Contracts"], path: "Services/Gateway/Domain", swiftSettings: strict),
        .target(
            name: "WebSocketCodec", dependencies: ["CZlib", crypto, nioCore], path: "Services/Gateway/WebSocket",
            swiftSettings: strict),
        .target(
            name: "SocketIOCodec", dependencies: ["Contracts", nioCore], path: "Services/Gateway/SocketIO",
            exclude: ["README.md"], swiftSettings: strict),
        .target(
            name: "GatewayServer",
            dependencies: [
                "Contracts", "GatewayDomain", "RedisBus", "ServiceKit", "SocketIOCodec", "WebSocketCodec", crypto,
                lifecycle, logging, nioCore, nioHTTP1,
                nioPosix,
            ],
            path: "Services/Gateway/Server",
            swiftSettings: strict),
        .executableTarget(
            name: "roost-gateway",
            dependencies: [
                "Contracts", "GatewayServer", "RedisBus", "ServiceKit", "WebSocketCodec", lifecycle, logging, nioPosix,
                unixSignals,
            ],
            path: "Services/Gateway/Run",
            swiftSettings: strict),

        // Services/Media
        .target(
            name: "MediaSecurity", dependencies: ["COpenSSL", "CSRTP"], path: "Services/Media/Security",
            swiftSettings: strict),
        .target(
            name: "MediaCore", dependencies: ["Contracts", "MediaSecurity", crypto], path: "Services/Media/Core",
            swiftSettings: strict),
        .target(
            name: "MediaRecording", dependencies: ["COpus", "Contracts", "MediaCore", "MediaSecurity"],
            path: "Services/Media/Recording", swiftSettings: strict),
        .target(
            name: "MediaServer",
            dependencies: [
                "CDatagrams", "Contracts", "MediaCore", "MediaRecording", "MediaSecurity", "RedisBus", "ServiceKit",
                asyncHTTPClient, lifecycle, logging, nioCore, nioHTTP1, nioPosix,
            ],
            path: "Services/Media/Server",
            swiftSettings: strict),
        .executableTarget(
            name: "roost-media",
            dependencies: [
                "Contracts", "MediaServer", "RedisBus", "ServiceKit", lifecycle, logging, nioPosix, unixSignals,
            ],
            path: "Services/Media/Run",
            swiftSettings: strict),

        // For bots and tests: connect, resume, gap detection, typed calls; and a bot as its example.
        .target(
            name: "RoostClient",
            dependencies: ["Contracts", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioWebSocket],
            path: "Shared/RoostClient",
            swiftSettings: strict),
        .target(
            name: "BotCommands", dependencies: ["Contracts"], path: "Shared/ExampleBot/Commands", swiftSettings: strict),
        .executableTarget(
            name: "roost-bot",
            dependencies: ["BotCommands", "Contracts", "RoostClient", argumentParser],
            path: "Shared/ExampleBot/Run",
            swiftSettings: strict),

        // What is generated from Contracts: OpenAPI, AsyncAPI and TypeScript.
        .target(
            name: "ContractDocuments", dependencies: ["Contracts"], path: "Shared/ContractDocuments",
            swiftSettings: strict),
        .executableTarget(
            name: "roost-contracts",
            dependencies: ["ContractDocuments"],
            path: "Shared/ContractTool",
            swiftSettings: strict),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: [
                "Contracts", "RedisBus", "ServiceKit", asyncHTTPClient, crypto, jwtKit, logging, nioCore, nioHTTP1,
                nioPosix, nioWebSocket,
            ],
            path: "Tests/Support",
            swiftSettings: strict),
        .testTarget(
            name: "ContractsTests", dependencies: ["ContractDocuments", "Contracts"], path: "Tests/Contracts",
            swiftSettings: strict),
        .testTarget(
            name: "ServiceKitTests", dependencies: ["Contracts", "ServiceKit", jwtKit], path: "Tests/ServiceKit",
            swiftSettings: strict),
        .testTarget(
            name: "APITests",
            dependencies: [
                "APIDomain", "APIServer", "Contracts", "RedisBus", "ServiceKit", "TestSupport", crypto, logging,
                nioCore,
                nioPosix,
            ],
            path: "Tests/API", swiftSettings: strict),
        .testTarget(
            name: "GatewayTests", dependencies: ["Contracts", "GatewayDomain"], path: "Tests/Gateway",
            swiftSettings: strict),
        .testTarget(
            name: "GatewayServerTests",
            dependencies: [
                "Contracts", "GatewayDomain", "GatewayServer", "RedisBus", "ServiceKit", "TestSupport", logging,
                nioCore, nioPosix,
            ],
            path: "Tests/GatewayServer",
            swiftSettings: strict),
        .testTarget(
            name: "SocketIOTests", dependencies: ["Contracts", "SocketIOCodec", nioCore], path: "Tests/SocketIO",
            swiftSettings: strict),
        .testTarget(
            name: "WebSocketTests", dependencies: ["WebSocketCodec", nioCore], path: "Tests/WebSocket",
            swiftSettings: strict),
        .testTarget(
            name: "RoostClientTests",
            dependencies: ["BotCommands", "Contracts", "RoostClient", "TestSupport", nioCore, nioEmbedded],
            path: "Tests/RoostClient", swiftSettings: strict),
        .testTarget(
            name: "PostgresTests", dependencies: ["Postgres", "TestSupport", logging], path: "Tests/Postgres",
            swiftSettings: strict),
        .testTarget(
            name: "RedisBusTests",
            dependencies: ["Contracts", "RedisBus", "TestSupport", logging, nioCore, nioPosix],
            path: "Tests/RedisBus",
            swiftSettings: strict),
        .target(
            name: "MediaPeer", dependencies: ["Contracts", "MediaCore", "MediaSecurity"], path: "Tests/MediaPeer",
            swiftSettings: strict),
        .target(name: "CAllocations", path: "Tests/Allocations"),
        .testTarget(
            name: "MediaTests",
            dependencies: [
                "CAllocations", "Contracts", "FuzzTargets", "MediaCore", "MediaPeer", "MediaSecurity", "MediaServer",
                "ServiceKit",
            ],
            path: "Tests/Media",
            swiftSettings: strict),
        .testTarget(
            name: "RecordingTests", dependencies: ["Contracts", "MediaCore", "MediaRecording", "MediaSecurity"],
            path: "Tests/Recording", swiftSettings: strict),
        // Parsers under seeded mutations of a small corpus.
        .target(
            name: "FuzzTargets", dependencies: ["MediaCore", "MediaRecording", "MediaSecurity"],
            path: "Tests/Fuzz/Targets", swiftSettings: strict),
        .executableTarget(
            name: "roost-fuzz", dependencies: ["FuzzTargets", argumentParser], path: "Tests/Fuzz/Run",
            swiftSettings: strict),
        // Seeded faults against a whole stack, and what must be true after them.
        .target(
            name: "FaultSuite", dependencies: ["Contracts", "RoostClient", "TestSupport"], path: "Tests/Faults/Suite",
            swiftSettings: strict),
        .target(name: "SkewedClock", path: "Tests/Faults/Clock"),
        .executableTarget(
            name: "roost-faults", dependencies: ["FaultSuite", argumentParser], path: "Tests/Faults/Run",
            swiftSettings: strict),
        .testTarget(
            name: "FaultSuiteTests", dependencies: ["FaultSuite"], path: "Tests/Faults/Tests", swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Contracts", "RoostClient", "MediaPeer", "MediaSecurity", "RedisBus", "ServiceKit", "TestSupport",
                jwtKit, nioCore,
                nioHTTP1,
                nioWebSocket,
            ],
            path: "Tests/EndToEnd",
            swiftSettings: strict),
        .executableTarget(
            name: "roost-load",
            dependencies: [
                "CDatagrams", "CZlib", "Contracts", "MediaCore", "MediaPeer", "MediaSecurity", "RedisBus", "ServiceKit",
                argumentParser, asyncHTTPClient, crypto, jwtKit, logging, nioCore, nioHTTP1, nioPosix,
            ],
            path: "Tests/Load",
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
