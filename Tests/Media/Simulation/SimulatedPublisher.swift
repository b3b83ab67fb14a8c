import MediaCore

/// A camera that sends three pictures at once, 30 times a second. Sizes vary; a key frame is four times as large, and comes
/// when a viewer asks for it.
struct SimulatedPublisher {
    static let bitrates = [150_000, 500_000, 1_700_000]
    static let frameMilliseconds = 33
    private static let variation = 0.3

    /// How much larger a key frame is than others.
    private let keyFrameSize: Double
    private var random: SeededGenerator
    private var wantsKeyFrame = [true, true, true]
    /// Bytes of the newest frame of each layer, and whether it was a key frame.
    private(set) var frames = [(byteCount: Int, isKey: Bool)](repeating: (0, false), count: 3)

    init(seed: UInt64, keyFrameSize: Double = 4) {
        random = SeededGenerator(seed: seed)
        self.keyFrameSize = keyFrameSize
    }

    mutating func requestKeyFrame(_ layer: Int) { wantsKeyFrame[layer] = true }

    /// The next frame of every layer.
    mutating func advance() {
        for layer in frames.indices {
            let mean = Double(Self.bitrates[layer]) / 8 * Double(Self.frameMilliseconds) / 1_000
            let noise = 1 + Self.variation * (2 * random.unit() - 1)
            let size = mean * noise * (wantsKeyFrame[layer] ? keyFrameSize : 1)
            frames[layer] = (Int(size), wantsKeyFrame[layer])
            wantsKeyFrame[layer] = false
        }
    }

    static let layers = bitrates.indices.map {
        LayerChoice(spatial: UInt8($0), temporal: 0, bitrate: bitrates[$0])
    }
}
