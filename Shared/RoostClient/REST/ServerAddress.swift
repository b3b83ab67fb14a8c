import Foundation

/// Where a server listens: `http://host:port`, with the port 80 if it names none.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    /// `nil` for what is no such address.
    package init?(_ text: String) {
        guard let parts = URLComponents(string: text), parts.scheme == "http", let host = parts.host, !host.isEmpty
        else {
            return nil
        }
        (self.host, port) = (host, parts.port ?? 80)
    }

    package var description: String { "http://\(host):\(port)" }
}
