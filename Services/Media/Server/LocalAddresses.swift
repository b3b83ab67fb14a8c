import Contracts
import Glibc
import MediaCore

/// The addresses at which a peer may reach this machine, the best first: those of its interfaces, then loopback, for
/// browsers on the same machine. IPv6 link-local addresses are left out, because they mean nothing without an interface.
func localAddresses() -> [String] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return ["127.0.0.1"] }
    defer { freeifaddrs(first) }
    var global: [String] = []
    var next = first
    while let interface = next?.pointee {
        next = interface.ifa_next
        let flags = Int(interface.ifa_flags)
        guard flags & Int(IFF_UP) != 0, flags & Int(IFF_LOOPBACK) == 0, let address = interface.ifa_addr,
            let text = numericHost(of: address), !global.contains(text)
        else { continue }
        global.append(text)
    }
    // IPv4 first: more networks let it through.
    return global.filter { !$0.contains(":") } + global.filter { $0.contains(":") } + ["127.0.0.1"]
}

private func numericHost(of address: UnsafeMutablePointer<sockaddr>) -> String? {
    let byteCount: Int
    switch Int32(address.pointee.sa_family) {
    case AF_INET: byteCount = MemoryLayout<sockaddr_in>.size
    case AF_INET6: byteCount = MemoryLayout<sockaddr_in6>.size
    default: return nil
    }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard getnameinfo(address, socklen_t(byteCount), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
        return nil
    }
    let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return host.hasPrefix("fe80:") ? nil : host
}
