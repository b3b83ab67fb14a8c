/// What the audio level extension says of a packet (RFC 6464 §3): one byte, voice activity in its highest bit.
package struct AudioLevel: Hashable, Sendable {
    /// −dBov: 0 is the loudest, 127 silence.
    package let level: UInt8
    /// Whether the sender took it for speech.
    package let hasVoice: Bool

    /// From the first byte of the extension's content.
    package init(byte: UInt8) {
        level = byte & 0x7F
        hasVoice = byte & 0x80 != 0
    }
}
