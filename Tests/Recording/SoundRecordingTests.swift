import Contracts
import Foundation
import MediaCore
import MediaRecording
import MediaSecurity
import Testing

@Suite("Recording sound")
struct SoundRecordingTests {
    /// Packets of 20 ms of a tone.
    private func tone(_ frequency: Double, seconds: Double) throws -> [[UInt8]] {
        try ToneEncoder(frequency: frequency).packets(count: Int(seconds * 50))
    }

    /// How much of a frequency there is in one channel of interleaved samples (Goertzel).
    private func power(of frequency: Double, in samples: some Collection<Float>) -> Double {
        let coefficient = 2 * cos(2 * .pi * frequency / 48_000)
        var (last, before) = (0.0, 0.0)
        var count = 0.0
        for (index, sample) in samples.enumerated() where index.isMultiple(of: 2) {
            (last, before) = (Double(sample) + coefficient * last - before, last)
            count += 1
        }
        return (last * last + before * before - coefficient * last * before).squareRoot() / count
    }

    private func send(
        _ packets: [[UInt8]], _ track: UInt32, in scene: RecordingScene, at number: Int, base: UInt32 = 0
    ) {
        guard packets.indices.contains(number) else { return }
        scene.send(
            track, ssrc: track, .opus, sequence: Int64(number), timestamp: base &+ UInt32(number * 960), marker: false,
            packets[number])
    }

    @Test("S5: Two tones are both in the mixed file, each only while it sounds, and each alone in its own")
    func mix() throws {
        let scene = try RecordingScene()
        let (low, high) = (try tone(440, seconds: 4), try tone(2000, seconds: 2))
        scene.begin(1, .microphone, person: 1)
        scene.begin(2, .screenAudio, person: 2)
        for number in 0..<200 {
            try scene.advance(to: number * 20)
            send(low, 1, in: scene, at: number)
            if number >= 100 { send(high, 2, in: scene, at: number - 100, base: .max - 9600) }
        }
        try scene.advance(to: 4000)
        let files = try scene.finish()
        let mixed = try #require(files[nil])
        let probe = try FFmpeg.probe(mixed)
        #expect(probe.streams.map(\.codec_name) == ["opus"])
        #expect(abs((probe.duration ?? 0) - 4) < 0.2)
        let samples = try FFmpeg.samples(of: mixed)
        let (first, second) = (samples[9_600..<182_400], samples[201_600..<374_400])
        #expect(power(of: 440, in: first) > 0.05)
        #expect(power(of: 2000, in: first) < 0.002)
        #expect(power(of: 440, in: second) > 0.05)
        #expect(power(of: 2000, in: second) > 0.05)
        #expect(samples.allSatisfy { abs($0) <= 1.1 })
        let alone = try FFmpeg.samples(of: try #require(files[.microphone]))
        #expect(power(of: 440, in: alone[201_600..<374_400]) > 0.05)
        #expect(power(of: 2000, in: alone[201_600..<374_400]) < 0.002)
        #expect(try FFmpeg.complaints(mixed) == "")
    }

    @Test("A silence in which nothing is sent is as long in the file")
    func silence() throws {
        let scene = try RecordingScene()
        let packets = try tone(440, seconds: 4)
        scene.begin(1, .microphone, person: 1)
        for number in 0..<200 {
            try scene.advance(to: number * 20)
            // The numbers go on, the time does not stand still (RFC 7587 §3.1.3).
            guard number < 50 || number >= 150 else { continue }
            let sequence = number < 50 ? number : number - 100
            scene.send(
                1, ssrc: 1, .opus, sequence: Int64(sequence), timestamp: UInt32(number * 960), marker: false,
                packets[number])
        }
        try scene.advance(to: 4000)
        let files = try scene.finish()
        let times = try FFmpeg.packetTimes(try #require(files[.microphone]))
        #expect(times.count == 100)
        #expect(abs(times[50] - times[49] - 2.02) < 0.005)
        let samples = try FFmpeg.samples(of: try #require(files[nil]))
        #expect(power(of: 440, in: samples[115_200..<278_400]) < 0.005)
        #expect(power(of: 440, in: samples[307_200..<370_000]) > 0.05)
    }

    @Test("A lost packet is made up for in the mixed file, and a gap of 20 ms in its own")
    func loss() throws {
        let scene = try RecordingScene()
        let packets = try tone(440, seconds: 3)
        scene.begin(1, .microphone, person: 1)
        for number in 0..<150 {
            try scene.advance(to: number * 20)
            if number != 75 { send(packets, 1, in: scene, at: number) }
        }
        try scene.advance(to: 3000)
        let files = try scene.finish()
        let times = try FFmpeg.packetTimes(try #require(files[.microphone]))
        #expect(times.count == 149)
        #expect(abs(times[75] - times[74] - 0.04) < 0.003)
        // Packet 75 sounds from 1.5 s on.
        let samples = try FFmpeg.samples(of: try #require(files[nil]))
        #expect(power(of: 440, in: samples[144_400..<145_600]) > 0.02)
    }

    @Test("Streams of one person line up by the sender's clock, whatever their delays on the way")
    func alignment() throws {
        let scene = try RecordingScene()
        let packets = try tone(440, seconds: 4)
        scene.begin(1, .microphone, person: 1)
        scene.begin(2, .screenAudio, person: 1)
        // Both were captured at once; the second takes 300 ms longer on its way. The reports say so after a second.
        for number in 0..<215 {
            try scene.advance(to: number * 20)
            send(packets, 1, in: scene, at: number)
            if number >= 15 { send(packets, 2, in: scene, at: number - 15, base: 77_777) }
            if number == 50 {
                scene.report(1, ssrc: 1, timestamp: UInt32(50 * 960), milliseconds: 1_000_000)
                scene.report(2, ssrc: 2, timestamp: 77_777 + UInt32(35 * 960), milliseconds: 999_700)
            }
        }
        try scene.advance(to: 4300)
        let files = try scene.finish()
        let first = try FFmpeg.packetTimes(try #require(files[.microphone]))
        let second = try FFmpeg.packetTimes(try #require(files[.screenAudio]))
        #expect(abs(second[0] - first[0] - 0.3) < 0.02)
        #expect(abs(second[180] - first[180]) < 0.02)
    }
}
