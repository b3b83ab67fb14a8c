import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Access that changes")
    struct AccessChangeTests {
        @Test("O4: whoever is removed from a channel hears nothing more of it within a second, on every gateway")
        func removedFromChannel() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (ben, cleo) = (team.people[1], team.people[2])
            let channel = try await team.channel(.private, with: [ben, cleo])
            let devices = try await concurrently(stack.gatewayURLs.prefix(2)) { try await ben.connect(to: $0) }
            let watcher = try await cleo.connect(to: stack.gatewayURLs[2])
            try await team.owner.api.call(Endpoints.removeChannelMember, path: [channel, ben.id])
            for device in devices {
                _ = try await device.event("the removal", within: .seconds(1)) {
                    $0.event == .channelLeft(ChannelLeft(channelID: channel))
                }
            }
            _ = try await watcher.event("who is gone", within: .seconds(1)) {
                $0.event == .channelMemberLeft(ChannelMemberLeft(userID: ben.id)) && $0.stream == .channel(channel)
            }
            let late = try await team.owner.send("not for Ben", in: channel)
            try await watcher.wait(for: .channel(channel), at: late.seq)
            let marker = try await team.owner.send("@\(ben.username)", in: team.general)
            for device in devices {
                try await device.wait(for: .channel(team.general), at: marker.seq)
                #expect(device.state.messages(in: channel).isEmpty)
                #expect(device.state.violations.isEmpty)
            }
            #expect(try await ben.status(Endpoints.listMessages, [channel]) == 404)
            #expect(try await ben.status(Endpoints.readUnread, [channel]) == 404)
            #expect(try await ben.api.call(Endpoints.bootstrap).unread.map(\.channelID) == [team.general])
        }

        @Test("O4: whoever is removed from a workspace loses all of it within a second, on every gateway")
        func removedFromWorkspace() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (ben, cleo) = (team.people[1], team.people[2])
            let open = try await team.channel(.public, with: [ben])
            let direct = try await cleo.direct(with: ben, in: team)
            let elsewhere = try await Team.make(of: 1, on: stack)
            let invite = try await elsewhere.owner.api.call(Endpoints.createInvite, path: [elsewhere.workspace])
            try await ben.api.call(Endpoints.acceptInvite, path: [invite.code])

            let devices = try await concurrently(stack.gatewayURLs.prefix(2)) { try await ben.connect(to: $0) }
            let away = try await ben.connect()
            await away.close()
            let watchers = try await concurrently([team.owner, cleo]) { try await $0.connect() }
            try await team.owner.api.call(Endpoints.removeWorkspaceMember, path: [team.workspace, ben.id])
            for device in devices {
                try await device.wait(for: "all of it", within: .seconds(1)) { state in
                    state.events.last?.event == .workspaceLeft(WorkspaceLeft(workspaceID: team.workspace))
                }
                let left = device.state.events(of: .user(ben.id)).compactMap { frame in
                    if case .channelLeft(let left) = frame.event { left.channelID } else { nil }
                }
                #expect(Set(left) == [team.general, open, direct])
                #expect(left.count == 3)
            }
            for (watcher, channels) in zip(watchers, [[team.general, open], [team.general, direct]]) {
                _ = try await watcher.event("who is gone", within: .seconds(1)) {
                    $0.event == .workspaceMemberLeft(WorkspaceMemberLeft(userID: ben.id))
                }
                for channel in channels {
                    _ = try await watcher.event("who is gone from a channel") {
                        $0.event == .channelMemberLeft(ChannelMemberLeft(userID: ben.id))
                            && $0.stream == .channel(channel)
                    }
                }
            }

            // Whatever happens there now is not theirs to hear; the rest of their world goes on.
            try await team.owner.send("@\(ben.username) not for you", in: open)
            try await cleo.send("nor this", in: direct)
            try await team.owner.api.call(Endpoints.updateMe, body: UpdateProfileRequest(displayName: "Somebody Else"))
            let marker = try await elsewhere.owner.send("@\(ben.username)", in: elsewhere.general)
            try await ben.connect(away)
            for device in devices + [away] {
                try await device.wait(for: "the other workspace") { $0.mentioned == [marker.id] }
                #expect(device.state.events(of: .workspace(team.workspace)).isEmpty)
                for channel in [open, direct, team.general] { #expect(device.state.messages(in: channel).isEmpty) }
                #expect(device.state.violations.isEmpty)
            }
            #expect(
                Set(away.state.ready?.streams.map(\.stream) ?? []) == [
                    .user(ben.id), .workspace(elsewhere.workspace), .channel(elsewhere.general),
                ])
            for channel in [open, direct] { #expect(try await ben.status(Endpoints.listMessages, [channel]) == 404) }
            #expect(try await ben.status(Endpoints.listChannels, [team.workspace]) == 404)
            #expect(try await ben.api.call(Endpoints.bootstrap).workspaces.map(\.id) == [elsewhere.workspace])
        }

        @Test("O4: whoever joins while a channel becomes private came before that or not at all")
        func joinsWhatBecomesPrivate() async throws {
            let team = try await Team.make(of: 2, on: try await Stack.shared())
            let ben = team.people[1]
            let watcher = try await team.owner.connect()
            for _ in 0..<20 {
                let channel = try await team.channel(.public, with: [])
                async let joining = ben.status(Endpoints.joinChannel, [channel])
                _ = try await team.owner.api.call(
                    Endpoints.updateChannel, path: [channel], body: UpdateChannelRequest(visibility: .private))
                let status = try await joining
                #expect([200, 404].contains(status))
                let marker = try await team.owner.send("the end", in: channel)
                try await watcher.wait(for: .channel(channel), at: marker.seq)
                let events = watcher.state.events(of: .channel(channel)).map(\.event)
                let hidden = try #require(
                    events.firstIndex { if case .channelUpdated = $0 { true } else { false } })
                let came = events.firstIndex {
                    if case .channelMemberJoined(let member) = $0 { member.user.id == ben.id } else { false }
                }
                #expect((came != nil) == (status == 200))
                if let came { #expect(came < hidden) }
            }
        }

        @Test("O4: whoever comes back to a workspace has its direct conversations again, and the past of both is read")
        func back() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let ben = team.people[1]
            let direct = try await ben.direct(with: team.owner, in: team)
            try await ben.send("before", in: direct)
            let (device, away) = (try await ben.connect(), try await ben.connect())
            await away.close()
            try await ben.api.call(Endpoints.removeWorkspaceMember, path: [team.workspace, ben.id])
            try await team.owner.send("while away", in: direct)
            let invite = try await team.owner.api.call(Endpoints.createInvite, path: [team.workspace])
            try await ben.api.call(Endpoints.acceptInvite, path: [invite.code])
            #expect(try await ben.status(Endpoints.listMessages, [direct]) == 404)
            #expect(try await ben.direct(with: team.owner, in: team) == direct)
            #expect(try await ben.unreadCounts(in: direct) == [0, 0])
            let message = try await team.owner.send("welcome back", in: direct)
            try await ben.connect(away)
            for device in [device, away] {
                try await device.wait(for: .channel(direct), at: message.seq)
                #expect(device.state.violations.isEmpty)
                #expect(device.state.messages(in: direct).last == "welcome back")
            }
            #expect(!device.state.messages(in: direct).contains("while away"), "it is the snapshot's to show")
            // What the absent device was told: the return as it is, the departure before it.
            let names = away.state.events(of: .user(ben.id)).map(\.event.name)
            #expect(names.contains(.workspaceLeft))
            #expect(names.last == .channelJoined)
            #expect(try await ben.unreadCounts(in: direct) == [1, 0])
        }

        @Test(
            "O4 C10: a channel made private is withdrawn from who is not in it, and comes back when it is public again")
        func withdrawn() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (member, outsider) = (team.people[1], team.people[2])
            let stranger = try await outsider.connect()
            let away = try await outsider.connect()
            await away.close()
            let start = try #require(away.state.cursors[.workspace(team.workspace)])
            let channel = try await team.channel(.public, with: [member])
            let device = try await member.connect(to: stack.gatewayURLs[0])
            let private_ = try await team.owner.api.call(
                Endpoints.updateChannel, path: [channel], body: UpdateChannelRequest(visibility: .private))
            #expect(private_.visibility == .private)
            let withdrawn = Event.channelWithdrawn(ChannelWithdrawn(channelID: channel))
            for device in [device, stranger] {
                let frame = try await device.event("the withdrawal", within: .seconds(1)) { $0.event == withdrawn }
                #expect(frame.stream == .workspace(team.workspace))
            }
            _ = try await device.event("the change") { $0.event == .channelUpdated(private_) }
            for endpoint in [Endpoints.readChannel, Endpoints.joinChannel] {
                #expect(try await outsider.status(endpoint, [channel]) == 404)
            }
            #expect(try await outsider.status(Endpoints.listMessages, [channel]) == 404)
            let listed = try await outsider.api.call(Endpoints.listChannels, path: [team.workspace]).channels
            #expect(listed.map(\.id) == [team.general])
            let message = try await member.send("still ours", in: channel)
            try await device.wait(for: .channel(channel), at: message.seq)

            // The same again changes nothing in the workspace. PostgreSQL does not tell who was away that it was there.
            try await team.owner.api.call(
                Endpoints.updateChannel, path: [channel], body: UpdateChannelRequest(topic: "t", visibility: .private))
            try await outsider.connect(away)
            #expect(away.state.events(of: .workspace(team.workspace)).count == 2)
            #expect(away.state.events(of: .workspace(team.workspace)).last?.event == withdrawn)
            let place = Cursor(stream: .workspace(team.workspace), seq: start)
            #expect(try await stack.replay(of: outsider.id, after: place) == [withdrawn, withdrawn])
            let open = try await team.owner.api.call(
                Endpoints.updateChannel, path: [channel], body: UpdateChannelRequest(visibility: .public))
            for device in [stranger, away] {
                _ = try await device.event("the return", within: .seconds(1)) { $0.event == .channelCreated(open) }
                #expect(device.state.violations.isEmpty)
            }
            #expect(try await outsider.api.call(Endpoints.joinChannel, path: [channel]) == open)
        }

        @Test("C10: who may not remove people or hide a channel is refused, and nothing changes")
        func refused() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (owner, ben, cleo) = (team.owner, team.people[1], team.people[2])
            let stranger = try await TestUser.register(on: stack)
            let bens = try await ben.api.call(
                Endpoints.createChannel, path: [team.workspace], body: CreateChannelRequest(name: uniqueName("ben ")))
            for person in [owner, cleo] { try await person.api.call(Endpoints.joinChannel, path: [bens.id]) }
            let secret = try await ben.api.call(
                Endpoints.createChannel, path: [team.workspace],
                body: CreateChannelRequest(name: uniqueName("ben "), visibility: .private))
            let direct = try await ben.direct(with: cleo, in: team)
            let nobody = UserID.example
            let hide = UpdateChannelRequest(visibility: .private)

            for (person, channel, user, status) in [
                (cleo, bens.id, owner.id, 403), (cleo, bens.id, ben.id, 403), (cleo, bens.id, nobody, 403),
                (stranger, bens.id, cleo.id, 404), (owner, secret.id, ben.id, 404), (owner, bens.id, nobody, 404),
                (owner, bens.id, stranger.id, 404), (ben, secret.id, cleo.id, 404), (ben, direct, cleo.id, 403),
                (ben, direct, ben.id, 403), (stranger, direct, ben.id, 404), (ben, team.general, owner.id, 403),
            ] {
                #expect(
                    try await person.status(Endpoints.removeChannelMember, [channel, user]) == status,
                    "\(person.username) of \(user)")
            }
            for (person, user, status) in [
                (cleo, ben.id, 403), (cleo, owner.id, 403), (cleo, nobody, 403), (stranger, cleo.id, 404),
                (stranger, stranger.id, 404), (owner, nobody, 404), (owner, stranger.id, 404), (owner, owner.id, 409),
            ] {
                #expect(
                    try await person.status(Endpoints.removeWorkspaceMember, [team.workspace, user]) == status,
                    "\(person.username) of \(user)")
            }
            for (person, channel, status) in [
                (cleo, bens.id, 403), (ben, team.general, 403), (ben, direct, 403), (stranger, bens.id, 404),
                (owner, secret.id, 404),
            ] {
                let answer = try await person.api.callRaw(Endpoints.updateChannel, path: [channel], body: hide)
                #expect(answer.status == status, "\(person.username) hides")
            }
            #expect(try await owner.members(of: bens.id) == [owner.id, ben.id, cleo.id])
            #expect(try await owner.api.call(Endpoints.readChannel, path: [bens.id]) == bens)
            // A field that anyone may change does not get in beside one that they may not.
            let both = UpdateChannelRequest(topic: "sneaked in", visibility: .public)
            #expect(try await cleo.api.callRaw(Endpoints.updateChannel, path: [bens.id], body: both).status == 403)
            #expect(try await owner.api.call(Endpoints.readChannel, path: [bens.id]) == bens)
        }

        @Test("C10: a channel's creator and the workspace's owners remove people, once; anyone removes themselves")
        func allowed() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 4, on: stack)
            let (owner, ben, cleo, dan) = (team.owner, team.people[1], team.people[2], team.people[3])
            let channel = try await ben.api.call(
                Endpoints.createChannel, path: [team.workspace], body: CreateChannelRequest(name: uniqueName("ben "))
            ).id
            for person in [owner, cleo, dan] { try await person.api.call(Endpoints.joinChannel, path: [channel]) }
            let remove = Endpoints.removeChannelMember
            for (person, user, again) in [(ben, cleo, 404), (owner, ben, 404), (dan, dan, 403)] {
                #expect(try await person.status(remove, [channel, user.id]) == 204)
                #expect(try await person.status(remove, [channel, user.id]) == again)
            }
            #expect(try await owner.members(of: channel) == [owner.id])
            // The creator who is no member may still put people out of a channel that all can see.
            #expect(try await ben.status(remove, [channel, owner.id]) == 204)
            #expect(try await owner.members(of: channel) == [])

            let leave = Endpoints.removeWorkspaceMember
            #expect(try await dan.status(leave, [team.workspace, dan.id]) == 204)
            #expect(try await dan.status(leave, [team.workspace, dan.id]) == 404)
            #expect(try await owner.status(leave, [team.workspace, cleo.id]) == 204)
            #expect(try await owner.status(leave, [team.workspace, cleo.id]) == 404)
            // Of two owners one may go; both at once may not.
            try await stack.sql(
                "UPDATE workspace_members SET role = 'owner' WHERE workspace_id = '\(team.workspace)' AND user_id = '\(ben.id)'"
            )
            let answers = try await concurrently([owner, ben]) { person in
                try await person.api.at(stack.apiURLs[person.id == ben.id ? 0 : 1]).callRaw(
                    leave, path: [team.workspace, person.id], body: Empty()
                ).status
            }
            #expect(answers.sorted() == [204, 409])
            let owners =
                "SELECT count(*) FROM workspace_members WHERE workspace_id = '\(team.workspace)' AND role = 'owner'"
            #expect(try await stack.count(owners) == 1)
        }

        @Test("O4: who joins channels while being removed from their workspace is in none of them afterwards")
        func race() async throws {
            let stack = try await Stack.shared()
            for _ in 0..<5 {
                let team = try await Team.make(of: 2, on: stack)
                let ben = team.people[1]
                let channels = try await concurrently(0..<12) { _ in try await team.channel(.public) }
                async let removed = eventually("the removal", within: .seconds(10)) {
                    // While they go on joining it may have to be asked for again.
                    try await team.owner.status(Endpoints.removeWorkspaceMember, [team.workspace, ben.id]) == 204
                        ? true : nil
                }
                let joins = try await concurrently(Array(channels.enumerated())) { number, channel in
                    try await ben.api.at(stack.apiURLs[number % 2]).callRaw(
                        Endpoints.joinChannel, path: [channel], body: Empty()
                    ).status
                }
                _ = try await removed
                #expect(joins.allSatisfy { [200, 404, 409].contains($0) }, "\(joins)")
                let rows = "SELECT count(*) FROM channel_members WHERE user_id = '\(ben.id)'"
                #expect(try await stack.count(rows) == 0)
            }
        }
    }
}

extension TestUser {
    /// The status of a request without a body.
    fileprivate func status<Answer>(
        _ endpoint: Endpoint<Empty, Answer>, _ path: [any CustomStringConvertible & Sendable]
    ) async throws -> Int {
        try await api.callRaw(endpoint, path: path, body: Empty()).status
    }

    fileprivate func direct(with other: TestUser, in team: Team) async throws -> ChannelID {
        try await api.call(
            Endpoints.openDirectChannel, path: [team.workspace], body: OpenDirectChannelRequest(userID: other.id)
        ).id
    }

    fileprivate func members(of channel: ChannelID) async throws -> Set<UserID> {
        Set(try await api.call(Endpoints.listChannelMembers, path: [channel]).members.map(\.user.id))
    }
}
