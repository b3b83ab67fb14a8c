// What a worker and the TCP connections of its port tell each other (RFC 6544): a connection is an address like any
// other, valid once an authenticated check came by it, but unlike a UDP address it can end.
extension Worker {
    /// Whether an authenticated check came from this address and the seat is still there.
    package func isValid(_ address: TransportAddress) -> Bool { addresses[address] != nil }

    /// The connection from this address has ended. Its seat stays until it is not heard of for too long.
    package func forget(_ address: TransportAddress) {
        guard let participant = addresses.removeValue(forKey: address) else { return }
        participant.transport?.forget(address)
    }
}
