import Contracts
import RoostClient
import TestSupport

/// The people of one round and where they meet: a workspace of its own with a public channel that all are in, one that
/// they join and leave, and a private one.
struct Cast: Sendable {
    struct Person: Sendable {
        let id: UserID
        let name: String
        let api: RoostAPI
    }

    let people: [Person]
    let general: ChannelID
    /// The first person never leaves it.
    let open: ChannelID
    /// The last person, who does not write, is removed from it and added again.
    let secret: ChannelID
    /// The first person's own: public and private by turns, and nobody writes there.
    let shy: ChannelID

    /// Where people write.
    var channels: [ChannelID] { [general, open, secret] }

    init(of count: Int, in world: FaultWorld) async throws {
        let team = try await Team.make(of: count, on: world.stack)
        general = team.general
        open = try await team.channel(.public, with: Array(team.people.dropFirst()))
        secret = try await team.channel(.private, with: Array(team.people.dropFirst()))
        shy = try await team.channel(.public)
        people = team.people.map { person in
            let anonymous = RoostAPI(addresses: world.apiAddresses)
            var api = RoostAPI(
                addresses: world.apiAddresses, credentials: Credentials(person.signedIn, api: anonymous))
            api.patience = .seconds(30)
            return Person(id: person.id, name: person.username, api: api)
        }
    }
}
