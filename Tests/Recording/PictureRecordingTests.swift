import Contracts
import MediaCore
import MediaRecording
import MediaSecurity
import Testing

@Suite("Recording pictures")
struct PictureRecordingTests {
    private static let seconds = 4

    /// Sends pictures, 30 a second; packets for which `isLost` is true never come.
    private func record(
        _ codec: RecordedCodec, _ pictures: [PacketSource.Picture], in scene: RecordingScene, from start: Int = 0,
        isLost: (_ picture: Int, _ packet: Int) -> Bool = { _, _ in false }
    ) throws {
        scene.begin(1, .camera, person: 1)
        // Near the wrap of both numbers.
        var sequence: Int64 = 65_500
        let first: UInt32 = .max - 90_000
        for (number, picture) in pictures.enumerated() {
            try scene.advance(to: start + number * 1000 / 30)
            for (index, packet) in picture.enumerated() {
                if !isLost(number, index) {
                    scene.send(
                        1, ssrc: 7, codec, sequence: sequence, timestamp: first &+ UInt32(number * 3000),
                        marker: packet.hasMarker, packet.payload)
                }
                sequence += 1
            }
        }
        try scene.advance(to: start + pictures.count * 1000 / 30)
    }

    private func pictures(_ codec: RecordedCodec, _ scene: RecordingScene) throws -> [PacketSource.Picture] {
        switch codec {
        case .opus: return []
        case .vp8, .vp9:
            let path = scene.scratch("source.ivf")
            try FFmpeg.encode(
                codec == .vp8 ? "libvpx" : "libvpx-vp9",
                ["-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"], seconds: Self.seconds, to: path)
            return PacketSource.frames(ivf: path).enumerated().map { number, frame in
                codec == .vp8 ? PacketSource.vp8(frame, number: number) : PacketSource.vp9(frame, number: number)
            }
        case .h264:
            let path = scene.scratch("source.h264")
            try FFmpeg.encode(
                "libx264",
                ["-profile:v", "baseline", "-tune", "zerolatency", "-x264-params", "slices=1:repeat-headers=1"],
                seconds: Self.seconds, to: path)
            return PacketSource.pictures(annexB: path).map(PacketSource.h264)
        case .av1:
            let path = scene.scratch("source.ivf")
            try FFmpeg.encode(
                "libaom-av1", ["-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"], seconds: Self.seconds,
                to: path)
            return PacketSource.frames(ivf: path).enumerated().map { number, unit in
                PacketSource.av1(unit, counts: number % 2 == 0)
            }
        }
    }

    @Test(
        "S5: Pictures of each codec are recorded whole, without transcoding",
        arguments: [RecordedCodec.vp8, .vp9, .h264, .av1])
    func whole(codec: RecordedCodec) throws {
        let scene = try RecordingScene()
        let pictures = try pictures(codec, scene)
        try record(codec, pictures, in: scene, from: 500)
        let path = try #require(try scene.finish()[.camera])
        let probe = try FFmpeg.probe(path)
        #expect(probe.streams.map(\.codec_name) == ["\(codec)"])
        #expect(probe.streams.first?.width == 320)
        #expect(probe.streams.first?.height == 240)
        #expect(probe.frameCount == pictures.count)
        #expect(probe.format.format_name == "matroska,webm")
        // Time zero is the beginning of the recording: the picture came half a second after.
        #expect(abs((probe.start ?? 0) - 0.5) < 0.05)
        #expect(abs((probe.duration ?? 0) - Double(Self.seconds) - 0.5) < 0.1)
        #expect(try FFmpeg.complaints(path) == "")
    }

    /// Frames of VP9 as FFmpeg encodes them.
    private func frames(
        _ name: String, _ options: [String], seconds: Int = seconds, in scene: RecordingScene
    ) throws -> (String, [[UInt8]]) {
        let path = scene.scratch(name)
        try FFmpeg.encode(
            "libvpx-vp9", ["-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"] + options,
            seconds: seconds, to: path)
        return (path, PacketSource.frames(ivf: path))
    }

    @Test("S5: Of VP9 in spatial layers the highest is what a recording shows, once a picture")
    func spatialLayers() throws {
        let scene = try RecordingScene()
        let (_, small) = try frames("small.ivf", ["-g", "1", "-s", "160x120"], in: scene)
        let (source, large) = try frames("large.ivf", ["-g", "1"], in: scene)
        let pictures = zip(small, large).enumerated().map { number, layers in
            PacketSource.vp9(layers: [layers.0, layers.1], isKeyPicture: true, number: number)
        }
        try record(.vp9, pictures, in: scene)
        let path = try #require(try scene.finish()[.camera])
        let probe = try FFmpeg.probe(path)
        #expect(probe.streams.first?.width == 320 && probe.streams.first?.height == 240)
        #expect(probe.frameCount == large.count)
        #expect(try FFmpeg.complaints(path) == "")
        #expect(try FFmpeg.pictures(of: path) == FFmpeg.pictures(of: source))
        #expect(abs((probe.duration ?? 0) - Double(Self.seconds)) < 0.1)
    }

