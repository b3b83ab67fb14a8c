import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Double) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds * 1_000_000)) }

/// One feedback packet as it was read, all of it.
private struct ReadFeedback: Equatable {
    var base: UInt16 = 0
    var reference: Int32 = 0
    var count: UInt8 = 0
    var sender: UInt32 = 0
    var media: UInt32 = 0
    var numbers: [UInt16] = []
    /// In 250 µs since the reference time.
    var ticks: [Int64?] = []
}

/// Every feedback packet of a compound, `nil` if it is malformed.
private func read(_ compound: [UInt8]) -> [ReadFeedback]? {
    var result: [ReadFeedback] = []
    let isWellFormed = TransportFeedback.forEach(in: compound.span) { feedback in
        var one = ReadFeedback()
        one.base = feedback.baseSequence
        one.reference = feedback.referenceTime
        one.count = feedback.feedbackCount
        (one.sender, one.media) = (feedback.sender, feedback.media)
        feedback.forEachPacket(in: compound.span) { number, arrival in
            one.numbers.append(number)
            one.ticks.append(arrival.map { Int64($0 / TransportFeedback.deltaUnit) })
        }
        result.append(one)
    }
    return isWellFormed ? result : nil
}

@Suite("Transport-wide feedback")
struct TransportFeedbackTests {
    /// 3 received in a run, 14 of one bit (the first and the last received), 7 of two bits with two large deltas.
    private static let sample = packetBytes(
        """
        8FCD0009 01020304 0A0B0C0D FFFE0018 FFFFFF07
        2003 A001 D891
        04080C 1014 18FFFC04002028 0000
        """)

    @Test("Run length, one-bit and two-bit chunks with small and large deltas are read as the draft lays them out")
    func layout() throws {
        let feedback = try #require(read(Self.sample)?.first)
        #expect(feedback.base == 0xFFFE)
        #expect(feedback.reference == -1)
        #expect(feedback.count == 7)
        #expect(feedback.sender == 0x0102_0304)
        #expect(feedback.media == 0x0A0B_0C0D)
        #expect(feedback.numbers == (0..<24).map { 0xFFFE &+ UInt16($0) })
        let first: [Int64?] = [4, 12, 24, 40]
        let between = [Int64?](repeating: nil, count: 12)
        let last: [Int64?] = [60, 84, 80, nil, 1_104, 1_136, nil, 1_176]
        #expect(feedback.ticks == first + between + last)
    }

    @Test("Other RTCP around it is passed over, and two in a compound are both read")
    func compound() {
        var writer = RTCPWriter()
        writer.receiverReport(ssrc: 1, reports: [])
        writer.nack(sender: 1, media: 2, sequenceNumbers: [7])
        let bytes = writer.bytes + Self.sample + writer.bytes + Self.sample
        #expect(read(bytes)?.map(\.base) == [0xFFFE, 0xFFFE])
        #expect(packets(of: bytes)?.count == 6, "the other reader takes it for one of another type")
    }

    @Test("Chromium's filling to whole words is padding like any other")
    func padded() throws {
        var bytes = Self.sample
        bytes[0] |= 0x20
        bytes[bytes.count - 1] = 2
        let plain = try #require(read(Self.sample)?.first)
        #expect(read(bytes + Self.sample)?.map(\.ticks) == [plain.ticks, plain.ticks])
        #expect(packets(of: bytes) == [.other(type: 205, format: 15)])
    }

    @Test("Every truncation is malformed")
    func truncated() {
        for byteCount in 0..<Self.sample.count {
            var bytes = Array(Self.sample.prefix(byteCount))
            #expect(read(bytes) == nil)
            // The same with a length that is true, so that the chunks or deltas are what is missing.
            guard byteCount >= 4, byteCount % 4 == 0, byteCount < 36 else { continue }
            bytes[3] = UInt8(byteCount / 4 - 1)
            #expect(read(bytes) == nil)
        }
    }

