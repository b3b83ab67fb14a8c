import Contracts
import Foundation
import NIOCore

/// Messages that are posted to an API and carry a number to the subscribers.
struct PostedMessage: Sendable {
    /// A request but for its key, its number and its run.
    private let head: String
    /// Keeps the keys of one run from meaning the messages of another.
    private var run = UInt32.random(in: 0 ... .max)

    /// - Parameter api: the base URL of an API.
    init(api: URL, channel: Int, token: String) throws {
        head = """
            POST /api/v1/channels/\(try Population.channel(channel))/messages HTTP/1.1\r
            Host: \(api.host() ?? ""):\(api.port ?? 80)\r
            Authorization: Bearer \(token)\r
            Content-Type: application/json\r

            """
    }

    /// The same for another run.
    func another() -> PostedMessage {
        var other = self
        other.run = UInt32.random(in: 0 ... .max)
        return other
    }

    /// The request that posts one. Written by hand: the cost of an encoder here would be taken from what is measured.
    func request(number: Int) -> ByteBuffer {
        let digits = Population.digits(number)
        let body = #"{"content":"\#(Population.marker)\#(digits)","idempotencyKey":"load-\#(run)-\#(digits)"}"#
        return ByteBuffer(string: "\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
}
