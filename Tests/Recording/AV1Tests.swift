import Contracts
import MediaCore
import MediaRecording
import Testing

@Suite("Recording AV1")
struct AV1Tests {
    /// A sequence header of 320×240, without its size.
    private static let sequenceHeader: [UInt8] = [0x08, 0, 0, 0, 0x04, 0x3C, 0xFF, 0xBC, 0xFD, 0xA0, 0x08]
    /// The beginnings of a key frame that is shown, and of another frame, with some content.
    private static let keyFrame: [UInt8] = [0x30, 0x10, 1, 2, 3, 4, 5]
    private static let frame: [UInt8] = [0x30, 0x30, 6, 7, 8]

    private func packet(
        _ payload: [UInt8], _ sequence: Int64, marker: Bool = true, timestamp: UInt32? = nil
    ) -> RecordedPacket {
        RecordedPacket(
            sequence: sequence, timestamp: timestamp ?? UInt32(sequence) * 3000, hasMarker: marker, payload: payload)
    }

    /// A key frame in one packet: two elements, the second without a size.
    private static let beginning: [UInt8] =
        [0x28] + PacketSource.leb128(sequenceHeader.count) + sequenceHeader + keyFrame

    private static func sized(_ unit: [UInt8]) -> [UInt8] {
        [unit[0] | 0x02, UInt8(unit.count - 1)] + unit.dropFirst()
    }

    @Test("Each OBU gets its size, and what only separates or fills is left out")
    func sizes() throws {
        var assembler = FrameAssembler(.av1)
        let delimiter: [UInt8] = [0x10]
        let padding: [UInt8] = [0x78, 9, 9]
        // One that has its size already, and bytes behind it that are none of it.
        let metadata: [UInt8] = [0x2A, 2, 1, 5, 0xEE]
        let units = [delimiter, Self.sequenceHeader, metadata, padding, Self.keyFrame]
        let payload: [UInt8] = [0x08] + units.flatMap { PacketSource.leb128($0.count) + $0 }
        let received = assembler.receive(packet(payload, 1))
        let unit = try #require(received)
        #expect(unit.isKeyFrame)
        #expect(unit.bytes == Self.sized(Self.sequenceHeader) + [0x2A, 2, 1, 5] + Self.sized(Self.keyFrame))
        guard case .av1(let width, let height, let configuration) = unit.format else {
            Issue.record("It is described as \(String(describing: unit.format)).")
            return
        }
        #expect(width == 320 && height == 240)
        #expect(configuration == [0x81, 0, 0x0C, 0] + Self.sized(Self.sequenceHeader))
        let next = assembler.receive(packet([0x10] + Self.frame, 2))
        #expect(next?.isKeyFrame == false && next?.bytes == Self.sized(Self.frame) && next?.format == nil)
    }

    @Test("An OBU in pieces is put together, wherever it is cut", arguments: 1..<6)
    func pieces(cut: Int) throws {
        var assembler = FrameAssembler(.av1)
        let first: [UInt8] =
            [0x68] + PacketSource.leb128(Self.sequenceHeader.count) + Self.sequenceHeader + Self.keyFrame[..<cut]
        let early = assembler.receive(packet(first, 1, marker: false, timestamp: 5))
        #expect(early == nil)
        let received = assembler.receive(packet([0x90] + Self.keyFrame[cut...], 2, timestamp: 5))
        #expect(received?.bytes == Self.sized(Self.sequenceHeader) + Self.sized(Self.keyFrame))
    }

    @Test("The layers of an OBU stay")
    func layers() throws {
        var assembler = FrameAssembler(.av1)
        _ = assembler.receive(packet(Self.beginning, 1))
        // Temporal layer 1, spatial layer 0, then the frame above it.
        let lower: [UInt8] = [0x34, 0x20, 0x30, 1]
        let upper: [UInt8] = [0x34, 0x28, 0x30, 2]
        let received = assembler.receive(packet([0x20] + PacketSource.leb128(lower.count) + lower + upper, 2))
        #expect(received?.bytes == [0x36, 0x20, 2, 0x30, 1] + [0x36, 0x28, 2, 0x30, 2])
    }

    private static let early: [[UInt8]] = [
        [0x10] + keyFrame, [0x18] + sequenceHeader,
        // A frame of another kind, a key frame that is not shown, and one that was decoded before.
        [0x28, 11] + sequenceHeader + frame, [0x28, 11] + sequenceHeader + [0x30, 0x00, 1],
        [0x28, 11] + sequenceHeader + [0x18, 0x80],
    ]

    @Test("Nothing is recorded before a sequence header with a key frame that is shown", arguments: Self.early)
    func begins(payload: [UInt8]) {
        var assembler = FrameAssembler(.av1)
        let early = assembler.receive(packet(payload, 1))
        #expect(early == nil && assembler.needsKeyFrame)
        let received = assembler.receive(packet(Self.beginning, 2))
        #expect(received?.isKeyFrame == true && !assembler.needsKeyFrame)
    }

