import Foundation

/// FFmpeg's programs, as another reader of what was written, and as a source of real streams.
enum FFmpeg {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What ffprobe says of a file.
    struct Probe: Decodable {
        struct Format: Decodable {
            let format_name: String
            let duration: String?
            let start_time: String?
        }
        struct Stream: Decodable {
            let codec_name: String
            let width: Int?
            let height: Int?
            let sample_rate: String?
            let channels: Int?
            let nb_read_frames: String?
        }
        let format: Format
        let streams: [Stream]

        var duration: Double? { format.duration.flatMap { Double($0) } }
        var start: Double? { format.start_time.flatMap { Double($0) } }
        /// Frames that were decoded.
        var frameCount: Int { streams.first?.nb_read_frames.flatMap { Int($0) } ?? 0 }
    }

    /// Reads and decodes all of a file.
    static func probe(_ path: String) throws -> Probe {
        let output = try run(
            "ffprobe",
            ["-v", "error", "-count_frames", "-show_format", "-show_streams", "-of", "json", path]
        ).output
        return try JSONDecoder().decode(Probe.self, from: output)
    }

    /// What decoding all of a file complains about.
    static func complaints(_ path: String) throws -> String {
        try run("ffmpeg", ["-v", "error", "-xerror", "-i", path, "-f", "null", "-"], mayFail: true).errors
    }

    /// Two channels of 48 kHz, interleaved.
    static func samples(of path: String) throws -> [Float] {
        let bytes = try run("ffmpeg", ["-v", "error", "-i", path, "-f", "f32le", "-ac", "2", "-ar", "48000", "-"])
            .output
        return bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// The same pictures in another kind of file.
    static func copy(_ path: String, to other: String) throws {
        _ = try run("ffmpeg", ["-v", "error", "-y", "-i", path, "-c", "copy", other])
    }

    /// What a file says of its codec before the first picture, as a checksum.
    static func configuration(of path: String) throws -> String {
        let output = try run(
            "ffprobe",
            ["-v", "error", "-show_data_hash", "sha256", "-show_entries", "stream=extradata_hash", "-of", "csv", path]
        ).output
        return String(decoding: output, as: UTF8.self)
    }

    /// Checksums of the decoded pictures of a file.
    static func pictures(of path: String) throws -> [Substring] {
        let output = try run("ffmpeg", ["-v", "error", "-i", path, "-f", "framemd5", "-"]).output
        return String(decoding: output, as: UTF8.self).split { $0 == "\n" }.filter { !$0.hasPrefix("#") }
            .compactMap { $0.split(separator: ",").last }
    }

    /// Times of the packets of a file in seconds.
    static func packetTimes(_ path: String) throws -> [Double] {
        let output = try run(
            "ffprobe", ["-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path]
        ).output
        return String(decoding: output, as: UTF8.self).split { $0 == "\n" || $0 == "," }.compactMap { Double($0) }
    }

    /// Encoded pictures of a moving test card, 30 a second, with a key frame each second.
    static func encode(_ codec: String, _ options: [String] = [], seconds: Int, to path: String) throws {
        _ = try run(
            "ffmpeg",
            ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=\(seconds)"]
                + ["-pix_fmt", "yuv420p", "-c:v", codec, "-g", "30", "-b:v", "300k", "-threads", "1"] + options + [path]
        )
    }

    /// Opus in Ogg: packets of 20 ms of a tone at half of full scale, with copies of the packet before each (FEC).
    static func encodeTone(_ frequency: Double, seconds: Double, to path: String) throws {
        _ = try run(
            "ffmpeg",
            ["-v", "error", "-y", "-f", "lavfi", "-i", "aevalsrc=0.5*sin(2*PI*\(frequency)*t):s=48000:d=\(seconds)"]
                + ["-c:a", "libopus", "-b:a", "48k", "-frame_duration", "20", path])
    }

    /// Times of the packets from the place on to which a player seeks.
    static func times(_ path: String, from second: Double) throws -> [Double] {
        let output = try run(
            "ffprobe",
            ["-v", "error", "-read_intervals", "\(second)%+1", "-show_entries", "packet=pts_time"]
                + ["-of", "csv=p=0", path]
        ).output
        return String(decoding: output, as: UTF8.self).split { $0 == "\n" || $0 == "," }.compactMap { Double($0) }
    }

    private static func run(
        _ program: String, _ arguments: [String], mayFail: Bool = false
    ) throws -> (output: Data, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let (output, errors) = (Pipe(), FileManager.default.temporaryDirectory.appending(path: UUID().uuidString))
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errors) }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: FileManager.default.contents(atPath: errors.path) ?? Data(), as: UTF8.self)
        guard process.terminationStatus == 0 || mayFail else {
            throw Failure(description: "\(program) \(arguments.joined(separator: " ")): \(text)")
        }
        return (data, text)
    }
}
