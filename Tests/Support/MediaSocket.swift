import Glibc

/// What carries a peer's packets. Of one thread, but for sending.
package protocol MediaPath: Sendable {
    /// Whether the kernel took it.
    @discardableResult func send(_ packet: UnsafeRawBufferPointer) -> Bool
    /// The length of the next packet, which is in `memory` then; `nil` when there is none.
    func receive(into memory: UnsafeMutableRawBufferPointer) -> Int?
    /// Returns when there is something to receive, or when the time is over.
    func wait(milliseconds: Int32)
}

/// A UDP socket of this machine that speaks with one address. It never waits but in ``wait(milliseconds:)``: what
/// the kernel does not take is lost, as on any network.
package final class MediaSocket: MediaPath {
    /// It could not be made.
    package struct Failure: Error {
        package let operation: String
        package let number: Int32
    }

    private let descriptor: Int32

    /// - Parameter host: an IPv4 or IPv6 address.
    /// - Throws: ``Failure``.
    package init(host: String, port: UInt16) throws(Failure) {
        let family = host.contains(":") ? AF_INET6 : AF_INET
        descriptor = Glibc.socket(family, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK, 0)
        guard descriptor >= 0 else { throw Failure(operation: "socket", number: errno) }
        var byteCount: Int32 = 4 * 1024 * 1024
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &byteCount, socklen_t(MemoryLayout<Int32>.size))
        if family == AF_INET6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            try connect(&address, byText: inet_pton(AF_INET6, host, &address.sin6_addr))
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            try connect(&address, byText: inet_pton(AF_INET, host, &address.sin_addr))
        }
    }

    /// - Parameter wasRead: what reading the address answered: 1 for one that is well formed.
    private func connect<Address>(_ address: inout Address, byText wasRead: Int32) throws(Failure) {
        guard wasRead == 1 else { throw Failure(operation: "address", number: 0) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0 else { throw Failure(operation: "connect", number: errno) }
    }

    deinit { close(descriptor) }

    /// Whether the kernel took it.
    @discardableResult
    package func send(_ datagram: UnsafeRawBufferPointer) -> Bool {
        Glibc.send(descriptor, datagram.baseAddress, datagram.count, 0) == datagram.count
    }

    @discardableResult
    package func send(_ datagram: [UInt8]) -> Bool { datagram.withUnsafeBytes { send($0) } }

    /// The length of the next datagram, which is in `memory` then; `nil` when there is none.
    package func receive(into memory: UnsafeMutableRawBufferPointer) -> Int? {
        while true {
            let count = recv(descriptor, memory.baseAddress, memory.count, 0)
            if count >= 0 { return count }
            // The other port was closed for a datagram before: that says nothing about what has arrived.
            guard errno == ECONNREFUSED || errno == EINTR else { return nil }
        }
    }

    /// Returns when there is something to receive, or when the time is over.
    package func wait(milliseconds: Int32) {
        var events = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&events, 1, milliseconds)
    }
}
