package import Contracts
package import NIOCore
package import RedisBus
import ServiceKit

/// Answers what others ask of this gateway over the bus.
package struct BusRequestHandler: Sendable {
    private let services: GatewayServices

    package init(services: GatewayServices) {
        self.services = services
    }

    /// A frame for the holder of a seat is passed on, and answered also when the holder has gone. There is nothing else.
    package func handle(_ kind: BusRequestKind, _ body: ByteBuffer) -> Result<ByteBuffer, BusFailure> {
        guard kind == .seatNotice else {
            return .failure(BusFailure(.notFound, "A gateway answers no such request."))
        }
        do {
            let notice = try WireJSON.decode(SeatNotice.self, from: body.readableBytesView)
            services.calls.relay(for: notice.connectionID)?.receive(notice)
            return .success(ByteBuffer(bytes: try WireJSON.encode(Empty())))
        } catch {
            return .failure(BusFailure(.malformedRequest, "The notice could not be read."))
        }
    }
}
