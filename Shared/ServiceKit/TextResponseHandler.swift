package import NIOCore
package import NIOHTTP1

/// Answers each HTTP/1 connection once, by the address that was asked for, and closes it. Bodies of requests are skipped.
package final class TextResponseHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias OutboundOut = HTTPServerResponsePart

    private let respond: @Sendable (_ uri: String, _ eventLoop: any EventLoop) -> EventLoopFuture<TextResponse>
    private var request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "")

    /// - Parameter respond: called on the connection's event loop, of which its future has to be: it must not block.
    package init(
        respond: @escaping @Sendable (_ uri: String, _ eventLoop: any EventLoop) -> EventLoopFuture<TextResponse>
    ) {
        self.respond = respond
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: break
        case .end: answer(context)
        }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ context: ChannelHandlerContext) {
        respond(request.uri, context.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let response): self.write(response, context)
            case .failure: context.close(promise: nil)
            }
        }
    }

    private func write(_ response: TextResponse, _ context: ChannelHandlerContext) {
        var headers: HTTPHeaders = ["Content-Length": "\(response.text.utf8.count)", "Content-Type": "text/plain"]
        for (name, value) in response.headers { headers.replaceOrAdd(name: name, value: value) }
        headers.add(name: "Connection", value: "close")
        let head = HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: response.text)))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
