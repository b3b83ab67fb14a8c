import AsyncHTTPClient
import Contracts
import NIOCore
import NIOHTTP1
import ServiceKit

/// Clients that send messages as fast as they are answered.
struct MessageLoad {
    /// A channel and someone who may write in it.
    struct Place {
        let channel: ChannelID
        let token: String
    }

    let apis: [APIClient]
    let places: [Place]
    /// Clients at a time.
    let clients: Int

    /// Sends for this long, and until what was sent then is answered.
    /// - Returns: one latency for each message.
    /// - Throws: ``LoadFailure`` at the first message that is not answered 201.
    func run(for time: Duration) async throws -> LatencySamples {
        let end = ContinuousClock.now + time
        return try await withThrowingTaskGroup(of: LatencySamples.self) { group in
            for client in 0..<clients {
                group.addTask { try await send(from: client, until: end) }
            }
            return try await group.reduce(into: LatencySamples()) { $0.add($1) }
        }
    }

    private func send(from client: Int, until end: ContinuousClock.Instant) async throws -> LatencySamples {
        var latencies = LatencySamples()
        var turn = client
        while ContinuousClock.now < end {
            let start = NIODeadline.now()
            try await sendOne(to: apis[turn % apis.count])
            latencies.add(nanoseconds: (NIODeadline.now() - start).nanoseconds)
            turn += 1
        }
        return latencies
    }

    private func sendOne(to api: APIClient) async throws {
        guard let place = places.randomElement() else { throw LoadFailure("There is no channel to write in.") }
        var request = HTTPClientRequest(url: "\(api.baseURL)/api/v1/channels/\(place.channel)/messages")
        request.method = .POST
        request.headers = ["Content-Type": "application/json", "Authorization": "Bearer \(place.token)"]
        // Written by hand, as the cost of an encoder here would be taken from the processes that are measured.
        let key = MessageID.fresh()
        request.body = .bytes(
            ByteBuffer(string: #"{"content":"\#(PostCommand.content)","idempotencyKey":"\#(key)"}"#))
        let response = try await api.http.execute(request, timeout: .seconds(10))
        let answer = try await response.body.collect(upTo: 1 << 16)
        guard response.status == .created else {
            throw LoadFailure("A message was answered \(response.status.code): \(String(buffer: answer))")
        }
    }
}
