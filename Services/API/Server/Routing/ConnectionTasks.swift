package import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
import ServiceKit

/// HTTP/1.1 whose requests are worked on by the event loop of their own connection, instead of a pool of other threads: a
/// request then crosses no thread between its socket and the queue, and none between its outcome and the socket. It is
/// right for this API because its handlers only wait for PostgreSQL and Redis; what computes for long (passwords) has
/// threads of its own.
package struct ConnectionTasks: ServerChildChannel {
    private let base: HTTP1Channel

    package init(responder: @escaping HTTPChannelHandler.Responder) {
        base = HTTP1Channel(responder: responder)
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger)
    }

    package func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await withTaskExecutorPreference(LoopExecutor(value.channel.eventLoop)) {
            await base.handle(value: value, logger: logger)
        }
    }
}
