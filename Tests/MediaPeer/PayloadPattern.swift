/// What a peer's payloads carry in place of sound and pictures, so that who gets them can tell what they are and
/// whether they are whole.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 2 | "RO" |
/// | 2 | 2 | number of bytes of the pattern |
/// | 4 | 4 | origin: the SSRC under which it was published |
/// | 8 | 4 | number of the frame |
/// | 12 | 2 | number of the part |
/// | 14 | 2 | number of parts |
/// | 16 | | bytes that follow from the fields above |
package struct PayloadPattern: Hashable, Sendable {
    package static let headerByteCount = 16

    package let origin: UInt32
    package let frame: UInt32
    package let part: UInt16
    package let partCount: UInt16

    init(origin: UInt32, frame: UInt32, part: UInt16, partCount: UInt16) {
        self.origin = origin
        self.frame = frame
        self.part = part
        self.partCount = partCount
    }

    /// Reads a pattern that fills all of `bytes`; `nil` if any byte is wrong.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerByteCount, bytes[0] == UInt8(ascii: "R"), bytes[1] == UInt8(ascii: "O"),
            Int(Self.integer(bytes, 2, UInt16.self)) == bytes.count
        else { return nil }
        origin = Self.integer(bytes, 4, UInt32.self)
        frame = Self.integer(bytes, 8, UInt32.self)
        part = Self.integer(bytes, 12, UInt16.self)
        partCount = Self.integer(bytes, 14, UInt16.self)
        guard part < partCount else { return nil }
        var byte = firstByte
        var difference: UInt8 = 0
        for index in Self.headerByteCount..<bytes.count {
            difference |= bytes[index] ^ byte
            byte &+= 1
        }
        guard difference == 0 else { return nil }
    }

    /// Appends a pattern of `byteCount` bytes, at least ``headerByteCount``.
    func append(to bytes: inout [UInt8], byteCount: Int) {
        bytes += [UInt8(ascii: "R"), UInt8(ascii: "O")]
        bytes.append(networkOrder: UInt16(byteCount))
        bytes.append(networkOrder: origin)
        bytes.append(networkOrder: frame)
        bytes.append(networkOrder: part)
        bytes.append(networkOrder: partCount)
        var byte = firstByte
        for _ in Self.headerByteCount..<max(byteCount, Self.headerByteCount) {
            bytes.append(byte)
            byte &+= 1
        }
    }

    private var firstByte: UInt8 { UInt8(truncatingIfNeeded: origin &+ frame &* 31 &+ UInt32(part) &* 7) }

    private static func integer<Value: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _: Value.Type
    ) -> Value { Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(networkOrder value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
