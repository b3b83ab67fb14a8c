import Contracts
import NIOCore
import NIOHTTP1
import ServiceKit
import SocketIOCodec

/// Serves what is no WebSocket: polls and posts of Engine.IO, one after the other on a kept connection, and probes.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only.
final class SocketIOHTTPHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request whose body is coming in.
    private struct Incoming {
        let head: HTTPRequestHead
        /// What a POST is for, once its session has let it begin.
        var post: SocketIOSession?
        var body = ByteBuffer()
        var isTooLarge = false
    }

    private let registry: LoopRegistry
    private let services: GatewayServices
    private var incoming: Incoming?
    /// The session whose poll waits for its answer on this connection.
    private var polled: SocketIOSession?
    private var context: ChannelHandlerContext?

    init(registry: LoopRegistry, services: GatewayServices) {
        self.registry = registry
        self.services = services
    }

    private var server: SocketIOServer { services.socketIO }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        do {
            try context.pipeline.syncOperations.addHandler(
                IdleStateHandler(allTimeout: .nanoseconds(Limits.socketIOIdleTimeout.nanoseconds)),
                position: .before(self))
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        polled?.pollCut()
        polled = nil
        incoming?.post?.postCut()
        incoming = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            var request = Incoming(head: head)
            if head.method == .POST, case .success(.post(let id))? = parse(head)?.request {
                request.post = server.session(id)
            }
            incoming = request
            if let session = incoming?.post { begin(session, head) }
        case .body(var part):
            guard incoming != nil, incoming?.isTooLarge == false else { return }
            let room = server.configuration.session.maximumPayload - (incoming?.body.readableBytes ?? 0)
            if part.readableBytes > room {
                incoming?.isTooLarge = true
                incoming?.body.clear()
            } else {
                incoming?.body.writeBuffer(&part)
            }
        case .end:
            guard let request = incoming else { return }
            incoming = nil
            respond(to: request)
        }
    }

    /// The session learns of a post by its head: so it notices two at once. Should it refuse, it refuses the body as
    /// well.
    private func begin(_ session: SocketIOSession, _ head: HTTPRequestHead) {
        _ = session.beginPost(from: registry.eventLoop)
    }

    private func parse(
        _ head: HTTPRequestHead
    ) -> (layer: SocketIOLayer, request: Result<EngineIORequest, EngineIORefusal>)? {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first, let layer = server.layer(at: path) else { return nil }
        let query = parts.count > 1 ? parts[1] : ""
        let request = EngineIORequest.parse(method: head.method.rawValue, isUpgrade: false) { name in
            // Nothing that Engine.IO asks for needs percent-decoding.
            query.split(separator: "&").first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
        }
        return (layer, request)
    }

    // MARK: Answers

    private func respond(to request: Incoming) {
        guard let (layer, asked) = parse(request.head) else { return answerProbe(request.head) }
        if request.head.method == .OPTIONS {
            return write(HTTPAnswer(status: .noContent, body: "", contentType: "text/plain"), to: request.head)
        }
        if request.isTooLarge {
            request.post?.postCut()
            return write(.failed(.payloadTooLarge, "The body is too large.\n"), to: request.head, isLast: true)
        }
        switch asked {
        case .failure(let refusal): write(.refused(refusal), to: request.head)
        case .success(.open):
            write(
                SocketIOSession.open(
                    layer, address: address(of: request.head), registry: registry, services: services),
                to: request.head)
        case .success(.poll(let id)): poll(id, request.head)
        case .success(.post(let id)): post(id, request)
        case .success(.openWebSocket), .success(.upgrade): write(.refused(.badRequest), to: request.head)
        }
    }

    private func poll(_ id: EngineIOSessionID, _ head: HTTPRequestHead) {
        guard let session = server.session(id) else { return write(.refused(.sessionUnknown), to: head) }
        polled = session
        session.poll(from: registry.eventLoop).whenComplete { [self] result in
            polled = nil
            write((try? result.get()) ?? .refused(.sessionUnknown), to: head)
        }
    }

    private func post(_ id: EngineIOSessionID, _ request: Incoming) {
        guard let session = request.post else { return write(.refused(.sessionUnknown), to: request.head) }
        session.post(EngineIOPayload.parse(request.body), from: registry.eventLoop).whenComplete { [self] result in
            write((try? result.get()) ?? .refused(.sessionUnknown), to: request.head)
        }
    }

    private func answerProbe(_ head: HTTPRequestHead) {
        let response = services.respond(to: head.uri)
        write(
            .failed(response.status, response.text), to: head, isLast: true, more: response.headers)
    }

    private func address(of head: HTTPRequestHead) -> String {
        services.address(forwarded: head.headers.first(name: "X-Forwarded-For"), peer: context?.remoteAddress)
    }

    private func write(
        _ answer: HTTPAnswer, to request: HTTPRequestHead, isLast: Bool = false, more: HTTPHeaders = [:]
    ) {
        guard let context else { return }
        var headers: HTTPHeaders = [
            "Content-Length": "\(answer.body.utf8.count)", "Content-Type": answer.contentType,
            "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        ]
        for (name, value) in more { headers.replaceOrAdd(name: name, value: value) }
        allowOrigin(of: request, &headers)
        let isLast = isLast || !request.isKeepAlive
        headers.add(name: "Connection", value: isLast ? "close" : "keep-alive")
        if answer.status == .noContent { headers.remove(name: "Content-Length") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
            promise: nil)
        if request.method != .HEAD, !answer.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        }
        let channel = context.channel
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if isLast { written.whenComplete { _ in channel.close(promise: nil) } }
    }

    /// CORS for an allow-list of origins (Fetch standard §3.2).
    private func allowOrigin(of request: HTTPRequestHead, _ headers: inout HTTPHeaders) {
        guard let origin = request.headers.first(name: "Origin"),
            server.configuration.allowedOrigins.contains(origin)
        else { return }
        headers.add(name: "Access-Control-Allow-Origin", value: origin)
        headers.add(name: "Access-Control-Allow-Credentials", value: "true")
        headers.add(name: "Vary", value: "Origin")
        guard request.method == .OPTIONS else { return }
        headers.add(name: "Access-Control-Allow-Methods", value: "GET, POST")
        headers.add(name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type")
        headers.add(name: "Access-Control-Max-Age", value: "600")
    }
}
