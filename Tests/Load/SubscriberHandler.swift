import Contracts
import NIOCore
import ServiceKit

/// One WebSocket that counts what it receives: opens by hand, identifies where it has a token, then only counts.
///
/// It is no general client: messages in fragments and continued handshakes do not come from the servers measured.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only.
final class SubscriberHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case upgrading(ByteBuffer)
        /// A gateway is to answer identify with hello, ready and current.
        case identifying
        case counting
    }

    private let path: String
    private let token: String?
    private let tally: SubscriberTally
    private let opened: EventLoopPromise<Void>
    private var phase = Phase.upgrading(ByteBuffer())
    private var scanner = FrameScanner()
    /// Text frames since the connection stood.
    private(set) var received = 0

    /// - Parameters:
    ///   - token: what to identify with; `nil` where a connection stands with its upgrade.
    ///   - opened: completed when whatever is published from then on arrives here.
    init(path: String, token: String?, tally: SubscriberTally, opened: EventLoopPromise<Void>) {
        self.path = path
        self.token = token
        self.tally = tally
        self.opened = opened
    }

    func channelActive(context: ChannelHandlerContext) {
        // The key and its answer below are the example of RFC 6455 §1.3: nothing here depends on chance.
        let request = """
            GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
            """
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            let bytes = unwrapInboundIn(data)
            if case .upgrading(let earlier) = phase {
                try upgrade(earlier, bytes, context)
            } else {
                scanner.append(bytes)
            }
            try receiveFrames()
        } catch {
            fail(error, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(LoadFailure("The server closed a connection."), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        opened.fail(error)
        tally.fail(error)
        context.close(promise: nil)
    }

    // MARK: Opening

    private func upgrade(_ earlier: ByteBuffer, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) throws {
        var response = earlier
        response.writeImmutableBuffer(bytes)
        let text = String(buffer: response)
        guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else {
            phase = .upgrading(response)
            return
        }
        let head = text[..<end.lowerBound]
        guard head.hasPrefix("HTTP/1.1 101 "), head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") else {
            throw LoadFailure("The upgrade to a WebSocket was answered: \(head)")
        }
        response.moveReaderIndex(forwardBy: head.utf8.count + 4)
        scanner.append(response)
        guard let token else {
            phase = .counting
            opened.succeed()
            return
        }
        phase = .identifying
        let identify = ClientFrame.identify(Identify(token: token, cursors: []))
        let frame = maskedTextFrame(ByteBuffer(bytes: try WireJSON.encode(identify)))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: Frames

    private func receiveFrames() throws {
        let now = NIODeadline.now()
        while let frame = try scanner.next() {
            switch (frame.kind, phase) {
            case (.text, .counting):
                tally.receive(number: received, at: now)
                received += 1
            case (.text, _):
                let bytes = frame.payload.readableBytesView
                if case .current = try WireJSON.decode(ServerFrame.self, from: bytes) {
                    phase = .counting
                    opened.succeed()
                }
            case (.close, _):
                throw LoadFailure("The server closed a connection: \(String(buffer: frame.payload))")
            case (.ping, _), (.pong, _): break
            }
        }
    }

    /// A final text frame as clients send it (RFC 6455 §5.2, §5.3). Its mask is zero, which leaves the payload as it is.
    private func maskedTextFrame(_ payload: ByteBuffer) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0x81))
        if payload.readableBytes < 126 {
            frame.writeInteger(UInt8(0x80 | payload.readableBytes))
        } else {
            frame.writeMultipleIntegers(UInt8(0x80 | 126), UInt16(payload.readableBytes))
        }
        frame.writeInteger(UInt32(0))
        frame.writeImmutableBuffer(payload)
        return frame
    }
}
