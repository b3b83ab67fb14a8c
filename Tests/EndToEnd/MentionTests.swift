import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Mentions")
    struct MentionTests {
        @Test(
            "C4 O9: who is mentioned is told, wherever they look; edits and deletion take it back; nobody else is told")
        func told() async throws {
            let scene = try await Scene.make()
            let (team, ben, cleo) = (scene.team, scene.team.people[1], scene.team.people[2])
            let devices = try await concurrently(Array(team.people.enumerated())) { index, person in
                try await person.connect(to: scene.stack.gatewayURLs[index])
            }
            // Cleo is not in the channel, and the owner names herself.
            let text = "@\(ben.username) @\(cleo.username) @\(team.owner.username) @nobody_of_us"
            let sent = try await team.owner.send(text, in: scene.channel)
            #expect(sent.mentions.map(\.description) == [ben.id, team.owner.id].map(\.description).sorted())
            #expect(sent.audience == nil)
            let mention = Mention(
                messageID: sent.id, channelID: scene.channel, seq: sent.seq, authorID: team.owner.id)
            let created = try await devices[1].event("the mention", within: .seconds(1)) {
                $0.event == .mentionCreated(mention)
            }
            #expect(created.stream == .user(ben.id))

            // The same people: nothing to tell. Then nobody, then again, then the message is gone.
            try await edit(sent, "once more: \(text)", scene)
            #expect(try await edit(sent, "`\(text)`", scene).mentions.isEmpty)
            try await devices[1].wait(for: "not any more") {
                $0.mentionEvents == [.mentionCreated(mention), .mentionRemoved(mention)]
            }
            #expect(try await edit(sent, text, scene).mentions == sent.mentions)
            try await devices[1].wait(for: "anew") { $0.mentionEvents.count == 3 && $0.mentioned == [sent.id] }
            try await team.owner.api.call(Endpoints.deleteMessage, path: [scene.channel, sent.id])
            try await devices[1].wait(for: "the deletion") { $0.mentionEvents.count == 4 }
            #expect(devices[1].state.mentioned.isEmpty)

            let marker = try await team.owner.send("@\(cleo.username)", in: team.general)
            try await devices[2].wait(for: "her own mention") { $0.mentioned == [marker.id] }
            #expect(devices[2].state.mentionEvents.count == 1)
            #expect(devices[0].state.mentionEvents.isEmpty)
            for device in devices { #expect(device.state.violations.isEmpty) }
            #expect(
                try await scene.stack.count("SELECT count(*) FROM pending_mentions WHERE message_id = '\(sent.id)'")
                    == 0)
        }

        @Test("C4: all, here, channel and everyone are a flag of the message, and nobody is told one by one")
        func audiences() async throws {
            let scene = try await Scene.make()
            let ben = scene.team.people[1]
            let device = try await ben.connect()
            for (word, audience) in [
                ("all", MentionAudience.all), ("channel", .all), ("everyone", .all), ("here", .here),
            ] {
                let sent = try await scene.team.owner.send("@\(word)!", in: scene.channel)
                #expect(sent.audience == audience)
                #expect(sent.mentions.isEmpty)
                try await device.wait(for: .channel(scene.channel), at: sent.seq)
            }
            #expect(try await ben.unreadCounts(in: scene.channel) == [4, 4])
            let named = try await scene.team.owner.send("@\(ben.username) @here", in: scene.channel)
            try await device.wait(for: "the mention") { $0.mentioned == [named.id] }
            #expect(device.state.mentionEvents.count == 1)
            // An edit changes the flag as well.
            let edited = try await scene.team.owner.api.call(
                Endpoints.editMessage, path: [scene.channel, named.id], body: EditMessageRequest(content: "never mind"))
            #expect(edited.audience == nil)
            #expect(try await ben.unreadCounts(in: scene.channel) == [5, 4])
        }

        @Test("O17: a device that was away is told of mentions as they are now")
        func replay() async throws {
            let scene = try await Scene.make()
            let (team, ben) = (scene.team, scene.team.people[1])
            let (steady, away) = (try await ben.connect(), try await ben.connect())
            await away.close()
            let start = try #require(away.state.cursors[.user(ben.id)])
            let kept = try await team.owner.send("@\(ben.username) stays", in: scene.channel)
            let changed = try await team.owner.send("@\(ben.username) changes", in: scene.channel)
            let deleted = try await team.owner.send("@\(ben.username) goes", in: scene.channel)
            let gone = try await team.owner.send("@\(ben.username) elsewhere", in: team.general)
            try await steady.wait(for: "all four") { $0.mentioned == [kept.id, changed.id, deleted.id, gone.id] }
            try await edit(changed, "no one", scene)
            try await team.owner.api.call(Endpoints.deleteMessage, path: [scene.channel, deleted.id])
            try await steady.wait(for: "two are gone") { $0.mentioned == [kept.id, gone.id] }
            try await ben.api.call(Endpoints.leaveChannel, path: [team.general])
            try await ben.connect(away)
            // From wherever the gateway has the events, what they come to is the same.
            #expect(away.state.mentioned.subtracting([gone.id]) == [kept.id])
            #expect(away.state.violations.isEmpty)
            let replayed = try await scene.stack.replay(of: ben.id, after: Cursor(stream: .user(ben.id), seq: start))
            let shown = replayed.compactMap { event in
                switch event {
                case .mentionCreated(let mention): "+\(mention.messageID)"
                case .mentionRemoved(let mention): "-\(mention.messageID)"
                default: nil as String?
                }
            }
            #expect(
                Set(shown) == ["+\(kept.id)", "-\(changed.id)", "-\(deleted.id)", "-\(gone.id)"],
                "whoever left a channel is mentioned in nothing of it")
            #expect(shown.count == 6, "each change is an event, and shows what is now")
        }

        @Test("C4: what a dead API has left untold another tells, and only to who is still a member")
        func leftBehind() async throws {
            let scene = try await Scene.make()
            let (team, ben, cleo) = (scene.team, scene.team.people[1], scene.team.people[2])
            let devices = try await concurrently([ben, cleo]) { try await $0.connect() }
            let sent = try await team.owner.send("@\(ben.username)", in: scene.channel)
            try await devices[0].wait(for: "the mention") { $0.mentionEvents.count == 1 }
            // As a transaction leaves them whose API died after the commit. Cleo is no member.
            try await scene.stack.sql(
                "INSERT INTO pending_mentions (message_id, user_id) VALUES ('\(sent.id)', '\(ben.id)'), ('\(sent.id)', '\(cleo.id)')"
            )
            try await devices[0].wait(for: "the sweep", within: .seconds(3)) { $0.mentionEvents.count == 2 }
            #expect(devices[0].state.mentioned == [sent.id])
            try await eventually("nothing is left") {
                try await scene.stack.count("SELECT count(*) FROM pending_mentions WHERE message_id = '\(sent.id)'")
                    == 0 ? true : nil
            }
            #expect(devices[1].state.events(of: .user(cleo.id)).isEmpty)
        }

        @Test("T6: a retry of a message tells nobody again")
        func retried() async throws {
            let scene = try await Scene.make()
            let (owner, ben) = (scene.team.owner, scene.team.people[1])
            let device = try await ben.connect()
            let key = uniqueName("key-")
            let answers = try await concurrently(0..<20) { number in
                try await owner.send(
                    "@\(ben.username)", in: scene.channel, key: key, at: scene.stack.apiURLs[number % 2])
            }
            #expect(Set(answers.map(\.id)).count == 1)
            #expect(answers.allSatisfy { $0.mentions == [ben.id] })
            let marker = try await owner.send("@\(ben.username) again", in: scene.channel)
            try await device.wait(for: "both") { $0.mentioned == [answers[0].id, marker.id] }
            #expect(device.state.mentionEvents.count == 2)
        }

        @Test("One message mentions at most 50 people, the first it names")
        func limit() async throws {
            let scene = try await Scene.make()
            let names = (0..<60).map { "m\($0)_\(scene.channel.description.suffix(8))" }
            try await scene.stack.sql(
                """
                WITH people AS (
                    INSERT INTO users (id, email, username, display_name, password_hash)
                    SELECT gen_random_uuid(), name || '@example.org', name, name, '*' FROM unnest(ARRAY\(names)) AS name
                    RETURNING id
                ), places AS (
                    INSERT INTO workspace_members (workspace_id, user_id, role)
                    SELECT '\(scene.team.workspace)', id, 'member' FROM people
                ), members AS (
                    INSERT INTO channel_members (channel_id, user_id) SELECT '\(scene.channel)', id FROM people
                )
                INSERT INTO streams (kind, id) SELECT 'user', id FROM people
                """.replacing("\"", with: "'"))
            let sent = try await scene.team.owner.send(
                (["@not_there"] + names.map { "@\($0)" }).joined(separator: " "), in: scene.channel)
            let first = try await scene.stack.sql(
                "SELECT id FROM users WHERE username = ANY (ARRAY\(Array(names.prefix(50)))) ORDER BY id"
                    .replacing("\"", with: "'"))
            #expect(sent.mentions.map(\.description) == first)
            try await eventually("all fifty are told") {
                try await scene.stack.count(
                    "SELECT count(*) FROM events WHERE name = 'mention.created' AND object_id = '\(sent.id)'") == 50
                    ? true : nil
            }
        }

        @discardableResult
        private func edit(_ message: Message, _ text: String, _ scene: Scene) async throws -> Message {
            try await scene.team.owner.api.call(
                Endpoints.editMessage, path: [message.channelID, message.id], body: EditMessageRequest(content: text))
        }

        /// Three people; the first two have a channel of their own.
        private struct Scene: Sendable {
            let stack: Stack
            let team: Team
            let channel: ChannelID

            static func make() async throws -> Scene {
                let stack = try await Stack.shared()
                let team = try await Team.make(of: 3, on: stack)
                let channel = try await team.channel(.public, with: [team.people[1]])
                return Scene(stack: stack, team: team, channel: channel)
            }
        }
    }
}

extension GatewayClient.State {
    /// The events about mentions, in the order of arrival.
    fileprivate var mentionEvents: [Event] {
        events.map(\.event).filter { [.mentionCreated, .mentionRemoved].contains($0.name) }
    }
}
