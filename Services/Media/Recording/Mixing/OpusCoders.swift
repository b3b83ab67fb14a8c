import COpus

/// A decoder of one voice (libopus), to two channels of 48 kHz. Owned by its mixer.
final class VoiceDecoder {
    /// The longest packet: 120 ms (RFC 6716 §3.2.5), in samples a channel.
    static let sampleCount = 5_760

    private let decoder: OpaquePointer

    /// `nil` when there is no memory for it.
    init?() {
        var error: Int32 = 0
        guard let decoder = opus_decoder_create(48_000, 2, &error), error == OPUS_OK else { return nil }
        self.decoder = decoder
    }

    deinit { opus_decoder_destroy(decoder) }

    /// Decodes a packet. Answers samples a channel; 0 for what is no packet of Opus.
    func decode(_ packet: [UInt8], into samples: inout [Float]) -> Int {
        let count = opus_decode_float(decoder, packet, Int32(packet.count), &samples, Int32(Self.sampleCount), 0)
        return max(0, Int(count))
    }

    /// Makes up for a packet that was lost before this one, of which this one may carry a copy (in-band FEC); with `nil` it
    /// is guessed from what was before.
    func conceal(by packet: [UInt8]?, sampleCount: Int, into samples: inout [Float]) -> Int {
        let wanted = Int32(min(sampleCount, Self.sampleCount))
        let count =
            if let packet {
                opus_decode_float(decoder, packet, Int32(packet.count), &samples, wanted, 1)
            } else {
                opus_decode_float(decoder, nil, 0, &samples, wanted, 0)
            }
        return max(0, Int(count))
    }
}

/// The encoder of the mixed sound (libopus): frames of 20 ms of two channels of 48 kHz. Owned by its mixer.
final class MixEncoder {
    /// Samples a channel of one frame.
    static let sampleCount = 960
    /// Bits a second: speech of several, and music that somebody plays.
    static let bitrate: Int32 = 64_000
    /// Of 0 to 10: what a call is worth beside its other work.
    private static let complexity: Int32 = 5
    /// No packet of one frame is larger (RFC 6716 §3.2.1).
    private static let packetByteCount = 1_275

    private let encoder: OpaquePointer
    /// Samples that come out before the first that went in.
    let lookahead: Int
    private var packet = [UInt8](repeating: 0, count: packetByteCount)
    private var clipMemory: [Float] = [0, 0]

    /// `nil` when there is no memory for it.
    init?() {
        var error: Int32 = 0
        guard let encoder = opus_encoder_create(48_000, 2, OPUS_APPLICATION_AUDIO, &error), error == OPUS_OK else {
            return nil
        }
        self.encoder = encoder
        var lookahead: Int32 = 0
        guard COpusSetBitrate(encoder, Self.bitrate) == OPUS_OK,
            COpusSetComplexity(encoder, Self.complexity) == OPUS_OK,
            COpusGetLookahead(encoder, &lookahead) == OPUS_OK
        else {
            opus_encoder_destroy(encoder)
            return nil
        }
        self.lookahead = Int(lookahead)
    }

    deinit { opus_encoder_destroy(encoder) }

    /// Encodes one frame, interleaved; what is louder than a sample can be is bent rather than cut off.
    func encode(_ samples: inout [Float]) -> [UInt8] {
        precondition(samples.count == Self.sampleCount * 2, "A frame is 20 ms of two channels.")
        opus_pcm_soft_clip(&samples, Int32(Self.sampleCount), 2, &clipMemory)
        let count = opus_encode_float(
            encoder, samples, Int32(Self.sampleCount), &packet, Int32(Self.packetByteCount))
        return Array(packet.prefix(max(0, Int(count))))
    }
}
