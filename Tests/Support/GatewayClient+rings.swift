package import Contracts

extension GatewayClient.State {
    /// The rings that the device was told of, each state of each, in the order of arrival.
    package var rings: [CallRing] {
        events.compactMap { frame in
            if case .ringUpdated(let ring) = frame.event { ring } else { nil }
        }
    }
}
