import ArgumentParser
import AsyncHTTPClient
import MediaPeer

/// `roost-load janus`
struct JanusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "janus",
        abstract: "Measures the same forwarding by Janus's videoroom.",
        discussion: """
            The same peers, traffic and counting as `media`, beside it. Rooms are made over Janus's HTTP API; the \
            publisher offers, and Janus offers to each subscriber.
            """)

    @OptionGroup var course: MediaRun
    @Option(help: "Where Janus answers HTTP: http://host:port/janus.")
    var url: String
    @Option(help: "Its process id.")
    var pid: Int

    func run() async throws {
        let http = HTTPClient()
        do {
            let rooms = try await JanusRooms(client: JanusClient(url: url, http: http), pid: pid, count: course.rooms)
            let figures = try await course.measure("janus-media", rooms) { configuration in
                configuration.audioSections = 0
                configuration.videoSections = 0
                configuration.setup = "active"
            }
            try await rooms.close()
            try await http.shutdown()
            try figures.print()
        } catch {
            try? await http.shutdown()
            throw error
        }
    }
}
