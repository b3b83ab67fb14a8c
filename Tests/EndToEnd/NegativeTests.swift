import Contracts
import Foundation
import NIOHTTP1
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("What every endpoint refuses")
    struct NegativeTests {
        /// A body that each endpoint accepts, with the fields it must have and no others.
        static let bodies: [String: [String: Field]] = [
            "register": ["email": "someone@example.org", "username": "someone_new", "password": "correct horse"],
            "logIn": ["login": "nobody", "password": "correct horse"],
            "refresh": [:],
            "updateMe": ["displayName": "Ada"],
            "createWorkspace": ["name": "Team"],
            "createChannel": ["name": "plans"],
            "openDirectChannel": ["userID": .text(UserID.example.description)],
            "updateChannel": [:],
            "addChannelMember": ["userID": .text(UserID.example.description)],
            "sendMessage": ["content": "hello", "idempotencyKey": "key-of-a-test"],
            "createFile": ["name": "notes.txt", "mediaType": "text/plain", "byteCount": 5],
            "createFileLinks": ["fileIDs": .texts([FileID.example.description])],
            "editMessage": ["content": "hello"],
            "markRead": ["seq": 1],
            "markUnread": ["seq": 1],
            "moderateCall": ["userID": .text(UserID.example.description), "action": "lowerHand"],
            "removeFromCall": ["userID": .text(UserID.example.description)],
        ]

        /// The value of a field.
        enum Field: Encodable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
            case text(String)
            case number(Int64)
            case texts([String])

            init(stringLiteral value: String) { self = .text(value) }
            init(integerLiteral value: Int64) { self = .number(value) }

            func encode(to encoder: any Encoder) throws {
                switch self {
                case .text(let text): try text.encode(to: encoder)
                case .number(let number): try number.encode(to: encoder)
                case .texts(let texts): try texts.encode(to: encoder)
                }
            }
        }

        /// The same for fields that are numbers.
        static let unacceptableNumbers: [(endpoint: String, field: String, value: Int64)] = [
            ("createFile", "byteCount", 0), ("createFile", "byteCount", -1), ("createFile", "width", 0),
            ("createFile", "height", 100_001), ("createFile", "durationMilliseconds", -1),
            ("markRead", "seq", -1), ("markRead", "seq", .min), ("markUnread", "seq", 0), ("markUnread", "seq", -1),
        ]

        /// A value of each field that is refused, and where it belongs.
        static let unacceptable: [(endpoint: String, field: String, value: String)] = [
            ("register", "email", "no address"),
            ("register", "email", String(repeating: "a", count: 250) + "@example.org"),
            ("register", "username", "ab"),
            ("register", "username", String(repeating: "a", count: 21)),
            ("register", "username", "white space"),
            ("register", "username", "nul\u{0}name"),
            ("register", "username", "all"),
            ("register", "username", "Here"),
            ("register", "username", "channel"),
            ("register", "username", "EVERYONE"),
            ("register", "password", "short"),
            ("register", "password", String(repeating: "p", count: 129)),
            ("register", "password", "correct\u{0}horse"),
            ("register", "displayName", String(repeating: "d", count: 65)),
            ("updateMe", "displayName", ""),
            ("updateMe", "displayName", "two\nlines"),
            ("updateMe", "displayName", "nul\u{0}name"),
            ("updateMe", "displayName", String(repeating: "d", count: 65)),
            ("createWorkspace", "name", " "),
            ("createWorkspace", "name", String(repeating: "w", count: 65)),
            ("createWorkspace", "name", "nul\u{0}name"),
            ("createChannel", "name", String(repeating: "c", count: 65)),
            ("createChannel", "name", "nul\u{0}name"),
            ("createChannel", "topic", String(repeating: "t", count: 251)),
            ("createChannel", "kind", "direct"),
            ("moderateCall", "source", "camera"),
            ("updateChannel", "name", ""),
            ("updateChannel", "topic", String(repeating: "t", count: 251)),
            ("sendMessage", "content", ""),
            ("sendMessage", "content", " \n\t "),
            ("sendMessage", "content", "nul\u{0}"),
            ("sendMessage", "content", String(repeating: "m", count: 16_001)),
            ("sendMessage", "idempotencyKey", "short"),
            ("sendMessage", "idempotencyKey", String(repeating: "k", count: 65)),
            ("sendMessage", "idempotencyKey", "'; DROP TABLE messages; --"),
            ("createFile", "name", ""),
            ("createFile", "name", "folder/.."),
            ("createFile", "name", ".."),
            ("createFile", "name", "two\nlines"),
            ("createFile", "name", String(repeating: "n", count: 201)),
            ("createFile", "mediaType", "text"),
            ("createFile", "mediaType", "text/html\r\nX: y"),
            ("createFile", "mediaType", "text/" + String(repeating: "x", count: 64)),
            ("editMessage", "content", String(repeating: "m", count: 16_001)),
            ("editMessage", "content", ""),
        ]

        /// One team with a private channel, a message and an invite; an outsider; and what each path parameter can be.
        struct Scene: Sendable {
            let team: Team
            let secret: ChannelID
            let message: Message
            let stranger: TestUser
            let values: [String: String]

            static func make() async throws -> Scene {
                let stack = try await Stack.shared()
                let team = try await Team.make(of: 2, on: stack)
                let secret = try await team.channel(.private)
                let message = try await team.owner.send("a secret", in: secret)
                let invite = try await team.owner.api.call(Endpoints.createInvite, path: [team.workspace])
                return Scene(
                    team: team, secret: secret, message: message, stranger: try await TestUser.register(on: stack),
                    values: [
                        "workspaceID": team.workspace.description, "channelID": secret.description,
                        "messageID": message.id.description, "code": invite.code,
                        "userID": team.owner.id.description, "sessionID": team.owner.signedIn.sessionID.description,
                        "participantID": RequestID.fresh().description, "ringID": RequestID.fresh().description,
                        "fileID": RequestID.fresh().description, "name": "notes.txt",
                    ])
            }

            /// The endpoint's path for the scene's objects, or for others by parameter.
            func path(_ endpoint: EndpointDescription, _ others: [String: String] = [:]) -> String {
                let all = values.merging(others) { $1 }
                return APIClient.path(of: endpoint, endpoint.pathParameters.map { all[$0, default: "?"] })
            }
        }

        private func json(_ fields: [String: Field]) throws -> [UInt8] { try WireJSON.encode(fields) }

        private func body(_ endpoint: EndpointDescription) throws -> [UInt8]? {
            guard endpoint.body != nil else { return nil }
            return try json(try #require(Self.bodies[endpoint.name], "no sample body for \(endpoint.name)"))
        }

        /// Sends what an endpoint accepts: JSON, or text of its own media type.
        private func send(
            _ endpoint: EndpointDescription, to path: String, by api: APIClient
        ) async throws -> APIClient.RawAnswer {
            guard let mediaType = endpoint.takes else {
                return try await api.send(endpoint.method, path, json: try body(endpoint))
            }
            return try await api.send(
                method: endpoint.method.rawValue, path, body: Array("v=0\r\na=ice-ufrag:abcd\r\n".utf8),
                headers: ["Content-Type": mediaType, "If-Match": "*"])
        }

        @Test("S1: every endpoint of the contract has a route on every API, and its own method")
        func routes() async throws {
            let scene = try await Scene.make()
            for base in scene.team.owner.stack.apiURLs {
                for endpoint in Endpoints.all {
                    let answer = try await APIClient(base: base).send(
                        endpoint.method, scene.path(endpoint), json: try body(endpoint).map { _ in Array("{".utf8) })
                    #expect(answer.status == (endpoint.isPublic ? 400 : 401), "\(endpoint.name)")
                }
            }
            let unknown = try await scene.stranger.api.get("/api/v1/nothing")
            #expect(unknown.status == 404)
            #expect(try unknown.problem().code == .notFound)
        }

        @Test("C10 T15: without a good token every endpoint answers 401 and says why")
        func tokens() async throws {
            let scene = try await Scene.make()
            let (owner, stack) = (scene.team.owner, scene.team.owner.stack)
            let expired = try await stack.sign(claims(of: owner, expiresIn: .seconds(-5)))
            let foreign = try await stack.sign(claims(of: owner, audience: "elsewhere"))
            let headers: [(String?, ErrorCode)] = [
                (nil, .unauthenticated), ("Bearer \(expired)", .tokenExpired), ("Bearer \(foreign)", .unauthenticated),
                ("Bearer garbage", .unauthenticated), ("Bearer ", .unauthenticated),
                ("Basic \(owner.token)", .unauthenticated), (owner.token, .unauthenticated),
            ]
            for endpoint in Endpoints.all where !endpoint.isPublic {
                for (header, code) in headers {
                    let answer = try await APIClient(base: stack.url).send(
                        endpoint.method, scene.path(endpoint), json: try body(endpoint),
                        headers: header.map { ["Authorization": $0] } ?? [:])
                    #expect(answer.status == 401, "\(endpoint.name) with \(header ?? "nothing")")
                    #expect(try answer.problem().code == code, "\(endpoint.name) with \(header ?? "nothing")")
                    #expect(answer.headers["WWW-Authenticate"] == ["Bearer"])
                    #expect(answer.headers["Content-Type"] == ["application/problem+json"])
                }
            }
            // None of it had an effect.
            #expect(try await owner.api.call(Endpoints.listMessages, path: [scene.secret]).messages == [scene.message])
        }

        @Test("C10: a token is looked at before a body: a stranger learns nothing from a malformed one")
        func tokenBeforeBody() async throws {
            let scene = try await Scene.make()
            for endpoint in Endpoints.all where !endpoint.isPublic && endpoint.body != nil {
                let answer = try await APIClient(base: scene.stranger.stack.url, token: "garbage").send(
                    endpoint.method, scene.path(endpoint), json: Array("{".utf8))
                #expect(answer.status == 401, "\(endpoint.name)")
            }
        }

        @Test(
            "C10 T15: every body that is malformed, of another type, too large or incomplete is refused with its reason"
        )
        func bodies() async throws {
            let scene = try await Scene.make()
            let api = scene.team.owner.api
            let large =
                Array(#"{"x":""#.utf8) + [UInt8](repeating: 0x61, count: Limits.bodyByteCount) + Array(#""}"#.utf8)
            for endpoint in Endpoints.all where endpoint.body != nil {
                let path = scene.path(endpoint)
                for malformed in ["", "{", "[]", "null", "\"text\"", #"{"a":}"#] {
                    let answer = try await api.send(endpoint.method, path, json: Array(malformed.utf8))
                    #expect(answer.status == 400, "\(endpoint.name): \(malformed)")
                    #expect(try answer.problem().code == .malformedRequest)
                }
                let text = try await api.send(
                    endpoint.method, path, json: try body(endpoint), headers: ["Content-Type": "text/plain"])
                #expect(text.status == 415, "\(endpoint.name)")
                #expect(try text.problem().code == .unsupportedMediaType)
                let oversize = try await api.send(endpoint.method, path, json: large)
                #expect(oversize.status == 413, "\(endpoint.name)")
                #expect(try oversize.problem().code == .bodyTooLarge)
                let fields = Self.bodies[endpoint.name, default: [:]]
                for field in fields.keys {
                    let missing = try await api.send(
                        endpoint.method, path, json: try json(fields.filter { $0.key != field }))
                    #expect(missing.status == 400, "\(endpoint.name) without \(field)")
                    #expect(try missing.problem().field == field, "\(endpoint.name) without \(field)")
                    let wrong = try await api.send(endpoint.method, path, json: Array(#"{"\#(field)":[7]}"#.utf8))
                    #expect(wrong.status == 400, "\(endpoint.name) with \(field) as a list")
                }
            }
        }

        @Test("T15 T12: every field has its limits, and the answer names the field")
        func fields() async throws {
            let scene = try await Scene.make()
            let unacceptable =
                Self.unacceptable.map { ($0, $1, Field.text($2)) }
                + Self.unacceptableNumbers.map { ($0, $1, .number($2)) }
            for (name, field, value) in unacceptable {
                let endpoint = try #require(Endpoints.all.first { $0.name == name })
                var fields = Self.bodies[name, default: [:]]
                fields[field] = value
                let answer = try await scene.team.owner.api.send(
                    endpoint.method, scene.path(endpoint), json: try json(fields))
                #expect(answer.status == 422, "\(name).\(field): \("\(value)".prefix(30))")
                #expect(try answer.problem().code == .validationFailed)
                #expect(try answer.problem().field == field, "\(name).\(field): \("\(value)".prefix(30))")
            }
            for (query, field) in [
                "limit=0": "limit", "limit=x": "limit", "limit=201": "limit", "after=%00": "after",
                "before=m": "before",
            ] {
                let answer = try await scene.team.owner.api.get("/api/v1/channels/\(scene.secret)/messages?\(query)")
                #expect(answer.status == 422, "\(query)")
                #expect(try answer.problem().field == field, "\(query)")
            }
        }

        @Test("C10: what one may not see answers exactly like what does not exist, on every endpoint")
        func indistinguishable() async throws {
            let scene = try await Scene.make()
            let member = scene.team.people[1]
            let cases: [(TestUser, String, String)] = [
                (scene.stranger, "workspaceID", "another workspace"),
                (scene.stranger, "channelID", "another's channel"),
                (scene.stranger, "sessionID", "another's session"), (member, "channelID", "a private channel"),
            ]
            for (person, parameter, what) in cases {
                for endpoint in Endpoints.all where endpoint.pathParameters.contains(parameter) {
                    let answers = try await [[:], [parameter: RequestID.fresh().description]].asyncMap { others in
                        try await send(endpoint, to: scene.path(endpoint, others), by: person.api)
                    }
                    #expect(answers[0].status == 404, "\(endpoint.name) of \(what)")
                    #expect(try answers.map { try $0.problem().code } == [.notFound, .notFound])
                    let texts = try answers.map { answer in
                        answer.text.replacing(try answer.problem().requestID ?? "?", with: "")
                    }
                    #expect(texts[0] == texts[1], "\(endpoint.name) of \(what)")
                    #expect(answers[0].headers.map(\.name) == answers[1].headers.map(\.name))
                }
            }
            // An id that is none names nothing either.
            for endpoint in Endpoints.all where !endpoint.pathParameters.isEmpty && !endpoint.isPublic {
                let others = Dictionary(uniqueKeysWithValues: endpoint.pathParameters.map { ($0, "1%27%20OR%201=1--") })
                let answer = try await send(endpoint, to: scene.path(endpoint, others), by: scene.stranger.api)
                #expect(answer.status == 404, "\(endpoint.name)")
            }
            let page = try await scene.team.owner.api.call(Endpoints.listMessages, path: [scene.secret])
            #expect(page.messages == [scene.message])
        }

        @Test("C10 O6: only members send, and only its author changes a message")
        func forbidden() async throws {
            let scene = try await Scene.make()
            let (team, member) = (scene.team, scene.team.people[1])
            let open = try await team.channel(.public)
            let message = try await team.owner.send("mine", in: team.general)
            let unjoined = try await team.owner.send("theirs", in: open)
            let text = EditMessageRequest(content: "changed")
            let send = SendMessageRequest(content: "hello", idempotencyKey: uniqueName("key-"))
            let answers = [
                try await member.api.callRaw(Endpoints.editMessage, path: [team.general, message.id], body: text),
                try await member.api.callRaw(Endpoints.deleteMessage, path: [team.general, message.id], body: Empty()),
                try await member.api.callRaw(Endpoints.sendMessage, path: [open], body: send),
                try await member.api.callRaw(Endpoints.editMessage, path: [open, unjoined.id], body: text),
                try await member.api.callRaw(Endpoints.deleteMessage, path: [open, unjoined.id], body: Empty()),
                try await member.api.callRaw(
                    Endpoints.updateChannel, path: [open], body: UpdateChannelRequest(topic: "t")),
                try await member.api.callRaw(
                    Endpoints.addChannelMember, path: [open], body: AddChannelMemberRequest(userID: member.id)),
            ]
            for answer in answers {
                #expect(answer.status == 403)
                #expect(try answer.problem().code == .forbidden)
            }
            // Who is not there has left: a second request after a lost answer is no fault.
            try await member.api.call(Endpoints.leaveChannel, path: [open])
            // A message under another channel than its own is none, even for its author.
            let elsewhere = try await team.owner.api.callRaw(
                Endpoints.editMessage, path: [open, message.id], body: text)
            #expect(elsewhere.status == 404)
            #expect(try await member.api.call(Endpoints.listMessages, path: [team.general]).messages == [message])
            #expect(try await member.api.call(Endpoints.listMessages, path: [open]).messages == [unjoined])
        }

        @Test(
            "T15: text that looks like SQL, HTML or a template is stored as it is",
            arguments: [
                "'; DROP TABLE messages; --", "Robert'); DELETE FROM users; --", "$1 ${x} %s {0} \\x00 \\u0000",
                "<script>alert(1)</script>", "\u{202E}right to left", "👩‍👩‍👧 é ﷽ 漢字", "{\"json\": [1, null]}",
            ])
        func verbatim(text: String) async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let api = team.owner.api
            let device = try await team.owner.connect()
            let sent = try await team.owner.send(text, in: team.general)
            #expect(sent.content == text)
            #expect(
                try await api.call(Endpoints.updateMe, body: UpdateProfileRequest(displayName: text)).displayName
                    == text)
            let channel = try await api.call(
                Endpoints.createChannel, path: [team.workspace], body: CreateChannelRequest(name: text, topic: text))
            #expect([channel.name, channel.topic] == [text, text])
            #expect(try await api.call(Endpoints.listMessages, path: [team.general]).messages == [sent])
            try await device.wait(for: "the message") { $0.messages(in: team.general) == [text] }
            let hex = try await stack.sql(
                "SELECT encode(convert_to(content, 'UTF8'), 'hex') FROM messages WHERE id = '\(sent.id)'")
            #expect(hex == [text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()])
        }
    }
}

extension Sequence {
    /// `map` with a function that waits, one after the other.
    func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
