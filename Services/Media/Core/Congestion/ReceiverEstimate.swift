/// A receiver's estimate of the bandwidth towards it (REMB, draft-alvestrand-rmcat-remb-03 §2.2), for peers without
/// transport-wide feedback.
///
/// | offset | size | after the RTCP header (type 206, format 15) |
/// |---|---|---|
/// | 0 | 4 | SSRC of the sender of this packet |
/// | 4 | 4 | 0 |
/// | 8 | 4 | "REMB" |
/// | 12 | 1 | how many SSRCs follow |
/// | 13 | 3 | exponent (6 bits) and mantissa (18): bits/s |
/// | 16 | 4 each | SSRCs it is about |
package struct ReceiverEstimate: Hashable, Sendable {
    static let format: UInt8 = 15
    private static let identifier: UInt32 = 0x5245_4D42
    private static let mantissaLimit = 0x3FFFF

    /// The SSRC of who estimates.
    package let sender: UInt32
    /// In bits/s, of all the streams together.
    package let bitrate: Int

    /// Gives the estimates in a compound in their order; RTCP of other types is passed over.
    ///
    /// - Returns: `false` when the compound or an estimate in it is malformed; what was given before stands.
    @discardableResult
    package static func forEach(in compound: Span<UInt8>, _ body: (ReceiverEstimate) -> Void) -> Bool {
        var offset = 0
        repeat {
            guard let header = RTCPHeader(compound, at: offset) else { return false }
            if header.type == RTCPType.payloadFeedback, header.format == format {
                // Format 15 is for application messages of any kind; only those with the identifier are ours to judge.
                let start = header.content.lowerBound
                if header.content.count >= 16, compound.uint32(at: start + 8) == identifier {
                    guard header.content.count >= 16 + 4 * Int(compound[start + 12]) else { return false }
                    body(ReceiverEstimate(compound, at: start))
                }
            }
            offset = header.end
        } while offset < compound.count
        return true
    }

    private init(_ compound: Span<UInt8>, at start: Int) {
        sender = compound.uint32(at: start)
        let field = compound.uint24(at: start + 13)
        let (exponent, mantissa) = (Int(field >> 18), Int(field & UInt32(Self.mantissaLimit)))
        bitrate = mantissa == 0 ? 0 : exponent > 44 ? Int.max : mantissa << exponent
    }

    /// Appends an estimate to a compound.
    ///
    /// - Parameters:
    ///   - bitrate: in bits/s, 0 or more; what 18 bits cannot hold is rounded down.
    ///   - ssrcs: the streams it is about, at most 255.
    package static func write(sender: UInt32, bitrate: Int, ssrcs: [UInt32], into bytes: inout [UInt8]) {
        precondition(bitrate >= 0 && ssrcs.count <= 255, "an estimate is not negative and about at most 255 streams")
        var (mantissa, exponent) = (bitrate, 0)
        while mantissa > mantissaLimit {
            mantissa >>= 1
            exponent += 1
        }
        bytes.append(0x80 | format)
        bytes.append(RTCPType.payloadFeedback)
        bytes.append(bigEndian: UInt16(4 + ssrcs.count))
        bytes.append(bigEndian: sender)
        bytes.append(bigEndian: UInt32(0))
        bytes.append(bigEndian: identifier)
        bytes.append(bigEndian: UInt32(ssrcs.count) << 24 | UInt32(exponent) << 18 | UInt32(mantissa))
        for ssrc in ssrcs { bytes.append(bigEndian: ssrc) }
    }
}