    @Test(
        "What is no payload of AV1 is left out, with all up to the next key frame",
        arguments: [
            // Without an element; of fewer than it says; a size past the end, one without an end, and of too many bytes.
            [0x10], [0x20, 2, 0x30, 0x30], [0x00, 9, 0x30, 0x30], [0x00, 0x80],
            [0x00, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x30, 0x30],
            // The rest of nothing; a part without its rest; an empty OBU, and one with the forbidden bit.
            [0x90, 1, 2], [0x50, 0x30, 0x30], [0x00, 0], [0x10, 0xB0, 0x30],
            // A size in the OBU past its end; layers that are missing; a frame of nothing; a sequence header cut short.
            [0x10, 0x32, 9, 0x30], [0x10, 0x34], [0x10, 0x30], [0x10, 0x08, 0, 0],
        ] as [[UInt8]])
    func malformed(payload: [UInt8]) {
        var assembler = FrameAssembler(.av1)
        _ = assembler.receive(packet(Self.beginning, 1))
        let damaged = assembler.receive(packet(payload, 2))
        #expect(damaged == nil && assembler.needsKeyFrame)
        let between = assembler.receive(packet([0x10] + Self.frame, 3))
        #expect(between == nil)
        let received = assembler.receive(packet(Self.beginning, 4))
        #expect(received?.isKeyFrame == true)
    }

    @Test("A picture without an end is given up before it fills the memory")
    func endless() {
        var assembler = FrameAssembler(.av1)
        _ = assembler.receive(packet(Self.beginning, 1))
        let piece = [UInt8](repeating: 1, count: 60_000)
        var sequence: Int64 = 2
        _ = assembler.receive(packet([0x50, 0x30, 0x30] + piece, sequence, marker: false, timestamp: 9))
        while !assembler.needsKeyFrame, sequence < 1_000 {
            sequence += 1
            _ = assembler.receive(packet([0xD0] + piece, sequence, marker: false, timestamp: 9))
        }
        #expect(Int(sequence) * piece.count < FrameAssembler.frameByteCount + 3 * piece.count)
    }

    @Test("A file of each encoder has the description that FFmpeg gives it", arguments: 0..<4)
    func descriptions(kind: Int) throws {
        let scene = try RecordingScene()
        let (source, reference) = (scene.scratch("source.ivf"), scene.scratch("reference.mkv"))
        let realtime = ["-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"]
        // With times and a color in its sequence header; of profile 1; of another encoder.
        let timed = ["-bsf:v", "av1_metadata=tick_rate=30:num_ticks_per_picture=1:color_primaries=1"]
        let encoders: [(String, [String])] = [
            ("libaom-av1", realtime), ("libaom-av1", realtime + timed),
            ("libaom-av1", realtime + ["-pix_fmt", "yuv444p"]), ("libsvtav1", ["-preset", "12"]),
        ]
        let (encoder, options) = encoders[kind]
        try FFmpeg.encode(encoder, options, seconds: 1, to: source)
        try FFmpeg.copy(source, to: reference)
        scene.begin(1, .camera, person: 1)
        var sequence: Int64 = 1
        for (number, unit) in PacketSource.frames(ivf: source).enumerated() {
            try scene.advance(to: number * 1000 / 30)
            for (payload, marker) in PacketSource.av1(unit, counts: true) {
                scene.send(
                    1, ssrc: 7, .av1, sequence: sequence, timestamp: UInt32(number * 3000), marker: marker, payload)
                sequence += 1
            }
        }
        let path = try #require(try scene.finish()[.camera])
        #expect(try FFmpeg.configuration(of: path) == (try FFmpeg.configuration(of: reference)))
        #expect(try FFmpeg.pictures(of: path) == (try FFmpeg.pictures(of: reference)))
        #expect(try FFmpeg.complaints(path) == "")
    }

    @Test("Damaged packets trap nothing, and what comes out is no larger than what went in", arguments: 1...20)
    func damage(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(below limit: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(limit))
        }
        var assembler = FrameAssembler(.av1)
        let payloads = [Self.beginning, [0x10] + Self.frame, [0x68, 11] + Self.sequenceHeader + Self.keyFrame[..<3]]
        var (receivedByteCount, recordedByteCount, frameCount) = (0, 0, 0)
        for sequence in Int64(1)...4_000 {
            var payload = payloads[random(below: payloads.count)]
            for _ in 0..<random(below: 4) {
                payload[random(below: payload.count)] = UInt8(random(below: 256))
            }
            if random(below: 5) == 0 { payload.removeLast(random(below: payload.count)) }
            receivedByteCount += payload.count
            guard let unit = assembler.receive(packet(payload, sequence, marker: random(below: 3) > 0)) else {
                continue
            }
            recordedByteCount += unit.bytes.count
            frameCount += 1
        }
        #expect(frameCount > 0 && recordedByteCount <= 2 * receivedByteCount, "seed \(seed)")
    }
}
