import Contracts
import GatewayDomain

extension Connection {
    /// A frame of the client's call. Until the token is verified there is nobody to give a seat to.
    func receive(_ frame: ClientCallFrame) {
        guard let userID, let sessionID else {
            let number: Int? = if case .offer(let offer) = frame { offer.number } else { nil }
            return send(.callFailed(CallFailed(code: .conflict, detail: "Wait for ready first.", number: number)))
        }
        let relay =
            call
            ?? CallRelay(
                connectionID: id, holder: .init(user: userID, session: sessionID), eventLoop: eventLoop,
                services: services
            ) { [self] frame in send(frame) }
        call = relay
        relay.receive(frame)
    }
}
