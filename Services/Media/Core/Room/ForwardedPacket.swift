/// What all subscribers of a publication get of one packet, besides its payload.
struct ForwardedPacket {
    /// Unwrapped sequence number of the encoding.
    var sequence: Int64 = 0
    var timestamp: UInt32 = 0
    var hasMarker = false
    var isKeyFrame = false
    /// The byte of the audio level (RFC 6464) and of the video orientation (3GPP TS 26.114 §7.4.5), if there.
    var audioLevel: UInt8?
    var videoOrientation: UInt8?
    /// The numbers that a stream of VP8 must continue.
    var vp8: VP8Descriptor?
}
