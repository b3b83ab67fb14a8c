import ArgumentParser
import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import ServiceKit

/// `roost-load nchan`
struct NchanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nchan",
        abstract: "Measures the same delivery by nginx with nchan.",
        discussion: """
            The same receivers, frames and rate as `fanout`, beside it. Frames are posted over kept-alive connections \
            to /publish; subscribers open /subscribe.
            """)

    @OptionGroup var fanout: FanoutRun
    @Option(help: "Where nginx listens: http://host:port.")
    var url: String
    @Option(help: "The process id of its master.")
    var pid: Int

    func run() async throws {
        guard let address = URL(string: url), let host = address.host(), let port = address.port else {
            throw ValidationError("--url is http://host:port.")
        }
        let frames = try fanout.frames(of: .fresh(), after: 0)
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4
        let http = HTTPClient(configuration: configuration)
        do {
            try await fanout.measure(
                "nchan", subscribe: (host, port, "/subscribe"), token: nil, server: ProcessUsage(pid: pid),
                frames: frames
            ) { try await publish(frames, by: http, on: $0) }.print()
            try await http.shutdown()
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// Posts each frame when it is due, without waiting for the answers to those before.
    private func publish(_ frames: [PublishedFrame], by http: HTTPClient, on schedule: Schedule) async throws {
        let clock = http.eventLoopGroup.next()
        try await withThrowingDiscardingTaskGroup { group in
            for (number, frame) in frames.enumerated() {
                try await schedule.wait(for: number, on: clock)
                group.addTask { try await post(frame, by: http) }
            }
        }
    }

    private func post(_ frame: PublishedFrame, by http: HTTPClient) async throws {
        var request = HTTPClientRequest(url: "\(url)/publish")
        request.method = .POST
        request.headers = ["Content-Type": "application/json"]
        request.body = .bytes(frame.json)
        let response = try await http.execute(request, timeout: .seconds(30))
        _ = try await response.body.collect(upTo: 1 << 16)
        guard (200..<300).contains(response.status.code) else {
            throw LoadFailure("nchan answered \(response.status.code).")
        }
    }
}
