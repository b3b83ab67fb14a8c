import CDatagrams
import Glibc
import MediaCore
import MediaSecurity

/// The TCP side of a worker's port, for peers whose networks let no UDP through (ICE-TCP, RFC 6544): a listener, and the
/// connections that peers opened. Nothing here waits.
///
/// A connection that no authenticated check came by is closed after ``patience``, and one whose seat has ended with it.
///
/// Owned by one thread; it is made on another and handed over.
///
/// SAFETY: `memory` is allocated in `init` and freed in `deinit`; slices of it leave only for the time of a call.
final class StreamSockets {
    /// Connections at once; further ones are refused.
    static let connectionCount = 1_000
    /// Of those, without an authenticated check; beyond it the one that came first gives way.
    static let unprovenCount = 256
    /// How long a connection has for its first authenticated check.
    static let patience = Duration.seconds(10)
    private static let sweepInterval = Duration.seconds(1)
    private static let backlog: Int32 = 256
    /// Bytes that are read from one connection before the next has its turn; a packet that began earlier fits before them.
    private static let readByteCount = 64 * 1024

    /// Readable when there is something to do.
    let watch: Int32
    private let listener: Int32
    private let memory: UnsafeMutableRawBufferPointer
    private var connections: [Int32: StreamConnection] = [:]
    private var byAddress: [TransportAddress: StreamConnection] = [:]
    private var locals = LocalAddressTable()
    /// The listener is not watched until the next sweep.
    private var isResting = false
    private var ended: [TransportAddress] = []
    /// Connections that something was put into this turn.
    private var touched: [StreamConnection] = []
    /// When to call ``sweep(now:isValid:)``; `nil` while there are no connections.
    private(set) var deadline: MediaTime?

    /// - Throws: ``SocketError`` when the port is taken or may not be had.
    init(port: UInt16) throws(SocketError) {
        listener = try Self.listen(port)
        watch = CStreamsMakeWatch()
        precondition(watch >= 0, "A process has room for one more descriptor.")
        memory = .allocate(byteCount: Self.readByteCount + StreamConnection.partialByteCount, alignment: 16)
        CStreamsWatch(watch, listener, 0, 1, 0)
    }

    deinit {
        close(listener)
        close(watch)
        memory.deallocate()
    }

