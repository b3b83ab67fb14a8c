import Contracts
import NIOCore
import ServiceKit

/// The connections of one event loop, and which streams they read.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on its event loop only.
final class LoopRegistry: @unchecked Sendable {
    let index: Int
    let eventLoop: any EventLoop
    private var connections: Set<ConnectionHandler> = []
    private var readers: [StreamID: [ConnectionHandler]] = [:]

    init(index: Int, eventLoop: any EventLoop) {
        self.index = index
        self.eventLoop = eventLoop
    }

    /// Checks deadlines of all connections once a second: one timer a loop instead of two a connection.
    func start() {
        eventLoop.execute { [self] in
            eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [self] _ in
                let now = Timestamp.now
                for connection in connections { connection.check(now: now) }
            }
        }
    }

    // MARK: On the loop

    func add(_ connection: ConnectionHandler) { connections.insert(connection) }

    func remove(_ connection: ConnectionHandler, streams: some Sequence<StreamID>) {
        connections.remove(connection)
        for stream in streams { removeReader(connection, of: stream) }
    }

    func addReader(_ connection: ConnectionHandler, of stream: StreamID) {
        readers[stream, default: []].append(connection)
    }

    func removeReader(_ connection: ConnectionHandler, of stream: StreamID) {
        guard var rest = readers.removeValue(forKey: stream) else { return }
        if let index = rest.firstIndex(of: connection) {
            rest.swapAt(index, rest.count - 1)
            rest.removeLast()
        }
        if !rest.isEmpty { readers[stream] = rest }
    }

    // MARK: From other threads

    /// Gives events of a stream, in order, to the connections that read it.
    func deliver(_ events: [(StreamSequence, PreparedEvent)], of stream: StreamID) {
        eventLoop.execute { [self] in
            for (seq, event) in events {
                // A copy, because an event's effect may change who reads the stream.
                for connection in readers[stream] ?? [] { connection.receive(event, stream, seq) }
            }
        }
    }

    /// Tells the readers of a stream that its events up to a place can no longer be had.
    func reset(_ place: Cursor) {
        eventLoop.execute { [self] in
            for connection in readers[place.stream] ?? [] { connection.sendReset(place) }
        }
    }

    /// Closes every connection, spread over a time so that they do not all come back at once.
    func closeAll(_ code: CloseCode, over time: Duration) {
        eventLoop.execute { [self] in
            let count = Int64(max(1, connections.count))
            for (position, connection) in connections.enumerated() {
                let delay = time.nanoseconds * Int64(position) / count
                eventLoop.scheduleTask(in: .nanoseconds(delay)) { connection.close(code) }
            }
        }
    }
}
