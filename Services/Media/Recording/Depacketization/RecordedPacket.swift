/// One packet of a recorded stream, without its header.
package struct RecordedPacket: Hashable, Sendable {
    /// Unwrapped number in its stream.
    package let sequence: Int64
    package let timestamp: UInt32
    package let hasMarker: Bool
    package let payload: [UInt8]

    package init(sequence: Int64, timestamp: UInt32, hasMarker: Bool, payload: [UInt8]) {
        self.sequence = sequence
        self.timestamp = timestamp
        self.hasMarker = hasMarker
        self.payload = payload
    }
}
