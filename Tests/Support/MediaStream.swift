import Glibc
import Synchronization

/// A TCP connection to a media node, with packets framed in it (RFC 4571 §2). Written without the node's code.
package final class MediaStream: MediaPath {
    private struct Incoming {
        var bytes: [UInt8] = []
        var hasEnded = false
    }

    private static let packetByteCount = 65_536
    private let descriptor: Int32
    private let incoming = Mutex(Incoming())
    /// Keeps two packets that are sent at once apart.
    private let sending = Mutex(())

    /// Connects, which on this machine is done at once or not at all.
    /// - Parameter host: an IPv4 or IPv6 address.
    /// - Throws: ``MediaSocket/Failure``.
    package init(host: String, port: UInt16) throws(MediaSocket.Failure) {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        let mapped = host.contains(":") ? host : "::ffff:\(host)"
        guard inet_pton(AF_INET6, mapped, &address.sin6_addr) == 1 else {
            throw MediaSocket.Failure(operation: "address", number: 0)
        }
        descriptor = Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw MediaSocket.Failure(operation: "socket", number: errno) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        guard result == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            throw MediaSocket.Failure(operation: "connect", number: errno)
        }
    }

    deinit { close(descriptor) }

    package func send(_ packet: UnsafeRawBufferPointer) -> Bool {
        send(raw: [UInt8(packet.count >> 8), UInt8(packet.count & 0xFF)] + packet)
    }

    /// Sends bytes as they are, waiting for room.
    @discardableResult
    package func send(raw bytes: [UInt8]) -> Bool {
        sending.withLock { _ in
            var offset = 0
            while offset < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset, Int32(MSG_NOSIGNAL))
                }
                if count > 0 {
                    offset += count
                } else if errno == EAGAIN {
                    poll(for: POLLOUT, milliseconds: 100)
                } else {
                    return false
                }
            }
            return true
        }
    }

    package func receive(into memory: UnsafeMutableRawBufferPointer) -> Int? {
        incoming.withLock { incoming in
            fill(&incoming)
            guard incoming.bytes.count >= 2 else { return nil }
            let count = Int(incoming.bytes[0]) << 8 | Int(incoming.bytes[1])
            guard incoming.bytes.count >= 2 + count, count <= memory.count else { return nil }
            memory.copyBytes(from: incoming.bytes[2..<(2 + count)])
            incoming.bytes.removeFirst(2 + count)
            return count
        }
    }

    /// Whether the node has closed it.
    package var hasEnded: Bool {
        incoming.withLock { incoming in
            fill(&incoming)
            return incoming.hasEnded
        }
    }

    private func fill(_ incoming: inout Incoming) {
        guard incoming.bytes.count < Self.packetByteCount else { return }
        withUnsafeTemporaryAllocation(byteCount: Self.packetByteCount, alignment: 1) { memory in
            let count = recv(descriptor, memory.baseAddress, memory.count, 0)
            if count > 0 {
                incoming.bytes += UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count])
            } else if count == 0 || errno != EAGAIN && errno != EINTR {
                incoming.hasEnded = true
            }
        }
    }

    package func wait(milliseconds: Int32) { poll(for: POLLIN, milliseconds: milliseconds) }

    private func poll(for interest: Int32, milliseconds: Int32) {
        var events = pollfd(fd: descriptor, events: Int16(interest), revents: 0)
        Glibc.poll(&events, 1, milliseconds)
    }
}
