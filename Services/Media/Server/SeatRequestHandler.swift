package import Contracts
import Logging
package import NIOCore
package import RedisBus
import ServiceKit

/// What gateways and APIs ask of a media node over the bus. The one place that maps its errors.
package struct SeatRequestHandler: Sendable {
    private let node: MediaNode
    private let encoder: CallStateEncoder
    private let logger: Logger

    init(node: MediaNode, encoder: CallStateEncoder, logger: Logger) {
        self.node = node
        self.encoder = encoder
        self.logger = logger
    }

    package func handle(_ kind: BusRequestKind, _ body: ByteBuffer) async -> Result<ByteBuffer, BusFailure> {
        do {
            switch kind {
            case .seatJoin: return .success(ByteBuffer(bytes: try encoder.encode(await node.join(decode(body)))))
            case .seatOffer: return .success(try encode(await node.offer(decode(body))))
            case .seatUpdate:
                try await node.update(decode(body))
                return .success(try encode(Empty()))
            case .seatView:
                try await node.view(decode(body))
                return .success(try encode(Empty()))
            case .seatLeave:
                await node.leave(try decode(body))
                return .success(try encode(Empty()))
            case .seatIce: return .success(try encode(await node.ice(decode(body))))
            case .seatModerate:
                try await node.moderate(decode(body))
                return .success(try encode(Empty()))
            case .seatRemove:
                try await node.remove(decode(body))
                return .success(try encode(Empty()))
            case .seatFind: return .success(try encode(await node.find(decode(body))))
            case .relayOpen: return .success(try encode(await node.open(decode(body))))
            case .relayTell:
                try await node.hear(decode(body))
                return .success(try encode(Empty()))
            case .recordingStart: return .success(try encode(await node.startRecording(decode(body))))
            case .recordingStop: return .success(try encode(await node.stopRecording(decode(body))))
            default: return .failure(BusFailure(.notFound, "A media node does not serve \(kind.rawValue)."))
            }
        } catch let failure as BusFailure {
            return .failure(failure)
        } catch is BusError {
            return .failure(BusFailure(.unavailable, "The media node has no keys yet; try again."))
        } catch {
            logger.error("request failed", metadata: ["kind": "\(kind)", "error": "\(error)"])
            return .failure(BusFailure(.internalError, "The request could not be served."))
        }
    }

    private func decode<Body: WireObject>(_ body: ByteBuffer) throws -> Body {
        do {
            return try WireJSON.decode(Body.self, from: body.readableBytesView)
        } catch {
            throw BusFailure(.malformedRequest, WireJSON.explanation(of: error).detail)
        }
    }

    private func encode(_ answer: some WireObject) throws -> ByteBuffer {
        ByteBuffer(bytes: try WireJSON.encode(answer))
    }
}
