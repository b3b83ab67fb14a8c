/// All operations of the HTTP API.
package enum Endpoints {
    // MARK: Authentication
    package static let register = Endpoint<RegisterRequest, SignedIn>(
        .post, "/api/v1/auth/register", "register", "Open an account and sign in", group: .authentication,
        isPublic: true, status: 201, errors: [.emailTaken, .usernameTaken, .unavailable])
    package static let logIn = Endpoint<LoginRequest, SignedIn>(
        .post, "/api/v1/auth/login", "logIn", "Sign in with a password", group: .authentication, isPublic: true,
        errors: [.invalidCredentials, .rateLimited, .unavailable])
    package static let refresh = Endpoint<RefreshRequest, SignedIn>(
        .post, "/api/v1/auth/refresh", "refresh", "Trade a refresh token for new tokens", group: .authentication,
        isPublic: true, errors: [.unauthenticated, .sessionRevoked, .refreshTokenReused])
    package static let logOut = Endpoint<Empty, Empty>(
        .post, "/api/v1/auth/logout", "logOut", "End this session", group: .authentication, status: 204)
    package static let listSessions = Endpoint<Empty, SessionList>(
        .get, "/api/v1/auth/sessions", "listSessions", "List my sessions", group: .authentication)
    package static let revokeSession = Endpoint<Empty, Empty>(
        .delete, "/api/v1/auth/sessions/{sessionID}", "revokeSession", "End one of my sessions",
        group: .authentication, status: 204, errors: [.notFound])

    // MARK: Users
    package static let bootstrap = Endpoint<Empty, Bootstrap>(
        .get, "/api/v1/bootstrap", "bootstrap", "Read all a client needs to start", group: .users)
    package static let me = Endpoint<Empty, CurrentUser>(.get, "/api/v1/me", "me", "Read my account", group: .users)
    package static let updateMe = Endpoint<UpdateProfileRequest, CurrentUser>(
        .patch, "/api/v1/me", "updateMe", "Change my profile", group: .users)

    // MARK: Workspaces
    package static let listWorkspaces = Endpoint<Empty, WorkspaceList>(
        .get, "/api/v1/workspaces", "listWorkspaces", "List my workspaces", group: .workspaces)
    package static let createWorkspace = Endpoint<CreateWorkspaceRequest, Workspace>(
        .post, "/api/v1/workspaces", "createWorkspace", "Create a workspace", group: .workspaces, status: 201,
        errors: [.conflict])
    package static let listWorkspaceMembers = Endpoint<Empty, WorkspaceMemberPage>(
        .get, "/api/v1/workspaces/{workspaceID}/members", "listWorkspaceMembers", "List the members of a workspace",
        group: .workspaces, query: [.after, .limit], errors: [.notFound])
    package static let removeWorkspaceMember = Endpoint<Empty, Empty>(
        .delete, "/api/v1/workspaces/{workspaceID}/members/{userID}", "removeWorkspaceMember",
        "Remove a person from a workspace, or leave it", group: .workspaces, status: 204,
        errors: [.notFound, .forbidden, .conflict])
    package static let createInvite = Endpoint<Empty, Invite>(
        .post, "/api/v1/workspaces/{workspaceID}/invites", "createInvite", "Make an invite to a workspace",
        group: .workspaces, status: 201, errors: [.notFound])
    package static let acceptInvite = Endpoint<Empty, Workspace>(
        .post, "/api/v1/invites/{code}/accept", "acceptInvite", "Join the workspace of an invite",
        group: .workspaces, errors: [.inviteInvalid])

    // MARK: Channels
    package static let listChannels = Endpoint<Empty, ChannelList>(
        .get, "/api/v1/workspaces/{workspaceID}/channels", "listChannels",
        "List the channels of a workspace that I may see", group: .channels, errors: [.notFound])
    package static let createChannel = Endpoint<CreateChannelRequest, Channel>(
        .post, "/api/v1/workspaces/{workspaceID}/channels", "createChannel", "Create a channel", group: .channels,
        status: 201, errors: [.notFound, .nameTaken, .conflict])
    package static let openDirectChannel = Endpoint<OpenDirectChannelRequest, Channel>(
        .post, "/api/v1/workspaces/{workspaceID}/direct", "openDirectChannel", "Open a direct conversation",
        group: .channels, errors: [.notFound, .conflict])
    package static let readChannel = Endpoint<Empty, Channel>(
        .get, "/api/v1/channels/{channelID}", "readChannel", "Read a channel", group: .channels, errors: [.notFound])
    package static let updateChannel = Endpoint<UpdateChannelRequest, Channel>(
        .patch, "/api/v1/channels/{channelID}", "updateChannel", "Change the name, topic or visibility of a channel",
        group: .channels, errors: [.notFound, .forbidden, .nameTaken])
    package static let joinChannel = Endpoint<Empty, Channel>(
        .post, "/api/v1/channels/{channelID}/join", "joinChannel", "Join a public channel", group: .channels,
        errors: [.notFound, .conflict])
    package static let leaveChannel = Endpoint<Empty, Empty>(
        .post, "/api/v1/channels/{channelID}/leave", "leaveChannel", "Leave a channel", group: .channels, status: 204,
        errors: [.notFound, .forbidden])
    package static let listChannelMembers = Endpoint<Empty, ChannelMemberPage>(
        .get, "/api/v1/channels/{channelID}/members", "listChannelMembers", "List the members of a channel",
        group: .channels, query: [.after, .limit], errors: [.notFound])
    package static let addChannelMember = Endpoint<AddChannelMemberRequest, Empty>(
        .post, "/api/v1/channels/{channelID}/members", "addChannelMember", "Add a person to a channel",
        group: .channels, status: 204, errors: [.notFound, .forbidden, .conflict])
    package static let removeChannelMember = Endpoint<Empty, Empty>(
        .delete, "/api/v1/channels/{channelID}/members/{userID}", "removeChannelMember",
        "Remove a person from a channel, or leave it", group: .channels, status: 204, errors: [.notFound, .forbidden])

    package static let readCall = Endpoint<Empty, ChannelCall>(
        .get, "/api/v1/channels/{channelID}/call", "readCall", "Read who is in the call of a channel",
        group: .channels, errors: [.notFound, .forbidden])
    package static let listCalls = Endpoint<Empty, PastCallPage>(
        .get, "/api/v1/channels/{channelID}/calls", "listCalls",
        "Read the past calls of a channel: the latest, or those before a cursor", group: .channels,
        query: [.before, .limit], errors: [.notFound, .forbidden])

    package static let moderateCall = Endpoint<ModerateCallRequest, Empty>(
        .post, "/api/v1/channels/{channelID}/call/moderate", "moderateCall",
        "Turn off a person's source or give it back, invite to speak on a stage, lower a hand", group: .channels,
        status: 204, errors: [.notFound, .forbidden, .conflict])
    package static let listCallRemovals = Endpoint<Empty, CallRemovalList>(
        .get, "/api/v1/channels/{channelID}/call/removals", "listCallRemovals",
        "Read who was removed from the call and may not come back yet", group: .channels,
        errors: [.notFound, .forbidden])
    package static let removeFromCall = Endpoint<CallRemovalRequest, CallRemoval>(
        .post, "/api/v1/channels/{channelID}/call/removals", "removeFromCall",
        "Remove a person from the call, for a while", group: .channels, errors: [.notFound, .forbidden])
    package static let allowIntoCall = Endpoint<Empty, Empty>(
        .delete, "/api/v1/channels/{channelID}/call/removals/{userID}", "allowIntoCall",
        "Let a person who was removed join the call again", group: .channels, status: 204,
        errors: [.notFound, .forbidden])
    package static let declineRing = Endpoint<Empty, CallRing>(
        .post, "/api/v1/rings/{ringID}/decline", "declineRing",
        "Decline a call that rings me; one that does not ring any more stays as it is", group: .channels,
        errors: [.notFound])

    package static let startRecording = Endpoint<Empty, CallRecording>(
        .post, "/api/v1/channels/{channelID}/call/recording", "startRecording",
        "Record the call I am in; everybody in it is told, and the files are posted to the channel at the end",
        group: .channels, status: 201, errors: [.notFound, .forbidden, .conflict])
    package static let stopRecording = Endpoint<Empty, Empty>(
        .delete, "/api/v1/channels/{channelID}/call/recording", "stopRecording", "Stop recording a call",
        group: .channels, status: 204, errors: [.notFound, .forbidden])

    // MARK: Calls by HTTP (WHIP: RFC 9725; WHEP: draft-ietf-wish-whep)
    package static let publish = Endpoint<Empty, Empty>(
        .post, "/api/v1/channels/{channelID}/whip", "publish",
        "Send sound and pictures into the call of a channel (WHIP). Location names the seat, ETag its ICE session",
        group: .channels, status: 201, errors: whipErrors + [.conflict, .rateLimited], takes: sdp, gives: sdp)
    package static let updatePublisher = Endpoint<Empty, Empty>(
        .patch, "/api/v1/channels/{channelID}/whip/{participantID}", "updatePublisher",
        "Add candidates (204), or restart ICE (200 with the node's side); If-Match names the ICE session, or is *",
        group: .channels, status: 204, errors: whipErrors + [.preconditionFailed, .preconditionRequired],
        takes: sdpFragment)
    package static let endPublisher = Endpoint<Empty, Empty>(
        .delete, "/api/v1/channels/{channelID}/whip/{participantID}", "endPublisher", "Give up the seat of a publisher",
        group: .channels, errors: whipErrors)
    package static let subscribe = Endpoint<Empty, Empty>(
        .post, "/api/v1/channels/{channelID}/whep", "subscribe",
        "Receive the call of a channel (WHEP): on each section one of those who speak, or a picture",
        group: .channels, status: 201, errors: whipErrors + [.conflict, .rateLimited], takes: sdp, gives: sdp)
    package static let updateSubscriber = Endpoint<Empty, Empty>(
        .patch, "/api/v1/channels/{channelID}/whep/{participantID}", "updateSubscriber",
        "Add candidates (204), or restart ICE (200 with the node's side); If-Match names the ICE session, or is *",
        group: .channels, status: 204, errors: whipErrors + [.preconditionFailed, .preconditionRequired],
        takes: sdpFragment)
    package static let endSubscriber = Endpoint<Empty, Empty>(
        .delete, "/api/v1/channels/{channelID}/whep/{participantID}", "endSubscriber",
        "Give up the seat of a subscriber",
        group: .channels, errors: whipErrors)

    private static let whipErrors: [ErrorCode] = [.notFound, .timedOut]
    private static let sdp = "application/sdp"
    private static let sdpFragment = "application/trickle-ice-sdpfrag"

    // MARK: Messages
    package static let sendMessage = Endpoint<SendMessageRequest, Message>(
        .post, "/api/v1/channels/{channelID}/messages", "sendMessage", "Send a message", group: .messages, status: 201,
        errors: [.notFound, .muted])
    package static let listMessages = Endpoint<Empty, MessagePage>(
        .get, "/api/v1/channels/{channelID}/messages", "listMessages",
        "Read messages: the newest, or those before or after a cursor", group: .messages,
        query: [.before, .after, .limit], errors: [.notFound])
    package static let editMessage = Endpoint<EditMessageRequest, Message>(
        .patch, "/api/v1/channels/{channelID}/messages/{messageID}", "editMessage", "Edit my message",
        group: .messages, errors: [.notFound, .forbidden])
    package static let deleteMessage = Endpoint<Empty, Empty>(
        .delete, "/api/v1/channels/{channelID}/messages/{messageID}", "deleteMessage", "Delete my message",
        group: .messages, status: 204, errors: [.notFound, .forbidden])

    // MARK: Files
    package static let createFile = Endpoint<CreateFileRequest, FileUpload>(
        .post, "/api/v1/channels/{channelID}/files", "createFile", "Begin to upload a file", group: .files, status: 201,
        errors: [.notFound, .forbidden, .conflict, .bodyTooLarge, .quotaExceeded])
    package static let uploadFile = Endpoint<Empty, Attachment>(
        .put, "/api/v1/files/{fileID}/content", "uploadFile",
        "Upload the bytes of a file; the same bytes may come twice",
        group: .files, isPublic: true, query: [.byteCount, .expires, .signature],
        errors: [.notFound, .forbidden, .conflict, .storageFull], takes: "application/octet-stream")
    package static let readFile = Endpoint<Empty, Empty>(
        .get, "/api/v1/files/{fileID}", "readFile", "Read a file, or with Range a part of it (206)", group: .files,
        errors: [.notFound], gives: "*/*")
    package static let createFileLinks = Endpoint<CreateFileLinksRequest, FileLinkList>(
        .post, "/api/v1/channels/{channelID}/files/links", "createFileLinks",
        "Get links to files of a channel that work without a token", group: .files, errors: [.notFound])
    package static let downloadFile = Endpoint<Empty, Empty>(
        .get, "/files/{fileID}/{name}", "downloadFile", "Read a file by a link, or with Range a part of it (206)",
        group: .files, isPublic: true, query: [.member, .expires, .signature], errors: [.notFound, .forbidden],
        gives: "*/*")

    // MARK: Unread
    package static let markRead = Endpoint<MarkReadRequest, ChannelUnread>(
        .post, "/api/v1/channels/{channelID}/read", "markRead", "Mark messages as read", group: .messages,
        errors: [.notFound, .forbidden])
    package static let markUnread = Endpoint<MarkUnreadRequest, ChannelUnread>(
        .post, "/api/v1/channels/{channelID}/unread", "markUnread", "Mark messages as unread from one on",
        group: .messages, errors: [.notFound, .forbidden])
    package static let readUnread = Endpoint<Empty, ChannelUnread>(
        .get, "/api/v1/channels/{channelID}/unread", "readUnread", "Read what is unread in a channel",
        group: .messages, errors: [.notFound, .forbidden])

    /// Every endpoint, in the order of the documents.
    package static let all: [EndpointDescription] = [
        register.description, logIn.description, refresh.description, logOut.description, listSessions.description,
        revokeSession.description, bootstrap.description, me.description, updateMe.description,
        listWorkspaces.description, createWorkspace.description, listWorkspaceMembers.description,
        removeWorkspaceMember.description, createInvite.description, acceptInvite.description, listChannels.description,
        createChannel.description,
        openDirectChannel.description, readChannel.description, updateChannel.description, joinChannel.description,
        leaveChannel.description, listChannelMembers.description, addChannelMember.description,
        removeChannelMember.description, readCall.description, listCalls.description, moderateCall.description,
        listCallRemovals.description, removeFromCall.description, allowIntoCall.description, declineRing.description,
        startRecording.description, stopRecording.description,
        publish.description, updatePublisher.description, endPublisher.description,
        subscribe.description, updateSubscriber.description, endSubscriber.description,
        sendMessage.description, listMessages.description, editMessage.description, deleteMessage.description,
        createFile.description, uploadFile.description, readFile.description, createFileLinks.description,
        downloadFile.description,
        markRead.description, markUnread.description, readUnread.description,
    ]

    /// What any endpoint may answer.
    package static let commonErrors: [ErrorCode] = [.malformedRequest, .validationFailed, .internalError, .unavailable]
    /// What any endpoint that wants an access token may answer besides.
    package static let tokenErrors: [ErrorCode] = [.unauthenticated, .tokenExpired, .sessionRevoked]
}
