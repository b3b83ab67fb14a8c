extension Span where Element == UInt8 {
    /// Two bytes in network order. It stops the process outside of the span, so the caller has compared with `count`.
    func uint16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// Three bytes in network order, under the condition of ``uint16(at:)``.
    func uint24(at offset: Int) -> UInt32 {
        UInt32(self[offset]) << 16 | UInt32(uint16(at: offset + 1))
    }

    /// Four bytes in network order, under the condition of ``uint16(at:)``.
    func uint32(at offset: Int) -> UInt32 {
        UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2))
    }

    /// Eight bytes in network order, under the condition of ``uint16(at:)``.
    func uint64(at offset: Int) -> UInt64 {
        UInt64(uint32(at: offset)) << 32 | UInt64(uint32(at: offset + 4))
    }

    /// A copy of the bytes in `range`, under the condition of ``uint16(at:)``. It allocates: not for RTP.
    func copy(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for offset in range { bytes.append(self[offset]) }
        return bytes
    }
}

extension [UInt8] {
    /// Appends all bytes of `value` in network order.
    mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Writes `value` in network order over the two bytes at `offset`, which exist.
    mutating func overwrite(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
