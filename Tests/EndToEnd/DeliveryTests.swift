import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Delivery")
    struct DeliveryTests {
        @Test("S2 O6: a client on one gateway hears a client on another, on all gateways, in order and once")
        func acrossGateways() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let devices = try await concurrently(zip(team.people, stack.gatewayURLs).map { $0 }) { person, gateway in
                try await person.connect(to: gateway)
            }
            let writer = team.people[1]
            let sent = try await writer.send("hello from two", in: team.general)
            let edited = try await writer.api.call(
                Endpoints.editMessage, path: [team.general, sent.id], body: EditMessageRequest(content: "hello again"))
            try await writer.api.call(Endpoints.deleteMessage, path: [team.general, sent.id])
            for device in devices {
                try await device.wait(for: .channel(team.general), at: edited.version + 1)
                let events = device.state.events(of: .channel(team.general)).suffix(3).map(\.event)
                #expect(
                    events == [
                        .messageCreated(sent), .messageEdited(edited),
                        .messageDeleted(
                            MessageDeleted(id: sent.id, channelID: team.general, version: edited.version + 1)),
                    ])
                #expect(device.state.violations.isEmpty)
            }
        }
    }
}
