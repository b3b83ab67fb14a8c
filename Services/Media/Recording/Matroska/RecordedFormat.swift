/// How the frames of a track are encoded, and what a player has to know before the first of them.
package enum RecordedFormat: Hashable, Sendable {
    /// Opus (RFC 6716), decoded to two channels of 48 kHz.
    /// - Parameter skip: samples before the first that the encoder was given; none of a stream that is joined in its midst.
    case opus(skip: Int)
    case vp8(width: Int, height: Int)
    case vp9(width: Int, height: Int)
    /// - Parameter parameters: an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
    case h264(width: Int, height: Int, parameters: [UInt8])
    /// - Parameter configuration: an AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3.3).
    case av1(width: Int, height: Int, configuration: [UInt8])

    /// Whether it may be called WebM, which takes fewer codecs than Matroska.
    package var isWebM: Bool { if case .h264 = self { false } else { true } }

    package var isVideo: Bool { if case .opus = self { false } else { true } }

    /// The media type of a file of it (RFC 9559 §12, webmproject.org/docs/container).
    package var mediaType: String {
        guard isWebM else { return "video/x-matroska" }
        return isVideo ? "video/webm" : "audio/webm"
    }

    /// Pixels of a picture.
    package var size: (width: Int, height: Int)? {
        switch self {
        case .opus: nil
        case .vp8(let width, let height), .vp9(let width, let height), .h264(let width, let height, _),
            .av1(let width, let height, _):
            (width, height)
        }
    }

    package var fileExtension: String { isWebM ? "webm" : "mkv" }
}

extension RecordedFormat {
    private static let opusChannelCount = 2

    /// A decoder of Opus has settled after this time (RFC 7845 §4.6).
    private static let opusPreRoll: UInt64 = 80_000_000

    /// Writes the description of track 1 (RFC 9559 §5.1.4, §12 for the codecs).
    func writeTrackEntry(to writer: inout EBMLWriter, uid: UInt64) {
        writer.element(.trackEntry) { entry in
            entry.element(.trackNumber, 1)
            entry.element(.trackUID, uid)
            entry.element(.trackType, isVideo ? 1 : 2)
            entry.element(.flagLacing, 0)
            switch self {
            case .opus(let skip):
                entry.element(.codecID, text: "A_OPUS")
                entry.element(.codecPrivate, bytes: Self.opusHead(skip: UInt16(skip)))
                entry.element(.codecDelay, UInt64(skip) * 1_000_000_000 / 48_000)
                entry.element(.seekPreRoll, Self.opusPreRoll)
                entry.element(.audio) { audio in
                    audio.element(.samplingFrequency, float: 48_000)
                    audio.element(.channels, UInt64(Self.opusChannelCount))
                }
            case .vp8(let width, let height):
                entry.element(.codecID, text: "V_VP8")
                Self.writeSize(width, height, to: &entry)
            case .vp9(let width, let height):
                entry.element(.codecID, text: "V_VP9")
                Self.writeSize(width, height, to: &entry)
            case .h264(let width, let height, let parameters):
                entry.element(.codecID, text: "V_MPEG4/ISO/AVC")
                entry.element(.codecPrivate, bytes: parameters)
                Self.writeSize(width, height, to: &entry)
            case .av1(let width, let height, let configuration):
                entry.element(.codecID, text: "V_AV1")
                entry.element(.codecPrivate, bytes: configuration)
                Self.writeSize(width, height, to: &entry)
            }
        }
    }

    private static func writeSize(_ width: Int, _ height: Int, to entry: inout EBMLWriter) {
        entry.element(.video) { video in
            video.element(.pixelWidth, UInt64(width))
            video.element(.pixelHeight, UInt64(height))
        }
    }

    /// The identification header (RFC 7845 §5.1), little-endian.
    ///
    /// | offset | field |
    /// |---|---|
    /// | 0 | `OpusHead` |
    /// | 8 | version 1 |
    /// | 9 | channels |
    /// | 10 | samples to skip (2 bytes) |
    /// | 12 | the rate before encoding (4 bytes) |
    /// | 16 | gain (2 bytes) |
    /// | 18 | mapping family 0 |
    private static func opusHead(skip: UInt16) -> [UInt8] {
        Array("OpusHead".utf8) + [1, UInt8(opusChannelCount), UInt8(skip & 0xFF), UInt8(skip >> 8)]
            + [0x80, 0xBB, 0, 0, 0, 0, 0]
    }
}

/// One frame of a track: a picture, or a packet of Opus.
package struct RecordedFrame: Hashable, Sendable {
    /// Since the recording began.
    package let time: Duration
    package let isKeyFrame: Bool
    package let bytes: [UInt8]

    package init(time: Duration, isKeyFrame: Bool, bytes: [UInt8]) {
        self.time = time
        self.isKeyFrame = isKeyFrame
        self.bytes = bytes
    }
}