    private static func listen(_ port: UInt16) throws(SocketError) -> Int32 {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw SocketError(operation: "socket", port: port, number: errno, transport: "TCP")
        }
        StreamConnection.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        // A node that starts again finds connections of the one before it in TIME_WAIT.
        StreamConnection.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        guard result == 0, Glibc.listen(descriptor, backlog) == 0 else {
            let number = errno
            close(descriptor)
            throw SocketError(operation: "bind", port: port, number: number, transport: "TCP")
        }
        return descriptor
    }

    // MARK: Receiving

    /// Takes new connections and gives the packets that have come by the others to `body`; `isValid` then tells whether
    /// an authenticated check was among them.
    func receive(
        now: MediaTime, isValid: (TransportAddress) -> Bool,
        _ body: (UnsafeMutableRawBufferPointer, TransportAddress) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: CStreamReady.self, capacity: Int(CStreamsReadyCount)) { ready in
            let count = Int(CStreamsReady(watch, ready.baseAddress))
            for index in 0..<max(0, count) {
                if ready[index].descriptor == listener {
                    accept(now: now)
                } else if let connection = connections[ready[index].descriptor] {
                    if ready[index].isWritable != 0 { flush(connection) }
                    if ready[index].isReadable != 0, !read(connection, body) {
                        end(connection)
                    } else if !connection.isProven {
                        connection.isProven = isValid(connection.address)
                    }
                }
            }
        }
    }

    /// Connections taken in one turn, so that a flood of them does not keep the packets waiting.
    private static let acceptCount = 16

    private func accept(now: MediaTime) {
        for _ in 0..<Self.acceptCount {
            var address = sockaddr_in6()
            var byteCount = UInt32(MemoryLayout<sockaddr_in6>.size)
            let descriptor = CStreamsAccept(listener, &address, &byteCount)
            guard descriptor >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOMEM { rest(now: now) }
                return
            }
            var source = TransportAddress(address)
            source.kind = .tcp
            source.localIndex = locals.index(of: StreamConnection.localAddress(of: descriptor))
            guard connections.count < Self.connectionCount, byAddress[source] == nil,
                CStreamsWatch(watch, descriptor, 0, 1, 0) == 0
            else {
                close(descriptor)
                continue
            }
            let unproven = connections.values.filter { !$0.isProven }
            if unproven.count >= Self.unprovenCount, let first = unproven.min(by: { $0.openedAt < $1.openedAt }) {
                end(first)
            }
            let connection = StreamConnection(descriptor: descriptor, address: source, openedAt: now)
            connections[descriptor] = connection
            byAddress[source] = connection
            if deadline == nil { deadline = now + Self.sweepInterval }
        }
    }

    /// The process has no descriptor left: those who wait to be taken would wake it without end.
    private func rest(now: MediaTime) {
        isResting = true
        CStreamsWatch(watch, listener, 1, 0, 0)
        deadline = now + Self.sweepInterval
    }

    /// `false` when the connection has ended.
    private func read(
        _ connection: StreamConnection, _ body: (UnsafeMutableRawBufferPointer, TransportAddress) -> Void
    ) -> Bool {
        let before = connection.takePartial(into: memory)
        let space = UnsafeMutableRawBufferPointer(rebasing: memory[before..<(before + Self.readByteCount)])
        let count = recv(connection.descriptor, space.baseAddress, space.count, 0)
        guard count != 0 else { return false }
        guard count > 0 else {
            let number = errno
            connection.keepPartial(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<before]))
            return number == EAGAIN || number == EINTR
        }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<(before + count)])
        guard let done = StreamFraming.forEach(in: bytes, { body($0, connection.address) }) else { return false }
        connection.keepPartial(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[done...]))
        return true
    }

    // MARK: Sending

    /// Sends what of an outbox goes to connections. What a slow one does not take waits, within its ``StreamQueue``.
    func send(_ outbox: Outbox) {
        guard !outbox.streamEntries.isEmpty else { return }
        outbox.withMemory { memory in
            for entry in outbox.streamEntries {
                guard let connection = byAddress[entry.destination] else { continue }
                if !connection.isTouched {
                    connection.isTouched = true
                    touched.append(connection)
                }
                let packet = memory[entry.offset..<(entry.offset + entry.byteCount)]
                connection.queue.append(
                    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[packet.indices]))
            }
        }
        for connection in touched {
            connection.isTouched = false
            flush(connection)
        }
        touched.removeAll(keepingCapacity: true)
    }

    private func flush(_ connection: StreamConnection) {
        connection.flush()
        let isWaiting = !connection.queue.isEmpty
        guard isWaiting != connection.isWatchedForWriting, connections[connection.descriptor] === connection else {
            return
        }
        connection.isWatchedForWriting = isWaiting
        CStreamsWatch(watch, connection.descriptor, 1, 1, isWaiting ? 1 : 0)
    }

    // MARK: The end

    /// Closes connections that are of no use. Cheap, and safe to call at any time.
    func sweep(now: MediaTime, isValid: (TransportAddress) -> Bool) {
        guard let due = deadline, due <= now else { return }
        if isResting {
            isResting = false
            CStreamsWatch(watch, listener, 1, 1, 0)
        }
        for connection in connections.values {
            let isOver = connection.isProven || now >= connection.openedAt + Self.patience
            if isOver, !isValid(connection.address) { end(connection) }
        }
        deadline = connections.isEmpty ? nil : now + Self.sweepInterval
    }

    /// The addresses of connections that have ended.
    func takeEnded() -> [TransportAddress] {
        guard !ended.isEmpty else { return [] }
        defer { ended = [] }
        return ended
    }

    private func end(_ connection: StreamConnection) {
        connections[connection.descriptor] = nil
        byAddress[connection.address] = nil
        ended.append(connection.address)
        close(connection.descriptor)
    }
}
