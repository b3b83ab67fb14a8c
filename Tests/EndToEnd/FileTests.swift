import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import RoostClient
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Files")
    struct FileTests {
        // MARK: Upload and download

        @Test("A file is uploaded to one API and read from another, in whole and in parts")
        func readBack() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let bytes = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let file = try await team.owner.upload(bytes, name: "Grüße.bin", in: team.general)
            #expect(file.byteCount == 1_000_003)
            let path = "/api/v1/files/\(file.id)"
            for base in team.owner.stack.apiURLs + [team.owner.stack.url] {
                let whole = try await team.owner.api.at(base).get(path)
                #expect(whole.status == 200)
                #expect(Array(whole.body.readableBytesView) == bytes)
                #expect(whole.headers["Accept-Ranges"] == ["bytes"])
                #expect(whole.headers["X-Content-Type-Options"] == ["nosniff"])
                #expect(whole.headers["Content-Type"] == ["application/octet-stream"])
                #expect(
                    whole.headers["Content-Disposition"]
                        == ["attachment; filename=\"Gr__e.bin\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.bin"])
                let policy = whole.headers["Content-Security-Policy"].first ?? ""
                #expect(policy.contains("default-src 'none'") && policy.contains("sandbox"))
            }
            let tag = try #require(try await team.owner.api.get(path).headers["ETag"].first)
            let middle = try await team.owner.api.get(path, headers: ["Range": "bytes=500000-500009", "If-Range": tag])
            #expect(middle.status == 206)
            #expect(Array(middle.body.readableBytesView) == Array(bytes[500_000..<500_010]))
            #expect(middle.headers["Content-Range"] == ["bytes 500000-500009/1000003"])
            let end = try await team.owner.api.get(path, headers: ["Range": "bytes=-3"])
            #expect(Array(end.body.readableBytesView) == Array(bytes.suffix(3)))
            let changed = try await team.owner.api.get(path, headers: ["Range": "bytes=0-1", "If-Range": "\"x\""])
            #expect(changed.status == 200)
            #expect(changed.body.readableBytes == bytes.count)
            let past = try await team.owner.api.get(path, headers: ["Range": "bytes=1000003-"])
            #expect(past.status == 416)
            #expect(past.headers["Content-Range"] == ["bytes */1000003"])
            let known = try await team.owner.api.get(path, headers: ["If-None-Match": tag])
            #expect(known.status == 304)
            #expect(known.body.readableBytes == 0)
        }

        @Test("The same bytes may come again, and at once over two APIs; other bytes are refused")
        func repeated() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let stack = team.owner.stack
            let bytes = [UInt8](repeating: 5, count: 300_000)
            let upload = try await team.owner.reserve(bytes.count, in: team.general)
            let answers = try await concurrently(0..<6) { number in
                try await upload.put(bytes, at: stack.apiURLs[number % 2])
            }
            #expect(answers.map(\.status) == [200, 200, 200, 200, 200, 200])
            #expect(Set(answers.map(\.text)).count == 1)
            let other = try await upload.put([UInt8](repeating: 6, count: 300_000), at: stack.url)
            #expect(other.status == 409)
            let read = try await team.owner.api.get("/api/v1/files/\(upload.file.id)")
            #expect(Array(read.body.readableBytesView) == bytes)
            #expect(try stack.storedNames(of: upload.file.id).count == 1)
        }

        @Test("A body that is too short, too long or cut off leaves nothing, and the upload may be repeated")
        func wrongBodies() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let stack = team.owner.stack
            let upload = try await team.owner.reserve(100_000, in: team.general)
            let short = try await upload.put([UInt8](repeating: 1, count: 99_999), at: stack.url)
            #expect(short.status == 400)
            #expect(try short.problem().code == .malformedRequest)
            let long = try await upload.put([UInt8](repeating: 1, count: 100_001), at: stack.url)
            #expect(long.status == 413)
            #expect(try long.problem().code == .bodyTooLarge)
            // In chunks nothing says beforehand how much will come.
            for (count, status) in [(99_999, 400), (100_001, 413)] {
                #expect(try await upload.putInChunks(count, at: stack.apiURLs[0]) == status)
            }
            try await upload.putAndCut(after: 60_000, at: stack.apiURLs[0])
            try await eventually("nothing is left") { try stack.storedNames(of: upload.file.id).isEmpty ? true : nil }
            #expect(
                try !stack.log(of: "api-0").contains("\(upload.file.id)"),
                "what a client does wrong is no error of ours")
            let missing = try await team.owner.api.get("/api/v1/files/\(upload.file.id)")
            #expect(missing.status == 404)
            #expect(try await upload.put([UInt8](repeating: 1, count: 100_000), at: stack.url).status == 200)
        }

        @Test("A link to upload that has ended, was changed or lacks something is refused")
        func uploadLinks() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let stack = team.owner.stack
            let upload = try await team.owner.reserve(3, in: team.general)
            let other = try await team.owner.reserve(3, in: team.general)
            let path = upload.uploadURL
            let forged = [
                path.replacing("\(upload.file.id)", with: "\(other.file.id)"),
                path.replacing("bytes=3", with: "bytes=4"),
                path.replacing("expires=", with: "expires=9"), path.replacing("expires=", with: "expires=-"),
                String(path.dropLast(2)), path + "x",
            ]
            for path in forged {
                let answer = try await upload.put([1, 2, 3], at: stack.url, path: path)
                #expect(answer.status == 403, "\(path)")
                #expect(try answer.problem().code == .forbidden)
            }
            let bare = try await upload.put(
                [1, 2, 3], at: stack.url, path: path.split(separator: "?").map(String.init)[0])
            #expect(bare.status == 400)
            let text = try await APIClient(base: stack.url).send(
                method: "PUT", path, body: [1, 2, 3], headers: ["Content-Type": "text/plain"])
            #expect(text.status == 415)
            #expect(try stack.storedNames(of: upload.file.id).isEmpty)
            #expect(try await upload.put([1, 2, 3], at: stack.url).status == 200)
        }

        @Test("The client library uploads a file, and sends it with a message")
        func clientLibrary() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            let owner = team.owner
            let addresses = try owner.stack.apiURLs.map { try #require(ServerAddress($0)) }
            let api = try await RoostAPI.signIn(at: addresses, login: owner.username, password: owner.password)
            let bytes = ByteBuffer(bytes: (0..<300_000).map { UInt8(truncatingIfNeeded: $0) })
            let file = try await api.upload(bytes, name: "log.txt", mediaType: "text/plain", to: team.general)
            let sent = try await api.call(
                Endpoints.sendMessage, path: [team.general],
                body: SendMessageRequest(content: "", idempotencyKey: uniqueName("key-"), attachments: [file.id]))
            #expect(sent.attachments == [file])
            #expect(try await owner.api.get("/api/v1/files/\(file.id)").body == bytes)
        }

        // MARK: Room

        @Test("A file that is too large, and one past the quota of its workspace, are refused before a byte is sent")
        func quota() async throws {
            let stack = try await Stack.shared()
            let small = try await stack.startAPI([
                "ROOST_FILE_MEGABYTES": "2", "ROOST_WORKSPACE_FILES_MEGABYTES": "3",
            ])
            defer { small.stop() }
            let team = try await Team.make(of: 1, on: stack)
            @Sendable func create(_ count: Int64) async throws -> APIClient.RawAnswer {
                try await team.owner.api.at(small.url).callRaw(
                    Endpoints.createFile, path: [team.general],
                    body: CreateFileRequest(name: "x", mediaType: "image/png", byteCount: count))
            }
            #expect(try await create(2_000_001).problem().code == .bodyTooLarge)
            // Two at once: only one has room.
            let answers = try await concurrently(0..<2) { _ in try await create(2_000_000) }
            #expect(answers.map(\.status).sorted() == [201, 409])
            let refused = try #require(answers.first { $0.status == 409 })
            #expect(try refused.problem().code == .quotaExceeded)
            #expect(try await create(1_000_000).status == 201)
            #expect(try await create(1).status == 409)
            // Another workspace has a quota of its own.
            let others = try await Team.make(of: 1, on: stack)
            let elsewhere = try await others.owner.api.at(small.url).callRaw(
                Endpoints.createFile, path: [others.general],
                body: CreateFileRequest(name: "x", mediaType: "image/png", byteCount: 2_000_000))
            #expect(elsewhere.status == 201)
        }

        @Test(
            "A disk without room answers 507 with its code, keeps nothing, and the same upload works when there is room"
        )
        func fullDisk() async throws {
            let stack = try await Stack.shared()
            let full = try await stack.startAPI(["ROOST_FREE_DISK_MEGABYTES": "900000000"])
            defer { full.stop() }
            let team = try await Team.make(of: 1, on: stack)
            let upload = try await team.owner.reserve(4, in: team.general)
            let refused = try await upload.put([1, 2, 3, 4], at: full.url)
            #expect(refused.status == 507)
            #expect(try refused.problem().code == .storageFull)
            try await eventually("nothing is left") { try stack.storedNames(of: upload.file.id).isEmpty ? true : nil }
            #expect(try await upload.put([1, 2, 3, 4], at: stack.url).status == 200)
        }

        @Test("Files that are in no message have a bound a person")
        func unsentFiles() async throws {
            let team = try await Team.make(of: 2, on: try await Stack.shared())
            for _ in 0..<Limits.unsentFilesPerUser { _ = try await team.owner.reserve(1, in: team.general) }
            let answer = try await team.owner.api.callRaw(
                Endpoints.createFile, path: [team.general],
                body: CreateFileRequest(name: "x", mediaType: "image/png", byteCount: 1))
            #expect(answer.status == 409)
            #expect(try answer.problem().code == .conflict)
            _ = try await team.people[1].reserve(1, in: team.general)
        }

        // MARK: Access

        @Test("C10: who may not see a channel may not read its files, by token or by link, also if they could before")
        func access() async throws {
            let team = try await Team.make(of: 3, on: try await Stack.shared())
            let (owner, member, outsider) = (team.owner, team.people[1], team.people[2])
            let secret = try await team.channel(.private, with: [member])
            let file = try await owner.upload([1, 2, 3], name: "a.png", mediaType: "image/png", in: secret)
            let path = "/api/v1/files/\(file.id)"
            // Nobody but its uploader sees what is not sent.
            #expect(try await owner.api.get(path).status == 200)
            #expect(try await member.api.get(path).status == 404)
            #expect(try await member.links([file.id], in: secret).isEmpty)
            try await owner.send(attaching: [file.id], in: secret)
            #expect(try await member.api.get(path).status == 200)
            #expect(try await outsider.api.get(path).status == 404)
            let refused = try await outsider.api.callRaw(
                Endpoints.createFile, path: [secret],
                body: CreateFileRequest(name: "x", mediaType: "image/png", byteCount: 1))
            #expect(refused.status == 404)

            let link = try #require(try await member.links([file.id], in: secret).first)
            let stranger = APIClient(base: owner.stack.url)
            let shown = try await stranger.get(link.url)
            #expect(shown.status == 200)
            #expect(Array(shown.body.readableBytesView) == [1, 2, 3])
            #expect(shown.headers["Content-Type"] == ["image/png"])
            #expect(shown.headers["Content-Disposition"].first?.hasPrefix("inline;") == true)
            // By another's name, for another file or for longer it does not hold.
            for forged in [
                link.url.replacing("\(member.id)", with: "\(owner.id)"),
                link.url.replacing("\(file.id)", with: "\(FileID.example)"),
                link.url.replacing("expires=", with: "expires=9"), link.url + "x",
            ] {
                #expect(try await stranger.get(forged).status == 403, "\(forged)")
            }
            // Files of another channel get no link here.
            #expect(try await owner.links([file.id], in: team.general).isEmpty)

            try await owner.api.call(Endpoints.removeChannelMember, path: [secret, member.id])
            #expect(try await stranger.get(link.url).status == 404)
            #expect(try await member.api.get(path).status == 404)
        }

        @Test("What could run in a browser is downloaded as bytes, whatever its uploader says it is")
        func unsafeTypes() async throws {
            let team = try await Team.make(of: 1, on: try await Stack.shared())
            for type in ["text/html", "image/svg+xml", "text/javascript"] {
                let file = try await team.owner.upload(
                    Array("<script>alert(1)</script>".utf8), name: "x.html", mediaType: type, in: team.general)
                let link = try #require(try await team.owner.links([file.id], in: team.general).first)
                let answer = try await APIClient(base: team.owner.stack.url).get(link.url)
                #expect(answer.headers["Content-Type"] == ["application/octet-stream"])
                #expect(answer.headers["Content-Disposition"].first?.hasPrefix("attachment;") == true)
                #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"])
                #expect(answer.headers["Cross-Origin-Resource-Policy"] == ["same-origin"])
            }
        }
    }
}
