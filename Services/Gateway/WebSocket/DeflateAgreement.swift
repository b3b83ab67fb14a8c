/// What client and server agreed on for permessage-deflate (RFC 7692 §7). Neither ever takes context over from one message
/// to the next, so that one compressed frame is right for every receiver, and no connection holds a compressor.
package struct DeflateAgreement: Equatable, Sendable {
    /// Whether the client asked for a bound of the server's window: then the answer must name one (RFC 7692 §7.1.2.1).
    let namesServerWindow: Bool

    /// The value of `Sec-WebSocket-Extensions` in the answer.
    package var headerValue: String {
        namesServerWindow ? "\(Self.base); server_max_window_bits=\(MessageDeflater.windowBits)" : Self.base
    }

    private static let base = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    /// The agreement on the first offer that can be accepted, if there is one (RFC 7692 §5.1).
    init?(firstOf offers: [ExtensionOffer]) {
        guard let agreement = offers.lazy.compactMap(DeflateAgreement.init).first else { return nil }
        self = agreement
    }

    /// `nil` if the offer must be declined (RFC 7692 §7.1): it is another extension's, has a parameter that is unknown,
    /// comes twice or has no valid value, or bounds the server's window below the shared compressor's.
    init?(_ offer: ExtensionOffer) {
        guard offer.name == "permessage-deflate" else { return nil }
        for (index, parameter) in offer.parameters.enumerated() {
            // Only the few known names come so far, so those before are few.
            guard !offer.parameters[..<index].contains(where: { $0.name == parameter.name }) else { return nil }
            switch (parameter.name, parameter.value) {
            // Done anyway.
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil): break
            // The inflater has the largest window, so the client may have any.
            case ("client_max_window_bits", nil): break
            case ("client_max_window_bits", let value?): guard Self.windowBits(value) != nil else { return nil }
            case ("server_max_window_bits", let value?):
                guard let bits = Self.windowBits(value), bits >= MessageDeflater.windowBits else { return nil }
            default: return nil
            }
        }
        namesServerWindow = offer.parameters.contains { $0.name == "server_max_window_bits" }
    }

    /// A window's size: 8 to 15 in decimal, without leading zeros (RFC 7692 §7.1.2).
    private static func windowBits(_ value: Substring) -> Int? {
        guard value.first != "0", value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bits = Int(value),
            (8...15).contains(bits)
        else { return nil }
        return bits
    }
}
