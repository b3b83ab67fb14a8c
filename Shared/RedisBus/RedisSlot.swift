package import Contracts

/// The hash slot of a name in Redis Cluster, 0..<16384: CRC-16 of the part between the first `{` and the next `}` if that
/// part is not empty, else of the whole name (Redis Cluster specification, "Hash tags").
package func redisSlot(of name: String) -> UInt16 {
    let bytes = Array(name.utf8)
    if let open = bytes.firstIndex(of: UInt8(ascii: "{")),
        let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    {
        return crc16(bytes[(open + 1)..<close]) & 0x3FFF
    }
    return crc16(bytes[...]) & 0x3FFF
}

extension RedisKey {
    /// The hash slot of the key.
    package var slot: UInt16 { redisSlot(of: name) }
}

extension Topic {
    /// The hash slot of the topic, for sharded pub/sub.
    package var slot: UInt16 { redisSlot(of: name) }
}

/// CRC-16/XMODEM: polynomial 0x1021, begins with 0, not reflected. "123456789" gives 0x31C3.
private func crc16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes {
        crc ^= UInt16(byte) << 8
        for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
    return crc
}
