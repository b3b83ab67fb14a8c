import ArgumentParser
import AsyncHTTPClient
import Contracts

/// `roost-load media`
struct MediaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "media",
        abstract: "Measures what a media node spends to forward cameras to many subscribers.",
        discussion: """
            Plays a gateway on the bus: real grants of the API, real seats, one peer connection and one socket for each \
            participant. Each room has one camera of 2.5 Mbit/s. Delay is from the publisher's send until the \
            subscriber's kernel has the packet. A room is on one worker; --rooms uses more of them.
            """)

    @OptionGroup var course: MediaRun

    func run() async throws {
        let stack = Stack()
        let (user, channels) = try await makeChannels(try stack.apiURLs()[0])
        let figures = try await MediaSeats.with(stack: stack, user: user, channels: channels) { seats in
            try await course.measure("roost-media", seats)
        }
        try figures.print()
    }

    /// A person with a channel for each room.
    private func makeChannels(_ apiURL: String) async throws -> (LoadUser, [ChannelID]) {
        let http = HTTPClient()
        do {
            let api = APIClient(baseURL: apiURL, http: http)
            let user = try await LoadUser.register(with: api)
            var channels: [ChannelID] = []
            for room in 0..<course.rooms {
                channels.append(try await user.createChannel(named: "call \(room)", with: api))
            }
            try await http.shutdown()
            return (user, channels)
        } catch {
            try? await http.shutdown()
            throw error
        }
    }
}
