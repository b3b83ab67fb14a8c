/// The datagrams that a worker wants to send: one block of memory, written in place, emptied by the caller after each
/// turn. Owned by the worker's thread.
package final class Outbox {
    /// One datagram: where it goes, and where in the memory it is.
    package struct Entry {
        package let destination: TransportAddress
        package let offset: Int
        package let byteCount: Int
    }

    /// Room for the packets of one turn; past it datagrams are dropped and counted.
    package static let byteCount = 4 * 1024 * 1024
    /// A caller that receives further datagrams before it has sent these must send once this many bytes wait: one
    /// received packet for a full room fits behind them.
    package static let highWater = 3 * 1024 * 1024
    /// What one datagram may need: the largest that is received, with longer extensions and its authentication tag.
    static let datagramByteCount = 2048 + 256

    // SAFETY: allocated and freed by this object alone; slices leave it only for the time of a call.
    private let memory: UnsafeMutableRawBufferPointer
    private var end = 0
    package private(set) var entries: [Entry] = []
    /// Those that leave by TCP connections.
    package private(set) var streamEntries: [Entry] = []
    /// Datagrams that found no room.
    package private(set) var droppedCount = 0

    package init() {
        memory = .allocate(byteCount: Self.byteCount, alignment: 16)
        entries.reserveCapacity(Self.byteCount / 256)
    }

    deinit { memory.deallocate() }

    package var isNearlyFull: Bool { end >= Self.highWater }
    /// Bytes of all datagrams that wait to be sent.
    package var waitingByteCount: Int { end }

    /// The memory that the entries' offsets refer to.
    package func withMemory<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result { body(memory) }

    /// Has `write` put a datagram into memory and answer its byte count; with `nil` there is none.
    @inline(__always)
    func append(to destination: TransportAddress, _ write: (UnsafeMutableRawBufferPointer) -> Int?) {
        guard end + Self.datagramByteCount <= Self.byteCount else {
            droppedCount += 1
            return
        }
        let place = UnsafeMutableRawBufferPointer(rebasing: memory[end..<(end + Self.datagramByteCount)])
        guard let byteCount = write(place), byteCount > 0 else { return }
        let entry = Entry(destination: destination, offset: end, byteCount: byteCount)
        if destination.kind == .udp { entries.append(entry) } else { streamEntries.append(entry) }
        end += byteCount
    }

    func append(_ bytes: [UInt8], to destination: TransportAddress) {
        append(to: destination) { place in
            guard bytes.count <= place.count else { return nil }
            place.copyBytes(from: bytes)
            return bytes.count
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer, to destination: TransportAddress) {
        append(to: destination) { place in
            guard bytes.count <= place.count else { return nil }
            place.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// All are sent.
    package func removeAll() {
        entries.removeAll(keepingCapacity: true)
        streamEntries.removeAll(keepingCapacity: true)
        end = 0
    }
}
