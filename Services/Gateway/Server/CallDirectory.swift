import Contracts
import Synchronization

/// Which connections of this gateway have a call, for what media nodes tell them. Only those are in it.
///
/// One for all loops: a notice names a connection and no loop, and asking each of them would wake them all.
final class CallDirectory: Sendable {
    private let relays = Mutex<[ConnectionID: CallRelay]>([:])

    func add(_ relay: CallRelay, for connection: ConnectionID) { relays.withLock { $0[connection] = relay } }

    func remove(_ connection: ConnectionID) { relays.withLock { $0[connection] = nil } }

    func relay(for connection: ConnectionID) -> CallRelay? { relays.withLock { $0[connection] } }
}
