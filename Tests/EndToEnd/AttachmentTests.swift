import Contracts
import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Attachments of messages")
    struct AttachmentTests {
        @Test("Attachments come with the answer, the event, the page and the replay, in their order")
        func everywhere() async throws {
            let team = try await Team.make(of: 2, on: try await Stack.shared())
            let reader = try await team.people[1].connect()
            var files: [Contracts.Attachment] = []
            for (name, width) in [("b.png", 40 as Int?), ("a.png", nil), ("c.webm", 60)] {
                files.append(
                    try await team.owner.upload(
                        [1, 2, 3], name: name, mediaType: "image/png", width: width, in: team.general))
            }
            #expect(files.map(\.width) == [40, nil, 60])
            let sent = try await team.owner.send("look", attaching: files.map(\.id), in: team.general)
            #expect(sent.attachments == files)
            try await reader.wait(for: .channel(team.general), at: sent.seq)
            #expect(reader.state.message(sent.id) == sent)
            let page = try await team.people[1].api.call(Endpoints.listMessages, path: [team.general])
            #expect(page.messages == [sent])

            // An edit keeps them, and a replay from PostgreSQL has them as the events had.
            let edited = try await team.owner.api.call(
                Endpoints.editMessage, path: [team.general, sent.id], body: EditMessageRequest(content: "look here"))
            #expect(edited.attachments == files)
            try await reader.wait(for: .channel(team.general), at: edited.version)
            let replayed = try await team.owner.stack.replay(
                of: team.people[1].id, after: Cursor(stream: .channel(team.general), seq: sent.seq - 1))
            #expect(replayed == [.messageCreated(edited), .messageEdited(edited)])
        }

        @Test("A message with attachments may have no text; without either it is refused")
        func withoutText() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let file = try await team.owner.upload([1], name: "a.png", in: team.general)
            let sent = try await team.owner.send(" \n", attaching: [file.id], in: team.general)
            #expect(sent.content == "")
            let empty = try await team.owner.api.callRaw(
                Endpoints.sendMessage, path: [team.general],
                body: SendMessageRequest(content: "", idempotencyKey: uniqueName("key-"), attachments: []))
            #expect(empty.status == 422)
            #expect(try empty.problem().field == "content")
        }

        @Test("O11: a send with attachments is idempotent: retries over two APIs are one message with its files")
        func idempotent() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let stack = team.owner.stack
            let file = try await team.owner.upload([1], name: "a.png", in: team.general)
            let request = SendMessageRequest(content: "", idempotencyKey: uniqueName("key-"), attachments: [file.id])
            let answers = try await concurrently(0..<20) { number in
                try await team.owner.api.at(stack.apiURLs[number % 2]).callRaw(
                    Endpoints.sendMessage, path: [team.general], body: request)
            }
            #expect(answers.filter { $0.status == 201 }.count == 1)
            #expect(answers.filter { $0.status == 200 }.count == 19)
            #expect(Set(answers.map(\.text)).count == 1)
            #expect(try answers[0].decode(Message.self).attachments?.map(\.id) == [file.id])
            #expect(try await team.owner.api.call(Endpoints.listMessages, path: [team.general]).messages.count == 1)
        }

        @Test("Only one's own complete uploads to this channel that no message has are attached, each once")
        func refused() async throws {
            let team = try await Team.make(of: 2, on: try await Stack.shared())
            let other = try await team.channel(.public)
            let mine = try await team.owner.upload([1], name: "a.png", in: team.general)
            let theirs = try await team.people[1].upload([1], name: "b.png", in: team.general)
            let elsewhere = try await team.owner.upload([1], name: "c.png", in: other)
            let pending = try await team.owner.reserve(1, in: team.general).file
            let taken = try await team.owner.upload([1], name: "d.png", in: team.general)
            try await team.owner.send(attaching: [taken.id], in: team.general)
            let many = (0..<Limits.attachmentsPerMessage + 1).map { FileID(high: 1, low: UInt64($0)) }
            for attachments in [
                [mine.id, theirs.id], [mine.id, elsewhere.id], [mine.id, pending.id], [mine.id, taken.id],
                [mine.id, .example], [mine.id, mine.id], many,
            ] {
                let answer = try await team.owner.api.callRaw(
                    Endpoints.sendMessage, path: [team.general],
                    body: SendMessageRequest(
                        content: "text", idempotencyKey: uniqueName("key-"), attachments: attachments))
                #expect(answer.status == 422)
                #expect(try answer.problem().field == "attachments")
            }
            // Nothing of it was stored, and the good file is still there to be sent, by one of two who try at once.
            #expect(try await team.owner.api.call(Endpoints.listMessages, path: [team.general]).messages.count == 1)
            let answers = try await concurrently(0..<4) { number in
                try await team.owner.api.at(team.owner.stack.apiURLs[number % 2]).callRaw(
                    Endpoints.sendMessage, path: [team.general],
                    body: SendMessageRequest(content: "", idempotencyKey: uniqueName("key-"), attachments: [mine.id]))
            }
            #expect(answers.map(\.status).sorted() == [201, 422, 422, 422])
            // In a channel that one is not in it is the channel that is refused.
            let stranger = try await TestUser.register(on: team.owner.stack)
            let outside = try await stranger.api.callRaw(
                Endpoints.sendMessage, path: [team.general],
                body: SendMessageRequest(content: "", idempotencyKey: uniqueName("key-"), attachments: [mine.id]))
            #expect(outside.status == 404)
        }

        @Test("Deleting a message takes its files away: from readers at once, from the disk soon after")
        func deletion() async throws {
            let team = try await Team.make(of: 2, on: try await Stack.shared())
            let stack = team.owner.stack
            let file = try await team.owner.upload([1, 2], name: "a.png", in: team.general)
            let sent = try await team.owner.send(attaching: [file.id], in: team.general)
            let link = try #require(try await team.people[1].links([file.id], in: team.general).first)
            #expect(try await APIClient(base: stack.url).get(link.url).status == 200)
            try await team.owner.api.call(Endpoints.deleteMessage, path: [team.general, sent.id])
            #expect(try await APIClient(base: stack.url).get(link.url).status == 404)
            #expect(try await team.owner.api.get("/api/v1/files/\(file.id)").status == 404)
            // An API that starts sweeps at once.
            let sweeper = try await stack.startAPI()
            defer { sweeper.stop() }
            try await eventually("the bytes are gone", within: .seconds(10)) {
                try stack.storedNames(of: file.id).isEmpty ? true : nil
            }
            try await eventually("the row is gone") {
                try await stack.count("SELECT count(*) FROM files WHERE id = '\(file.id)'") == 0 ? true : nil
            }
        }

        @Test("Files that no message has after a day are removed, complete or not; the others stay")
        func sweep() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let stack = team.owner.stack
            let old = try await team.owner.upload([1], name: "old.png", in: team.general)
            let pending = try await team.owner.reserve(1, in: team.general).file
            let sent = try await team.owner.upload([1], name: "sent.png", in: team.general)
            try await team.owner.send(attaching: [sent.id], in: team.general)
            let fresh = try await team.owner.upload([1], name: "fresh.png", in: team.general)
            try await stack.sql(
                """
                UPDATE files SET created_at = now() - interval '25 hours'
                WHERE id IN ('\(old.id)', '\(pending.id)', '\(sent.id)')
                """)
            let sweeper = try await stack.startAPI()
            defer { sweeper.stop() }
            try await eventually("the old ones are gone", within: .seconds(10)) {
                try await stack.count("SELECT count(*) FROM files WHERE id IN ('\(old.id)', '\(pending.id)')") == 0
                    ? true : nil
            }
            #expect(try stack.storedNames(of: old.id).isEmpty)
            for kept in [sent, fresh] {
                #expect(try await team.owner.api.get("/api/v1/files/\(kept.id)").status == 200, "\(kept.name)")
            }
        }
    }
}
