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
    /// The numbers of its picture that a stream must continue.
    var picture: PictureNumbers?
    /// Where it stands in a picture of several layers; `nil` where nothing tells.
    var layer: PacketLayer?
    /// What came with it about its frame, where it is passed on.
    var descriptor: ForwardedDescriptor?
    /// Whether its codec's pictures are counted in one row over all layers, and a hole in it is waited for: VP8.
    var countsPictures = false

    /// What stands in its place where only its number is of use.
    func emptied(_ number: Int64) -> ForwardedPacket {
        var packet = self
        packet.sequence = number
        packet.hasMarker = false
        packet.picture = nil
        packet.descriptor = nil
        return packet
    }
}

/// The dependency descriptor of a packet (AV1 RTP specification, appendix A).
struct ForwardedDescriptor {
    // SAFETY: memory of the packet, or of the cache that has it, lent with its payload for the time of a call; the cache
    // keeps a copy beside that of the payload.
    var bytes: UnsafeRawBufferPointer
    let frameNumber: UInt16
    /// `nil` where it could not be read, because what it refers to is missing.
    let activeTargets: ActiveTargets?
}
