import Glibc

/// The addresses of this machine that peers have reached, numbered. A datagram only arrives at an address that the machine
/// has, so they are few. Owned by the socket.
struct LocalAddressTable {
    private var addresses: [in6_addr] = []

    /// The number of an address; 0 for none.
    mutating func index(of address: in6_addr?) -> UInt8 {
        guard let address else { return 0 }
        for (index, known) in addresses.enumerated() where isEqual(known, address) { return UInt8(index + 1) }
        guard addresses.count < UInt8.max else { return 0 }
        addresses.append(address)
        return UInt8(addresses.count)
    }

    subscript(index: UInt8) -> in6_addr? { index == 0 ? nil : addresses[Int(index) - 1] }

    private func isEqual(_ left: in6_addr, _ right: in6_addr) -> Bool {
        withUnsafeBytes(of: left) { left in withUnsafeBytes(of: right) { left.elementsEqual($0) } }
    }
}
