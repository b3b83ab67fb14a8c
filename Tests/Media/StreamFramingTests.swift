import MediaCore
import MediaPeer
import Testing

@Suite("Packets in TCP connections")
struct StreamFramingTests {
    /// Frames as RFC 4571 §2 lays them out, without the product's code.
    private func frame(_ packet: [UInt8]) -> [UInt8] {
        [UInt8(packet.count / 256), UInt8(packet.count % 256)] + packet
    }

    /// Reads a stream in pieces, keeping what is incomplete, as a connection does.
    private func read(_ stream: [UInt8], pieces: (inout Int) -> Int) -> [[UInt8]]? {
        var packets: [[UInt8]] = []
        var kept: [UInt8] = []
        var offset = 0
        while offset < stream.count {
            let count = min(pieces(&offset), stream.count - offset)
            kept += stream[offset..<(offset + count)]
            offset += count
            guard
                let done = kept.withUnsafeMutableBytes({ StreamFraming.forEach(in: $0) { packets.append([UInt8]($0)) } }
                )
            else { return nil }
            kept.removeFirst(done)
        }
        return kept.isEmpty ? packets : nil
    }

    @Test("A stream cut anywhere gives the same packets", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func cuts(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let packets: [[UInt8]] = (0..<200).map { _ in
            (0..<Int.random(in: 1...StreamFraming.packetByteCount, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
        }
        let stream = packets.flatMap(frame)
        let whole = read(stream) { _ in stream.count }
        let bytes = read(Array(stream.prefix(9_000))) { _ in 1 }
        let cut = read(stream) { _ in Int.random(in: 1...4_000, using: &random) }
        #expect(whole == packets)
        #expect(cut == packets)
        #expect(bytes == nil, "the stream ends within a packet")
    }

    @Test("Empty packets are passed over, and a packet that is too long ends the connection")
    func bounds() {
        #expect(read([0, 0] + frame([1, 2, 3]) + [0, 0, 0, 0]) { _ in 100 } == [[1, 2, 3]])
        let longest = [UInt8](repeating: 7, count: StreamFraming.packetByteCount)
        #expect(read(frame(longest)) { _ in 10_000 } == [longest])
        #expect(read(frame(longest + [7])) { _ in 10_000 } == nil)
    }

    @Test("Who does not read loses whole packets of media, costs no memory, and still gets checks and DTLS")
    func slowReader() {
        var queue = StreamQueue()
        let media = [UInt8](repeating: 0x80, count: 1_200)
        for _ in 0..<100_000 { media.withUnsafeBytes { queue.append($0) } }
        #expect(queue.count <= StreamQueue.mediaByteCount)
        #expect(queue.count + 1_202 > StreamQueue.mediaByteCount)
        let kept = queue.count / 1_202
        #expect(queue.droppedCount == 100_000 - kept)
        let check = [UInt8](repeating: 1, count: 100)
        for _ in 0..<10 { check.withUnsafeBytes { queue.append($0) } }
        #expect(queue.count == kept * 1_202 + 10 * 102)
        for _ in 0..<10_000 { check.withUnsafeBytes { queue.append($0) } }
        #expect(queue.count <= StreamQueue.byteCount)

        var written: [UInt8] = []
        while !queue.isEmpty {
            queue.write { bytes in
                written += bytes.prefix(777)
                return min(777, bytes.count)
            }
        }
        let packets = read(written) { _ in 10_000 }
        #expect(packets?.prefix(kept).allSatisfy { $0 == media } == true)
        #expect(packets?.dropFirst(kept).prefix(10).allSatisfy { $0 == check } == true)
    }
}
