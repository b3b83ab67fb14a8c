import AsyncHTTPClient
import Contracts
import NIOCore
import NIOHTTP1

/// Messages that are posted to an API and carry a number to the subscribers.
struct PostedMessage: Sendable {
    private let url: String
    private let token: String
    /// Keeps the keys of one run from meaning the messages of another.
    private var run = UInt32.random(in: 0 ... .max)

    /// - Parameter api: the base URL of an API.
    init(api: String, channel: Int, token: String) throws {
        url = "\(api)/api/v1/channels/\(try Population.channel(channel))/messages"
        self.token = token
    }

    /// The same for another run.
    func another() -> PostedMessage {
        var other = self
        other.run = UInt32.random(in: 0 ... .max)
        return other
    }

    /// The request that posts one. Written by hand: the cost of an encoder here would be taken from what is measured.
    func request(number: Int) -> HTTPClientRequest {
        let digits = Population.digits(number)
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["Content-Type": "application/json", "Authorization": "Bearer \(token)"]
        request.body = .bytes(
            ByteBuffer(
                string:
                    #"{"content":"\#(Population.marker)\#(digits)","idempotencyKey":"load-\#(run)-\#(digits)"}"#
            ))
        return request
    }
}