    @Test("The reserved symbol, and feedback about more packets than anyone waits for, are malformed")
    func reserved() {
        var bytes = Self.sample
        bytes[24] = 0xF8
        #expect(read(bytes) == nil)
        bytes = Self.sample
        (bytes[14], bytes[15]) = (0x20, 0x01)
        #expect(read(bytes) == nil)
    }

    @Test("No bytes stop the reader or the controller", arguments: [1, 2, 3, 4] as [UInt64])
    func mutated(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var controller = CongestionController()
        var now = 0.0
        for _ in 0..<5_000 {
            now += 20
            _ = controller.sent(.video, byteCount: 1_200, now: at(now))
            var bytes = Self.sample
            for _ in 0..<(random.next() % 6) {
                bytes[Int(random.next() % 38)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.unit() < 0.3 { bytes[3] = 9 }
            _ = controller.receive(bytes.span, now: at(now))
            _ = controller.advance(now: at(now))
            let range = BandwidthEstimator.minimum...BandwidthEstimator.maximum
            #expect(range.contains(controller.target))
        }
    }
}

@Suite("What a publisher is told about its packets")
struct ArrivalRecorderTests {
    private func write(_ recorder: inout ArrivalRecorder, _ time: Double) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var bytes: [UInt8] = []
        while recorder.write(now: at(time), sender: 1, media: 2, into: &bytes) {
            result.append(bytes)
            bytes = []
        }
        return result
    }

    @Test(
        "What is written is read again: every packet once, with its time to 250 µs",
        arguments: 1...20 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var recorder = ArrivalRecorder()
        var (sequence, time) = (UInt16(truncatingIfNeeded: random.next()), 1_000_000.0)
        var expected: [UInt16: Double] = [:]
        var told: [UInt16: Double] = [:]
        for _ in 0..<2_000 {
            sequence &+= random.unit() < 0.1 ? UInt16(random.next() % 40) + 1 : 1
            time += random.unit() < 0.02 ? 300 * random.unit() : 5 * random.unit()
            recorder.receive(sequence, byteCount: 1_000, now: at(time))
            expected[sequence] = time
            for bytes in write(&recorder, time) {
                #expect(bytes.count <= 1_100 && bytes.count % 4 == 0)
                let feedback = try #require(read(bytes)?.first)
                for (number, ticks) in zip(feedback.numbers, feedback.ticks) {
                    guard let ticks else { continue }
                    #expect(told[number] == nil, "told once")
                    told[number] = Double(feedback.reference) * 64 + Double(ticks) / 4
                }
            }
        }
        for bytes in write(&recorder, time + 1_000) {
            let feedback = try #require(read(bytes)?.first)
            for (number, ticks) in zip(feedback.numbers, feedback.ticks) {
                if let ticks { told[number] = Double(feedback.reference) * 64 + Double(ticks) / 4 }
            }
        }
        #expect(told.keys.sorted() == expected.keys.sorted())
        for (number, time) in expected {
            let difference = time - (told[number] ?? 0)
            #expect(difference >= 0 && difference < 0.251)
        }
    }

    @Test("A packet that comes after it was told lost is told again as received")
    func late() throws {
        var recorder = ArrivalRecorder()
        for number in [10, 11, 13] as [UInt16] { recorder.receive(number, byteCount: 1_000, now: at(Double(number))) }
        let first = try #require(write(&recorder, 200).first.flatMap(read)?.first)
        #expect(first.numbers == [10, 11, 12, 13])
        #expect(first.ticks.map { $0 != nil } == [true, true, false, true])
        recorder.receive(12, byteCount: 1_000, now: at(210))
        recorder.receive(14, byteCount: 1_000, now: at(211))
        let second = try #require(write(&recorder, 500).first.flatMap(read)?.first)
        #expect(second.numbers == [12, 13, 14])
        #expect(second.ticks.allSatisfy { $0 != nil })
        #expect(second.count == first.count &+ 1)
        #expect(write(&recorder, 2_000).isEmpty, "nothing new, nothing told")
    }

    @Test(
        "Feedback comes every 50–250 ms and takes at most a twentieth of what is received",
        arguments: [(60, 20.0), (1_100, 5), (1_100, 0.8)])
    func rate(byteCount: Int, interval: Double) {
        var recorder = ArrivalRecorder()
        var (time, sequence, received, written) = (0.0, UInt16(0), 0, 0)
        var moments: [Double] = []
        while time < 20_000 {
            recorder.receive(sequence, byteCount: byteCount, now: at(time))
            sequence &+= 1
            received += byteCount
            time += interval
            for bytes in write(&recorder, time) {
                written += bytes.count
                moments.append(time)
            }
        }
        let gaps = zip(moments.dropFirst(), moments).map { $0 - $1 }
        #expect((gaps.max() ?? 0) <= 250 + interval)
        #expect(Double(written) <= 0.05 * Double(received) || (gaps.min() ?? 0) >= 250 - interval)
        #expect(moments.count >= 75)
        if interval < 1 { #expect(moments.count >= 380, "a fast stream is told about every 50 ms") }
    }

    @Test("A jump of the numbers, either way, begins anew", arguments: [1_024, 30_000, 40_000, 64_000])
    func jump(by: Int) throws {
        var recorder = ArrivalRecorder()
        for number in 0..<5 { recorder.receive(UInt16(number), byteCount: 1_000, now: at(Double(number))) }
        _ = write(&recorder, 300)
        let next = UInt16(truncatingIfNeeded: 4 + by)
        recorder.receive(next, byteCount: 1_000, now: at(301))
        recorder.receive(next &+ 1, byteCount: 1_000, now: at(302))
        let feedback = try #require(write(&recorder, 900).first.flatMap(read)?.first)
        #expect(feedback.numbers == [next, next &+ 1])
    }
}

@Suite("Estimates by the receiver")
struct ReceiverEstimateTests {
    private func estimates(_ bytes: [UInt8]) -> [Int]? {
        var result: [Int] = []
        let isWellFormed = ReceiverEstimate.forEach(in: bytes.span) { result.append($0.bitrate) }
        return isWellFormed ? result : nil
    }

    @Test("An estimate is laid out as the draft says")
    func layout() {
        var bytes: [UInt8] = []
        ReceiverEstimate.write(sender: 0x0102_0304, bitrate: 2_500_000, ssrcs: [7, 8], into: &bytes)
        // 2,500,000 is 156,250 << 4.
        let expected = "8FCE0006 01020304 00000000 52454D42 02126 25A 00000007 00000008"
        #expect(bytes == packetBytes(expected))
        #expect(estimates(bytes) == [2_500_000])
    }

    @Test("What 18 bits hold comes back the same, more is rounded down by less than 1/131,072")
    func rounding() throws {
        for bitrate in [0, 1, 262_143, 262_144, 1_000_003, 30_000_000, 9_999_999_999] {
            var bytes: [UInt8] = []
            ReceiverEstimate.write(sender: 1, bitrate: bitrate, ssrcs: [], into: &bytes)
            let back = try #require(estimates(bytes)?.first)
            #expect(back <= bitrate)
            #expect(bitrate - back <= bitrate / 131_072)
        }
    }

    @Test(
        "The largest exponent is only very much, other application messages are nobody's estimate, short ones malformed"
    )
    func odd() {
        let huge = packetBytes("8FCE0004 00000001 00000000 52454D42 00FFFFFF")
        #expect(estimates(huge) == [Int.max])
        let other = packetBytes("8FCE0004 00000001 00000000 41424344 00FFFFFF")
        #expect(estimates(other) == [])
        let short = packetBytes("8FCE0004 00000001 00000000 52454D42 01FFFFFF")
        #expect(estimates(short) == nil)
    }
}
