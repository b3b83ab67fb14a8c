import Contracts
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Delivery")
    struct DeliveryTests {
        @Test("S2: a client on one gateway hears a client on another: messages, edits and deletes, in order, once")
        func acrossGateways() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let devices = try await concurrently(Array(zip(team.people, stack.gatewayURLs))) { person, gateway in
                try await person.connect(to: gateway)
            }
            let writer = team.people[1]
            let sent = try await writer.send("hello from two", in: team.general)
            let edited = try await writer.api.call(
                Endpoints.editMessage, path: [team.general, sent.id], body: EditMessageRequest(content: "hello again"))
            try await writer.api.call(Endpoints.deleteMessage, path: [team.general, sent.id])
            let deleted = MessageDeleted(
                id: sent.id, channelID: team.general, seq: sent.seq, authorID: writer.id, version: edited.version + 1)
            for device in devices {
                try await device.wait(for: .channel(team.general), at: deleted.version)
                let events = device.state.events(of: .channel(team.general)).suffix(3).map(\.event)
                #expect(events == [.messageCreated(sent), .messageEdited(edited), .messageDeleted(deleted)])
                #expect(device.state.violations.isEmpty)
            }
        }

        @Test("S3: a client whose socket was killed comes back and is consistent with one that never left")
        func killedSocket() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let (steady, shaky) = (try await team.people[1].connect(), try await team.people[1].connect())
            for round in 1...3 {
                try await team.owner.send("before \(round)", in: team.general)
                await shaky.close()
                let missed = try await team.owner.send("missed \(round)", in: team.general)
                try await team.people[1].connect(shaky)
                try await steady.wait(for: .channel(team.general), at: missed.seq)
                #expect(shaky.state.cursors == steady.state.cursors)
                #expect(shaky.state.events == steady.state.events)
            }
            #expect(shaky.state.violations.isEmpty)
        }

        @Test("O4: an event reaches exactly the sockets that may see it: channel, user and workspace streams")
        func exactSockets() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let other = try await Team.make(of: 1, on: stack)
            let (member, outsider) = (team.people[1], team.people[2])
            let devices = try await concurrently(Array((team.people + other.people).enumerated())) { index, person in
                try await person.connect(to: stack.gatewayURLs[index % 3])
            }
            let (owners, members, outsiders, strangers) = (devices[0], devices[1], devices[2], devices[3])

            let secret = try await team.channel(.private, with: [member])
            let message = try await member.send("only for us", in: secret)
            let open = try await team.channel(.public)
            let marker = try await outsider.send("for the team", in: team.general)
            let farMarker = try await other.owner.send("for the others", in: other.general)

            for device in [owners, members, outsiders] {
                try await device.wait(for: .channel(team.general), at: marker.seq)
                _ = try await device.event("the public channel") { $0.event.name == .channelCreated }
            }
            try await strangers.wait(for: .channel(other.general), at: farMarker.seq)
            for device in [owners, members] { try await device.wait(for: .channel(secret), at: message.seq) }

            let streams = devices.map { Set($0.state.events.map(\.stream)) }
            #expect(
                streams[0] == [
                    .channel(secret), .channel(team.general), .user(team.owner.id), .workspace(team.workspace),
                ])
            #expect(
                streams[1] == [
                    .channel(secret), .channel(team.general), .user(member.id), .workspace(team.workspace),
                ])
            #expect(streams[2] == [.channel(team.general), .workspace(team.workspace)])
            #expect(streams[3] == [.channel(other.general)])
            for device in devices {
                #expect(device.state.violations.isEmpty)
                let created = device.state.events.compactMap { frame in
                    if case .channelCreated(let channel) = frame.event { channel.id } else { nil }
                }
                #expect(created == (device === strangers ? [] : [open]), "a private channel is in no workspace stream")
            }
        }

        @Test("O6: an event is seen only after its commit: whoever has it can read it from any API")
        func afterCommit() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let device = try await team.people[1].connect()
            async let sending: Void = {
                for number in 1...40 { try await team.owner.send("message \(number)", in: team.general) }
            }()
            for number in 1...40 {
                let frame = try await device.event("message \(number)") { frame in
                    if case .messageCreated(let message) = frame.event {
                        message.content == "message \(number)"
                    } else {
                        false
                    }
                }
                let page = try await team.people[1].api.at(stack.apiURLs[number % 2]).call(
                    Endpoints.listMessages, path: [team.general])
                guard case .messageCreated(let message) = frame.event else { continue }
                #expect(page.messages.contains(message))
                #expect(page.seq >= message.seq)
            }
            try await sending
            #expect(device.state.messages(in: team.general) == (1...40).map { "message \($0)" })
            #expect(device.state.violations.isEmpty)
        }

        @Test("O4: joining a channel, or being added, starts its events on the open socket; leaving stops them")
        func joinAndLeave() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let device = try await person.connect()
            let open = try await team.channel(.public)
            let secret = try await team.channel(.private)
            for channel in [open, secret] { try await team.owner.send("too early", in: channel) }

            try await person.api.call(Endpoints.joinChannel, path: [open])
            try await team.owner.api.call(
                Endpoints.addChannelMember, path: [secret], body: AddChannelMemberRequest(userID: person.id))
            for channel in [open, secret] {
                let message = try await team.owner.send("in time", in: channel)
                try await device.wait(for: .channel(channel), at: message.seq)
                #expect(device.state.messages(in: channel) == ["in time"])
            }

            try await person.api.call(Endpoints.leaveChannel, path: [open])
            _ = try await device.event("the departure") { $0.event == .channelLeft(ChannelLeft(channelID: open)) }
            try await team.owner.send("too late", in: open)
            let marker = try await team.owner.send("still here", in: secret)
            try await device.wait(for: .channel(secret), at: marker.seq)
            #expect(device.state.messages(in: open) == ["in time"])

            try await person.api.call(Endpoints.joinChannel, path: [open])
            let back = try await team.owner.send("back again", in: open)
            try await device.wait(for: .channel(open), at: back.seq)
            #expect(device.state.messages(in: open) == ["in time", "back again"])
            #expect(device.state.violations.isEmpty)
        }

        @Test("O13: nothing polls: the client has no timer that asks the API again")
        func noPolling() throws {
            let source = Stack.repository.appendingPathComponent("Services/Web/source")
            let files = FileManager.default.enumerator(at: source, includingPropertiesForKeys: nil)
            var timerFiles: [String] = []
            while let file = files?.nextObject() as? URL {
                guard ["ts", "tsx"].contains(file.pathExtension) else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                guard text.contains("setInterval") else { continue }
                timerFiles.append(file.lastPathComponent)
                for caller in [
                    "fetch(", "from \"./api\"", "from \"./http\"", "from \"../shell/api\"", "XMLHttpRequest",
                ] {
                    #expect(!text.contains(caller), "\(file.lastPathComponent) has a repeating timer and \(caller)")
                }
            }
            // The heartbeat of the socket: without it this test would look at the wrong place.
            #expect(timerFiles.contains("socket.ts"))
        }
    }
}
