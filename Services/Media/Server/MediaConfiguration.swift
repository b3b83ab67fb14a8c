import Contracts
package import MediaSecurity
package import ServiceKit

/// The configuration of roost-media, from its environment. There is no database in it, and no secret.
package struct MediaConfiguration: Sendable {
    /// Where health is served over HTTP.
    package let healthHost: String
    package let healthPort: Int
    package let redisURL: String
    /// The first UDP port; worker k has this + k.
    package let port: Int
    /// The first TCP port, of worker k this + k; `nil` when there is no TCP.
    package let streamPort: Int?
    package let workerCount: Int
    /// Seats of one room on one worker before another one helps.
    package let seatsPerWorker: Int
    /// Seats of all rooms together before other nodes help with them.
    package let seatCount: Int
    /// The IP address at which other media nodes reach this one; `nil` for the first of this machine's.
    package let relayAddress: String?
    /// The addresses that peers are told, the best first; empty for those of this machine.
    package let addresses: [String]
    /// Who protects the packets.
    package let srtp: SRTPImplementation
    /// The folder of recordings; `nil` for a node that records nothing.
    package let recordings: String?
    /// Where files of recordings are uploaded: the API, or the proxy before it.
    package let apiURL: String?

    package init(_ settings: Settings, coreCount: Int) throws(SettingsError) {
        healthHost = settings.optional("ROOST_MEDIA_HOST") ?? "127.0.0.1"
        healthPort = try settings.integer("ROOST_MEDIA_HEALTH_PORT", default: 3002, in: 1...65535)
        redisURL = try settings.required("ROOST_REDIS_URL", "where Redis is, such as redis://127.0.0.1:6379")
        workerCount = try settings.integer("ROOST_MEDIA_WORKERS", default: coreCount, in: Limits.mediaWorkers)
        seatsPerWorker = try settings.integer(
            "ROOST_MEDIA_SEATS_PER_WORKER", default: Limits.roomSeatsPerWorker, in: 1...Limits.participantsPerCall)
        seatCount = try settings.integer("ROOST_MEDIA_SEATS", default: Limits.seatsPerNode, in: 1...Limits.seatsPerNode)
        relayAddress = settings.optional("ROOST_MEDIA_RELAY_ADDRESS")
        port = try settings.integer("ROOST_MEDIA_PORT", default: 40_000, in: 1...(65_536 - workerCount))
        let stream = try settings.integer("ROOST_MEDIA_TCP_PORT", default: port, in: 0...(65_536 - workerCount))
        streamPort = stream == 0 ? nil : stream
        addresses = settings.list("ROOST_MEDIA_ADDRESSES")
        let name = settings.optional("ROOST_MEDIA_SRTP") ?? SRTPImplementation.openSSL.rawValue
        guard let srtp = SRTPImplementation(rawValue: name) else {
            throw .invalid(name: "ROOST_MEDIA_SRTP", value: name, expected: "openssl or libsrtp")
        }
        self.srtp = srtp
        recordings = settings.optional("ROOST_MEDIA_RECORDINGS")
        apiURL = settings.optional("ROOST_MEDIA_API_URL")
        guard recordings == nil || apiURL != nil else {
            throw .invalid(
                name: "ROOST_MEDIA_API_URL", value: "",
                expected: "the API's address, where ROOST_MEDIA_RECORDINGS is set: recordings are uploaded there")
        }
    }
}
