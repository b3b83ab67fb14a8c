package import Contracts

/// What presence needs of a connection.
package protocol PresenceClient: AnyObject, Sendable {
    var connectionID: ConnectionID { get }
    /// Sends the states of people whom the connection watches. From any thread; dropped when the connection is behind.
    func sendEphemeral(_ frame: PresenceStates)
}
