import APIDomain
import Contracts
import Postgres

/// Who is in the call of a channel, for its members, and the answer no to a call that rings.
struct CallRoute: Sendable {
    let services: APIServices

    func add(to routes: RouteTable) {
        routes.on(Endpoints.readCall) { call, principal in
            let access = SpaceAccess(database: services.database)
            let channel = try await access.joinedChannel(try call.id("channelID"), for: principal).id
            let rows = try await services.database.execute(
                Statement("SELECT * FROM call_states WHERE channel_id = $1", channel))
            guard let row = rows.first else {
                // There has never been one.
                return Answer(ChannelCall(channelID: channel, startedAt: nil, participants: [], version: 0))
            }
            return Answer(try ChannelCall(row: row, channel: channel))
        }
        routes.on(Endpoints.declineRing) { call, principal in
            let store = RingStore(database: services.database)
            guard let declined = try await store.decline(try call.id("ringID"), by: principal.userID) else {
                throw APIError.notFound(RingEntity.entityName)
            }
            await services.publisher.publish(at: declined.events)
            return Answer(declined.ring)
        }
    }
}
