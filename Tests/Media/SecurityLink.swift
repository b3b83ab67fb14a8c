import MediaPeer
import MediaSecurity

/// A DTLS client, a DTLS server and the network between them, in virtual time: the time jumps to the next datagram that
/// arrives or the next deadline.
final class SecurityLink {
    /// What the network does to datagrams, decided by the seed.
    struct Network {
        var loss = 0.0
        var duplication = 0.0
        /// Milliseconds a datagram takes; with more than one, datagrams overtake each other.
        var delay = 20...20
    }

    /// What one side came to.
    struct Outcome {
        var keys: SRTPKeys?
        var error: DTLSError?
        var establishedCount = 0
        var closedCount = 0

        mutating func apply(_ event: DTLSEvent) {
            switch event {
            case .none: break
            case .established(let keys):
                self.keys = keys
                establishedCount += 1
            case .closed: closedCount += 1
            case .failed(let error): self.error = error
            }
        }
    }

    private struct Flying {
        let arrival: MediaTime
        let order: Int
        let toServer: Bool
        let bytes: [UInt8]
    }

    let client: DTLSConnection
    let server: DTLSConnection
    var network = Network()
    /// Changes what is sent, before the network does; by default nothing.
    var rewrite: (_ datagram: [UInt8], _ toServer: Bool) -> [[UInt8]] = { datagram, _ in [datagram] }
    private(set) var now = MediaTime(nanoseconds: 0)
    private(set) var clientOutcome = Outcome()
    private(set) var serverOutcome = Outcome()
    /// All that was sent, before the network dropped any.
    private(set) var sent: [(toServer: Bool, bytes: [UInt8])] = []
    private var flying: [Flying] = []
    private var random: SplitMix64

    init(client: DTLSConnection, server: DTLSConnection, seed: UInt64 = 1) {
        self.client = client
        self.server = server
        random = SplitMix64(seed: seed)
    }

    /// A link between two sides that expect each other's certificates.
    convenience init(
        clientProfiles: [SRTPProfile] = SRTPProfile.allCases, serverProfiles: [SRTPProfile] = SRTPProfile.allCases,
        seed: UInt64 = 1
    ) throws {
        let certificates = try Certificates.shared.get()
        self.init(
            client: try DTLSConnection(
                certificate: certificates.client, role: .client, expected: certificates.server.fingerprint,
                profiles: clientProfiles),
            server: try DTLSConnection(
                certificate: certificates.server, role: .server, expected: certificates.client.fingerprint,
                profiles: serverProfiles),
            seed: seed)
    }

    /// One certificate a side is enough for all tests, as it is for a process.
    struct Certificates {
        let client: DTLSCertificate
        let server: DTLSCertificate
        static let shared = Result {
            Certificates(client: try DTLSCertificate.selfSigned(), server: try DTLSCertificate.selfSigned())
        }
    }

    /// Starts the client and lets time pass until nothing is under way and nobody waits, at most a minute.
    func handshake() {
        clientOutcome.apply(client.start(now: now))
        settle()
    }

    /// Lets time pass until nothing is under way and nobody waits, at most a minute.
    func settle() {
        let end = now + .seconds(60)
        collect()
        while let next = nextTime, next <= end {
            now = max(now, next)
            step()
            collect()
        }
    }

    /// Lets `bytes` arrive now, past the network.
    func deliver(_ bytes: [UInt8], toServer: Bool) {
        bytes.withUnsafeBytes { datagram in
            if toServer {
                serverOutcome.apply(server.receive(datagram, now: now))
            } else {
                clientOutcome.apply(client.receive(datagram, now: now))
            }
        }
    }

    private var nextTime: MediaTime? {
        [flying.map(\.arrival).min(), client.deadline, server.deadline].compactMap(\.self).min()
    }

    private func step() {
        let arriving = flying.filter { $0.arrival <= now }.sorted { ($0.arrival, $0.order) < ($1.arrival, $1.order) }
        flying.removeAll { $0.arrival <= now }
        for datagram in arriving { deliver(datagram.bytes, toServer: datagram.toServer) }
        clientOutcome.apply(client.handleTimeout(now: now))
        serverOutcome.apply(server.handleTimeout(now: now))
    }

    private func collect() {
        client.takeDatagrams { send(Array($0), toServer: true) }
        server.takeDatagrams { send(Array($0), toServer: false) }
    }

    private func send(_ bytes: [UInt8], toServer: Bool) {
        for datagram in rewrite(bytes, toServer) {
            sent.append((toServer, datagram))
            for _ in 0..<(random.chance(network.duplication) ? 2 : 1) where !random.chance(network.loss) {
                let delay = Duration.milliseconds(Int.random(in: network.delay, using: &random))
                flying.append(
                    Flying(arrival: now + delay, order: sent.count, toServer: toServer, bytes: datagram))
            }
        }
    }
}

/// Tears DTLS records apart, as a path with a small MTU makes a peer do.
enum SecurityRecords {
    /// The records of a datagram.
    static func split(_ datagram: [UInt8]) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var rest = datagram[...]
        while rest.count >= 13 {
            let byteCount = 13 + Int(rest[rest.startIndex + 11]) << 8 + Int(rest[rest.startIndex + 12])
            records.append(Array(rest.prefix(byteCount)))
            rest = rest.dropFirst(byteCount)
        }
        return records
    }

    static func isPlainHandshake(_ record: [UInt8]) -> Bool { record[0] == 22 && record[3] == 0 && record[4] == 0 }

    /// Each record in a datagram of its own, and handshake messages in fragments of `byteCount` bytes (RFC 6347
    /// §4.2.2).
    ///
    /// Records before encryption get numbers of 8 for each number before, so that a record that is sent again has the
    /// same bytes again.
    static func fragment(_ datagram: [UInt8], byteCount: Int) -> [[UInt8]] {
        split(datagram).flatMap { record -> [[UInt8]] in
            guard record[3] == 0, record[4] == 0 else { return [record] }
            guard isPlainHandshake(record) else { return [numbered(record, piece: 0)] }
            let body = Array(record[25...])
            let offset = integer(record[19..<22])
            return stride(from: 0, to: max(body.count, 1), by: byteCount).enumerated().map { piece, start in
                let part = body[start..<min(start + byteCount, body.count)]
                let header = record[13..<19] + bytes(offset + start, 3) + bytes(part.count, 3)
                return numbered(record[..<11] + bytes(header.count + part.count, 2) + header + part, piece: piece)
            }
        }
    }

    /// The client's Certificate message (type 11) without a certificate in it.
    static func withoutCertificate(_ datagram: [UInt8]) -> [UInt8] {
        split(datagram).flatMap { record -> [UInt8] in
            guard isPlainHandshake(record), record[13] == 11 else { return record }
            return record[..<11] + bytes(15, 2) + [11] + bytes(3, 3) + record[17..<19] + bytes(0, 3) + bytes(3, 3)
                + bytes(0, 3)
        }
    }

    private static func numbered(_ record: [UInt8], piece: Int) -> [UInt8] {
        precondition(piece < 8, "Fragments are too small.")
        return record[..<9] + bytes(integer(record[9..<11]) * 8 + piece, 2) + record[11...]
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    private static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
