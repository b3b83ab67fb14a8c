import Foundation
import JWTKit
package import ServiceKit

extension Stack {
    /// A variable of the stack's, as other programs are told it.
    private func variable(_ name: String) throws -> String {
        let file = directory.appendingPathComponent("run/stack.env")
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0] == name { return String(parts[1]) }
        }
        throw Timeout("the stack has no \(name)")
    }

    /// Where each media node answers probes, in the order of their names.
    package var mediaURLs: [String] {
        get throws { try variable("ROOST_MEDIA_URLS").split(separator: ",").map(String.init) }
    }

    /// The name of the node that has a UDP port, such as `media-0`.
    package func mediaNode(at port: UInt16) throws -> String {
        for (index, range) in try variable("ROOST_MEDIA_PORTS").split(separator: ",").enumerated() {
            let ends = range.split(separator: "-").compactMap { UInt16($0) }
            if let first = ends.first, let last = ends.last, (first...last).contains(port) { return "media-\(index)" }
        }
        throw Timeout("no media node has port \(port)")
    }

    /// Signs a grant as the APIs do; with another key if one is given, under the name of the APIs' key all the same.
    package func sign(_ grant: CallGrant, pem: String? = nil) async throws -> String {
        let own = try pem ?? String(contentsOfFile: variable("ROOST_SIGNING_KEY_FILE"), encoding: .utf8)
        let published = try await APIClient(base: url).get("/.well-known/jwks.json").decode(JWKS.self)
        guard let name = published.keys.first?.keyIdentifier else { throw Timeout("the key has no name") }
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: try ES256PrivateKey(pem: own), kid: name)
        return try await keys.sign(grant, kid: name)
    }
}

/// What a process holds of the machine (proc(5)).
package struct ProcessFootprint: Hashable, Sendable {
    /// Bytes of memory that are really there.
    package let residentByteCount: Int
    package let descriptorCount: Int

    package init(of process: Int32) throws {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = line.split(separator: " ").compactMap({ Int($0) }).first
        else { throw Timeout("process \(process) says no VmRSS") }
        residentByteCount = kilobytes * 1024
        descriptorCount = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }
}