    @Test(
        "A frame of a lower layer is decoded as it was, and not shown",
        arguments: [[], ["-tile-columns", "2", "-s", "1280x720"], ["-aq-mode", "3"]] as [[String]], [true, false])
    func hidden(options: [String], isResilient: Bool) throws {
        let scene = try RecordingScene()
        let (source, frames) = try frames(
            "source.ivf", ["-error-resilient", isResilient ? "1" : "0"] + options, seconds: 2, in: scene)
        // As the highest layer an order to show again what the hidden one has left in the first slot that it fills.
        let pictures = frames.enumerated().map { number, frame in
            let isKeyPicture = frame[0] & 0x04 == 0
            // Which slots a shown frame fills, the lowest bit for the first; where it is not resilient, behind two bits.
            let slots = isKeyPicture ? 1 : isResilient ? frame[1] : frame[1] << 2 | frame[2] >> 6
            let again: UInt8 = 0x88 | UInt8(slots.trailingZeroBitCount)
            return PacketSource.vp9(layers: [frame, [again]], isKeyPicture: isKeyPicture, number: number)
        }
        #expect(frames.allSatisfy { $0[0] & 0x03 == (isResilient ? 0x03 : 0x02) })
        try record(.vp9, pictures, in: scene)
        let path = try #require(try scene.finish()[.camera])
        #expect(try FFmpeg.complaints(path) == "")
        let shown = try FFmpeg.pictures(of: path)
        #expect(shown.count == frames.count)
        // Without resilience a decoder takes motion from the frame before, if that was shown and had the same size, which
        // lower layers have not.
        if isResilient { #expect(shown == (try FFmpeg.pictures(of: source))) }
    }

    @Test(
        "After a loss no picture is recorded before the next key frame, and that is asked for",
        arguments: [RecordedCodec.vp8, .av1])
    func loss(codec: RecordedCodec) throws {
        let scene = try RecordingScene()
        let pictures = try pictures(codec, scene)
        try record(codec, pictures, in: scene) { picture, packet in picture == 40 && packet == 0 }
        let path = try #require(try scene.finish()[.camera])
        let probe = try FFmpeg.probe(path)
        // Key frames are every 30 pictures: 40 to 59 are missing.
        #expect(probe.frameCount == pictures.count - 20)
        #expect(try FFmpeg.complaints(path) == "")
        #expect(scene.requested.contains(1))
    }

    @Test("A packet that comes again within half a second is in its place")
    func late() throws {
        let scene = try RecordingScene()
        let pictures = try pictures(.vp8, scene)
        scene.begin(1, .camera, person: 1)
        var sequence: Int64 = 10
        var held: (Int64, UInt32, Bool, [UInt8])?
        for (number, picture) in pictures.enumerated() {
            try scene.advance(to: number * 1000 / 30)
            if number == 45, let (sequence, timestamp, marker, payload) = held {
                scene.send(1, ssrc: 7, .vp8, sequence: sequence, timestamp: timestamp, marker: marker, payload)
            }
            for (index, packet) in picture.enumerated() {
                if number == 35, index == 0 {
                    held = (sequence, UInt32(number * 3000), packet.hasMarker, packet.payload)
                } else {
                    scene.send(
                        1, ssrc: 7, .vp8, sequence: sequence, timestamp: UInt32(number * 3000),
                        marker: packet.hasMarker, packet.payload)
                }
                sequence += 1
            }
        }
        let path = try #require(try scene.finish()[.camera])
        #expect(try FFmpeg.probe(path).frameCount == pictures.count)
    }

    @Test("A change of the encoding goes on in the same file, in the same time")
    func layers() throws {
        let scene = try RecordingScene()
        let pictures = try pictures(.vp8, scene)
        scene.begin(1, .camera, person: 1)
        for (number, picture) in pictures.enumerated() {
            try scene.advance(to: number * 1000 / 30)
            // From the key frame of picture 60 on another stream, with numbers of its own.
            let isSecond = number >= 60
            for (index, packet) in picture.enumerated() {
                scene.send(
                    1, ssrc: isSecond ? 9 : 7, .vp8, sequence: Int64(number * 100 + index),
                    timestamp: UInt32(number * 3000) &+ (isSecond ? 1_234_567 : 0), marker: packet.hasMarker,
                    packet.payload)
            }
            // Packets of one picture are numbered without a gap to the next.
            for index in picture.count..<100 {
                scene.send(
                    1, ssrc: isSecond ? 9 : 7, .vp8, sequence: Int64(number * 100 + index), timestamp: 0, marker: false,
                    [])
            }
        }
        let path = try #require(try scene.finish()[.camera])
        #expect(try FFmpeg.probe(path).frameCount == pictures.count)
        let times = try FFmpeg.packetTimes(path)
        for (former, next) in zip(times, times.dropFirst()) { #expect(next - former > 0.02 && next - former < 0.06) }
    }

    @Test("A file that was cut anywhere behind its header plays, and seeks when it was ended", arguments: 0..<12)
    func cut(seed: UInt64) throws {
        let scene = try RecordingScene()
        try record(.vp8, try pictures(.vp8, scene), in: scene)
        // As a crash leaves it: written, not ended.
        try scene.writer.write()
        let file = try #require(try scene.folder.readManifest()?.files.first)
        let bytes = Array(try #require(contents(scene.folder.path(of: file))))
        // A place behind the header, which has no more than 400 bytes, and the first key frame.
        let length = 12_000 + Int(seed &* 0x9E37_79B9_7F4A_7C15 >> 33) % (bytes.count - 12_000)
        let path = scene.scratch("cut.webm")
        try write(bytes.prefix(length), to: path)
        let before = try FFmpeg.probe(path).frameCount
        #expect(before > 0)
        try RecordingRepair.finish(path)
        let after = try FFmpeg.probe(path)
        // Only a block that was not whole has gone.
        #expect((before - 1...before).contains(after.frameCount))
        #expect(abs((after.duration ?? 0) - Double(after.frameCount) / 30) < 0.1)
        let complaints = try FFmpeg.complaints(path)
        #expect(complaints == "")
        // A player that seeks to 1.5 s begins at the key frame before.
        if after.frameCount > 50 { #expect(abs((try FFmpeg.times(path, from: 1.5).first ?? 0) - 1) < 0.1) }
        let again = try #require(contents(path))
        try RecordingRepair.finish(path)
        #expect(contents(path) == again)
    }
}
