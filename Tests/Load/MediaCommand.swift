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
        let rooms = try await MediaRoom.make(course.rooms, seats: course.subscribers + 1, at: try stack.apiURLs()[0])
        let figures = try await MediaSeats.with(stack: stack, rooms: rooms) { seats in
            try await course.measure("roost-media", seats)
        }
        try figures.print()
    }
}

/// A channel to have a call in, and who takes its seats: each as many as one person may.
struct MediaRoom {
    let channel: ChannelID
    let members: [LoadUser]

    /// A channel for each room, and enough people in it to take its seats.
    static func make(_ count: Int, seats: Int, at apiURL: String) async throws -> [MediaRoom] {
        let http = HTTPClient()
        do {
            let api = APIClient(baseURL: apiURL, http: http)
            let owner = try await LoadUser.register(with: api)
            let invite = try await api.call(
                Endpoints.createInvite, path: [owner.workspace.id.description], body: Empty(), token: owner.token)
            var rooms: [MediaRoom] = []
            for number in 0..<count {
                let channel = try await owner.createChannel(named: "call \(number)", with: api)
                let members = try await gather(seats, in: channel, by: invite, with: api)
                rooms.append(MediaRoom(channel: channel, members: members))
            }
            try await http.shutdown()
            return rooms
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// New people in a channel, at a time, as many as it takes for so many seats.
    private static func gather(
        _ seats: Int, in channel: ChannelID, by invite: Invite, with api: APIClient
    ) async throws -> [LoadUser] {
        try await withThrowingTaskGroup(of: LoadUser.self) { group in
            for _ in 0..<((seats + Limits.seatsPerUser - 1) / Limits.seatsPerUser) {
                group.addTask {
                    let member = try await LoadUser.register(with: api)
                    _ = try await api.call(
                        Endpoints.acceptInvite, path: [invite.code], body: Empty(), token: member.token)
                    _ = try await api.call(
                        Endpoints.joinChannel, path: [channel.description], body: Empty(), token: member.token)
                    return member
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
