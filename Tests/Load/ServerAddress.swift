import CDatagrams
import Foundation
import Glibc

/// Where subscribers connect to: an IPv4 address of this machine.
struct ServerAddress {
    private static let bindWithoutPort: Int32 = 24
    /// What the kernel takes for a subscriber that does not read, and the segments of an ordinary network: with those of
    /// the loopback it would hold megabytes for it at the server's end.
    private static let smallBufferByteCount: Int32 = 4096
    private static let segmentByteCount: Int32 = 1400

    let port: Int
    let path: String
    private let address: in_addr

    /// - Parameter url: `http://127.0.0.1:port`.
    init(url: String, path: String) throws {
        var address = in_addr()
        guard let parts = URL(string: url), let host = parts.host(), let port = parts.port,
            inet_pton(AF_INET, host, &address) == 1
        else { throw LoadFailure("\(url) is not http://, an IPv4 address and a port.") }
        self.port = port
        self.path = path
        self.address = address
    }

    /// Begins to connect, and does not wait.
    /// - Parameters:
    ///   - number: the last part of the source address, 127.0.0.x.
    ///   - isSmall: the kernel holds little for this socket, at either end.
    /// - Returns: the socket, which does not block.
    func connect(from number: Int, isSmall: Bool) throws -> Int32 {
        let socket = Glibc.socket(
            AF_INET,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw LoadFailure("No socket: \(String(cString: strerror(errno))).") }
        var isOn: Int32 = 1
        let length = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, length)
        // The kernel then chooses the port knowing the other end, so that ports of one address serve many servers.
        setsockopt(socket, Int32(IPPROTO_IP), Self.bindWithoutPort, &isOn, length)
        if isSmall {
            var (buffer, segment) = (Self.smallBufferByteCount, Self.segmentByteCount)
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &buffer, length)
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, length)
        }
        let source = Self.socketAddress(
            in_addr(s_addr: UInt32(0x7F00_0000 + number).bigEndian), port: 0)
        let bound = Self.withSocketAddress(source) { bind(socket, $0, $1) }
        let target = Self.socketAddress(address, port: UInt16(port))
        guard bound == 0,
            Self.withSocketAddress(target, { Glibc.connect(socket, $0, $1) }) == 0 || errno == EINPROGRESS
        else {
            let number = errno
            close(socket)
            throw LoadFailure("Cannot connect: \(String(cString: strerror(number))).")
        }
        return socket
    }

    private static func socketAddress(_ address: in_addr, port: UInt16) -> sockaddr_in {
        sockaddr_in(
            sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: address,
            sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
    }

    private static func withSocketAddress(
        _ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
