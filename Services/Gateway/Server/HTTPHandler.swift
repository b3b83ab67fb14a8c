import NIOCore
import NIOHTTP1

/// Answers what is no WebSocket upgrade: probes, and a hint for everything else. It leaves when a connection upgrades.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let services: GatewayServices
    private var uri = ""

    init(services: GatewayServices) {
        self.services = services
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): uri = head.uri
        case .body: break
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        let (status, text): (HTTPResponseStatus, String) =
            switch uri {
            case "/health/live": (.ok, "live\n")
            case "/health/ready": services.isReady ? (.ok, "ready\n") : (.serviceUnavailable, "no redis or no keys\n")
            case "/gateway" where services.isFull: (.serviceUnavailable, "This gateway is full. Try another.\n")
            case "/gateway": (.upgradeRequired, "Connect with a WebSocket.\n")
            default: (.notFound, "There is nothing at this address. The gateway is at /gateway.\n")
            }
        var headers: HTTPHeaders = ["Content-Length": "\(text.utf8.count)", "Content-Type": "text/plain"]
        if status == .upgradeRequired { headers.add(name: "Upgrade", value: "websocket") }
        headers.add(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
