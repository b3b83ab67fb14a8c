/// One parser that takes bytes of strangers.
package struct FuzzTarget: Sendable {
    /// All of them. A new parser is registered here, and its corpus is the folder of its name.
    package static let all: [FuzzTarget] = [
        .stun, .rtp, .rtcp, .feedback, .vp8, .vp9, .dependency, .red, .h264, .frames, .dtls, .srtp, .sdp,
    ]

    /// What became of an input that did not trap.
    package struct Outcome: Sendable {
        /// What the input led to, as a number: inputs that lead to something new are worth changing further.
        package var feature: UInt64
        /// What must not be, in words; `nil` if all is well.
        package var fault: String?

        init(feature: UInt64, fault: String? = nil) {
            self.feature = feature
            self.fault = fault
        }
    }

    /// Also the name of the folder with its corpus.
    package let name: String
    /// Parses an input. The same input has the same outcome.
    package let run: @Sendable ([UInt8]) -> Outcome

    init(_ name: String, run: @escaping @Sendable ([UInt8]) -> Outcome) {
        self.name = name
        self.run = run
    }
}

/// A number for what was seen on the way, made of small parts (FNV-1a).
struct FeatureHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ part: Int) {
        value = (value ^ UInt64(truncatingIfNeeded: part)) &* 0x100_0000_01B3
    }

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(Int(byte)) }
    }

    /// A count as its magnitude: that there are five or six of something is the same.
    mutating func add(magnitudeOf count: Int) { add(count.bitWidth - count.leadingZeroBitCount) }
}
