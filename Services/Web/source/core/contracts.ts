// Generated from Shared/Contracts by `make contracts`. Do not edit.

export type CallID = string;
export type ChannelID = string;
export type ConnectionID = string;
export type FileID = string;
export type MessageID = string;
export type ParticipantID = string;
export type RecordingID = string;
export type RingID = string;
export type SessionID = string;
export type StreamID = string;
export type Timestamp = string;
export type UserID = string;
export type WorkspaceID = string;

export type CallEndReason =
  | "left"
  | "removed"
  | "replaced"
  | "moved"
  | "timedOut";
export type CallModeration =
  | "mute"
  | "unmute"
  | "invite"
  | "dismiss"
  | "lowerHand";
export type CallSource =
  | "microphone"
  | "camera"
  | "screen"
  | "screenAudio";
export type ChannelKind =
  | "text"
  | "voice"
  | "stage"
  | "direct";
export type ChannelVisibility =
  | "public"
  | "private";
export type ErrorCode =
  | "malformed_request"
  | "validation_failed"
  | "unauthenticated"
  | "token_expired"
  | "invalid_credentials"
  | "session_revoked"
  | "refresh_token_reused"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "email_taken"
  | "username_taken"
  | "name_taken"
  | "invite_invalid"
  | "conflict"
  | "precondition_failed"
  | "precondition_required"
  | "body_too_large"
  | "unsupported_media_type"
  | "quota_exceeded"
  | "storage_full"
  | "rate_limited"
  | "muted"
  | "internal_error"
  | "unavailable"
  | "timed_out";
export type EventName =
  | "message.created"
  | "message.edited"
  | "message.deleted"
  | "channel.updated"
  | "channel.member.joined"
  | "channel.member.left"
  | "call.updated"
  | "channel.joined"
  | "channel.left"
  | "workspace.joined"
  | "workspace.left"
  | "channel.read"
  | "mention.created"
  | "mention.removed"
  | "ring.updated"
  | "session.revoked"
  | "channel.created"
  | "channel.withdrawn"
  | "workspace.member.joined"
  | "workspace.member.left"
  | "user.updated";
export type MentionAudience =
  | "all"
  | "here";
export type MessageNotice =
  | "missedCall";
export type PresenceState =
  | "online"
  | "idle"
  | "busy"
  | "offline";
export type RecordingEnd =
  | "stopped"
  | "limitReached"
  | "diskFull"
  | "failed";
export type RefreshDelivery =
  | "body"
  | "cookie";
export type RingOutcome =
  | "answered"
  | "declined"
  | "cancelled"
  | "unanswered";
export type StreamKind =
  | "channel"
  | "user"
  | "workspace";
export type WorkspaceRole =
  | "owner"
  | "member";

/** Adds a member of the workspace to a channel the caller is in. */
export interface AddChannelMemberRequest {
  userID: UserID;
}

/** A file of a channel. It never changes. */
export interface Attachment {
  id: FileID;
  /** As its uploader named it, without a path; not unique. */
  name: string;
  /** As its uploader said; `application/octet-stream` if unknown. */
  mediaType: string;
  byteCount: number;
  /** Pixels of a picture or a video, as its uploader said. */
  width?: number;
  /** Pixels of a picture or a video, as its uploader said. */
  height?: number;
  /** Length of sound or a video, as its uploader said. */
  durationMilliseconds?: number;
}

/** What a client needs to start: one consistent snapshot with the place of every stream. */
export interface Bootstrap {
  user: CurrentUser;
  sessionID: SessionID;
  workspaces: Workspace[];
  /** The channels the user is a member of, in all workspaces. */
  channels: Channel[];
  /** The calls in these channels that someone is in. */
  calls: ChannelCall[];
  /** What rings now, for the user or by the user's own call. */
  rings: CallRing[];
  /** One for each of these channels. */
  unread: ChannelUnread[];
  /** Identify with these: every event after the snapshot follows. */
  cursors: Cursor[];
}

/** The SDP answer to the offer of the same number; it carries the node's candidates. */
export interface CallAnswer {
  number: number;
  sdp: string;
}

/** The seat is gone. */
export interface CallEnded {
  participantID: ParticipantID;
  reason: CallEndReason;
}

/** There is no seat, or the last offer was refused. */
export interface CallFailed {
  /** unavailable and timed_out: try again. rate_limited: try again after a pause. Others: it will not help. */
  code: ErrorCode;
  detail: string;
  /** The offer that was refused; absent when joining failed. */
  number?: number;
}

/** Asks for a seat in the call of a channel. Answered by callJoined or callFailed. */
export interface CallJoin {
  channelID: ChannelID;
  /** Chosen by the client, so that asking again makes no second seat, and takes the seat again after the socket or the media node was lost. A new peer connection needs a new one. Chosen by the API if absent. */
  participantID?: ParticipantID;
}

/** The client has a seat. */
export interface CallJoined {
  channelID: ChannelID;
  participantID: ParticipantID;
  /** Whether the seat is the one asked for and its peer connection still holds; if not, make a new one. */
  isResumed: boolean;
  /** For a network that lets no direct path through. */
  iceServers: IceServer[];
  state: CallState;
}

/** The encodings of one source. */
export interface CallLayer {
  source: CallSource;
  /** Their RIDs (RFC 8851), the lowest first. Those of the source not named here rest. */
  active: string[];
}

/** Which encodings of its simulcast (RFC 8853) the client should send: nobody sees the others. Set them by RTCRtpSender.setParameters; no offer follows. Each tells everything. */
export interface CallLayers {
  layers: CallLayer[];
}

/** Gives up the seat, or the attempt to get one. Answered by callEnded if there was one. */
export type CallLeave = Record<string, never>;

/** A source that a moderator turned off: the node forwards nothing of it. */
export interface CallMute {
  participantID: ParticipantID;
  source: CallSource;
}

/** An SDP offer (RFC 8866, RFC 8829). Answered by callAnswer with the same number. */
export interface CallOffer {
  /** Grows with each offer of the seat. Send the next one only when this one is answered. */
  number: number;
  sdp: string;
  /** What each send section carries, by its mid. */
  publications: CallPublication[];
}

/** One seat in a call. A person has one on each device that joined. */
export interface CallParticipant {
  participantID: ParticipantID;
  userID: UserID;
  joinedAt: Timestamp;
}

/** What one send section carries. */
export interface CallPublication {
  /** The section's identification (RFC 5888). */
  mid: string;
  source: CallSource;
  /** Whether it is on: false for a muted microphone or a camera that is off. */
  isActive: boolean;
}

/** A recording of a call: everybody in it is told. */
export interface CallRecording {
  id: RecordingID;
  /** Who started it. */
  userID: UserID;
  startedAt: Timestamp;
  /** Why it ended; absent while it runs. Its files are posted to the channel soon after. */
  end?: RecordingEnd;
}

/** A person whom a moderator removed from the call of a channel. */
export interface CallRemoval {
  userID: UserID;
  /** Before this the person gets no seat, unless a moderator takes the removal back. */
  until: Timestamp;
}

/** Who may not join the call of a channel at present. */
export interface CallRemovalList {
  removals: CallRemoval[];
}

/** A person who is to leave a call, on all devices. */
export interface CallRemovalRequest {
  userID: UserID;
}

/** The call of a direct conversation rings the other person, or did. */
export interface CallRing {
  id: RingID;
  channelID: ChannelID;
  /** Who began the call. */
  callerID: UserID;
  /** Whose devices ring: all of them, until one joins the call or declines. */
  calleeID: UserID;
  startedAt: Timestamp;
  /** When nobody has answered and it ends by itself. */
  endsAt: Timestamp;
  /** How it ended; absent while it rings. Never changes afterwards. */
  outcome?: RingOutcome;
}

/** Who speaks now, loudest first. Never stored; a lost one is mended by the next. */
export interface CallSpeakers {
  participants: ParticipantID[];
}

/** The whole state of the call as this participant sees it. */
export interface CallState {
  /** Grows with each state; drop one that is older than what you have. */
  revision: number;
  participants: CallParticipant[];
  /** What the others send. In a call of more than a hundred what is off is left out: a microphone that is not named is muted. */
  tracks: CallTrack[];
  /** Who asks for the word, the first to ask first. */
  hands: ParticipantID[];
  /** Sources that a moderator turned off. They stay off, whatever their owner does, until a moderator ends it. */
  mutes: CallMute[];
  /** Who may mute, invite and remove others, by moderateCall and removeFromCall. */
  moderators: ParticipantID[];
  /** Who only listens: in the call of a stage, until a moderator invites them. Nothing they send is forwarded. */
  audience: ParticipantID[];
  /** Receive-only audio sections to offer. */
  audioSections: number;
  /** Receive-only video sections to offer: if there are fewer, add them and offer. */
  videoSections: number;
  /** The last recording of the call, running or ended; absent if there was none. */
  recording?: CallRecording;
}

/** What another participant sends. */
export interface CallTrack {
  participantID: ParticipantID;
  source: CallSource;
  isActive: boolean;
  /** The receive section on which it arrives now; absent while it has none. */
  mid?: string;
}

/** Turns sources of the client on or off; the others are told at once. */
export interface CallUpdate {
  /** All sources that are on from now. */
  active: CallSource[];
  /** Whether the participant asks for the word; absent to leave it as it is. */
  isHandRaised?: boolean;
}

/** Which tracks of the others the client shows, and how large. It gets these, as large as is of use and its link carries, and no others; a client that never tells gets all as large as they are. Send it when tiles change, at most a few times a second. */
export interface CallView {
  /** All video that is shown from now. */
  tracks: CallViewTrack[];
}

/** A tile. */
export interface CallViewTrack {
  participantID: ParticipantID;
  source: CallSource;
  /** Of the picture on the screen, in device pixels; 0 is the same as not shown. */
  height: number;
  /** Whether it comes before all others when not all fits the link. */
  isPinned: boolean;
}

/** A place for messages: a text or voice channel, a stage, or a direct conversation. */
export interface Channel {
  id: ChannelID;
  workspaceID: WorkspaceID;
  kind: ChannelKind;
  visibility: ChannelVisibility;
  /** Unique in its workspace; absent for a direct conversation. */
  name?: string;
  topic: string;
  /** The two people of a direct conversation; empty for the other kinds. */
  participants: UserID[];
  createdAt: Timestamp;
  /** Grows with each change; of two states the one with the higher version is newer. */
  version: number;
}

/** Who is in the call of a channel now. A channel's call has the channel's id. */
export interface ChannelCall {
  channelID: ChannelID;
  /** When the first participant joined; absent when there is no call. */
  startedAt?: Timestamp;
  /** By the time they joined; empty when there is no call. */
  participants: CallParticipant[];
  /** Grows with each change; of two states the one with the higher version is newer. */
  version: number;
}

/** The user is now in a channel; its events follow from seq on. */
export interface ChannelJoined {
  channel: Channel;
  seq: number;
}

/** The user is no longer in a channel; its events stop. */
export interface ChannelLeft {
  channelID: ChannelID;
}

/** Channels. */
export interface ChannelList {
  channels: Channel[];
}

/** A person in a channel. */
export interface ChannelMember {
  user: User;
  joinedAt: Timestamp;
}

/** A person is no longer in the channel. */
export interface ChannelMemberLeft {
  userID: UserID;
}

/** Members of a channel by user id. */
export interface ChannelMemberPage {
  members: ChannelMember[];
  /** Pass it as `after` to read on; absent at the end. */
  nextCursor?: string;
}

/** How far the user has read a channel, on whatever device. */
export interface ChannelRead {
  channelID: ChannelID;
  /** Messages up to and including this number are read. It may go back. */
  seq: number;
  /** The number of the last change of the position in the user's stream; of two the higher one is newer. */
  version: number;
}

/** What is unread for the user in a channel. One's own messages never count. */
export interface ChannelUnread {
  channelID: ChannelID;
  /** Messages up to and including this number are read. */
  readSeq: number;
  /** Messages after it by others that are not deleted; 100 stands for that many or more. */
  unreadCount: number;
  /** Those among them that name the user or address all or here; bounded as well. */
  mentionCount: number;
  /** The counts are of this place in the channel's stream. */
  headSeq: number;
  /** The number in the user's stream of the position's last change, 0 before the first; the higher is newer. */
  version: number;
}

/** A public channel has become private: who is not in it forgets it. */
export interface ChannelWithdrawn {
  channelID: ChannelID;
}

/** Creates a text or voice channel or a stage and joins it. */
export interface CreateChannelRequest {
  /** Unique in its workspace, case does not matter. */
  name: string;
  /** text, voice or stage; text if absent. Direct conversations have an endpoint of their own. */
  kind?: ChannelKind;
  /** public if absent. */
  visibility?: ChannelVisibility;
  topic?: string;
}

/** Asks for links to files of a channel. */
export interface CreateFileLinksRequest {
  /** Those one may not see, or that are gone, get no link. */
  fileIDs: FileID[];
}

/** Reserves room for a file of a channel. Its bytes follow by `uploadURL`. */
export interface CreateFileRequest {
  /** A path before the name is left out. */
  name: string;
  /** Parameters are left out. */
  mediaType: string;
  /** Exactly so many bytes are uploaded; 1 or more, within the server's limit. */
  byteCount: number;
  /** Pixels of a picture or a video, so that its place is known before it is loaded. */
  width?: number;
  /** Pixels of a picture or a video. */
  height?: number;
  /** Length of sound or a video. */
  durationMilliseconds?: number;
}

/** Creates a workspace with one public channel, general, owned by the caller. */
export interface CreateWorkspaceRequest {
  name: string;
}

/** Everything that was missed has been sent; what follows is live. */
export type Current = Record<string, never>;

/** The signed-in person. */
export interface CurrentUser {
  id: UserID;
  username: string;
  displayName: string;
  email: string;
  createdAt: Timestamp;
}

/** A place in a stream: everything up to and including seq is known. */
export interface Cursor {
  stream: StreamID;
  seq: number;
}

/** Replaces the text of one's own message. */
export interface EditMessageRequest {
  content: string;
}

/** Where a browser loads a file without a token: for <img>, <video> and downloads. */
export interface FileLink {
  fileID: FileID;
  /** Path and query. It works for as long as the member it was given to may see the file. A member who asks again soon gets the same one. */
  url: string;
  /** When to ask for a new one. */
  expiresAt: Timestamp;
}

/** Links to files, in the order in which they were asked for. */
export interface FileLinkList {
  links: FileLink[];
}

/** A file that is to be uploaded. */
export interface FileUpload {
  file: Attachment;
  /** Path and query; PUT the bytes there as application/octet-stream, without a token. It may be repeated. */
  uploadURL: string;
  /** When `uploadURL` ends. A file that no message has after a day is removed. */
  expiresAt: Timestamp;
}

/** Sent by the client at least each heartbeatIntervalMilliseconds, answered at once. */
export type Heartbeat = Record<string, never>;

/** The first frame of the gateway: identify now. */
export interface Hello {
  heartbeatIntervalMilliseconds: number;
  identifyTimeoutMilliseconds: number;
}

/** A STUN or TURN server, as RTCPeerConnection takes it. */
export interface IceServer {
  /** stun: and turn: addresses (RFC 7064, RFC 7065). */
  urls: string[];
  /** Ends with the credential; absent for STUN. */
  username?: string;
  credential?: string;
}

/** The first frame of a client: who it is and what it has. */
export interface Identify {
  /** The access token. */
  token: string;
  /** Where the client stands in each stream: from the snapshot, moved by each event since. What came after is replayed before `current`. */
  cursors: Cursor[];
}

/** A secret that lets its bearer join a workspace until it expires. */
export interface Invite {
  code: string;
  workspaceID: WorkspaceID;
  expiresAt: Timestamp;
}

/** Signs in with a password. */
export interface LoginRequest {
  /** The e-mail address or the user name. */
  login: string;
  password: string;
  refreshDelivery?: RefreshDelivery;
}

/** Marks messages as read. The position only goes forward, at most to the last event. */
export interface MarkReadRequest {
  /** Messages up to and including this number are read; 0 or more. */
  seq: number;
}

/** Marks messages as unread, from one on: the position goes before it, wherever it was. */
export interface MarkUnreadRequest {
  /** The number of the first message that is unread; 1 or more. */
  seq: number;
}

/** A message names the user, or does so no more. */
export interface Mention {
  messageID: MessageID;
  channelID: ChannelID;
  /** The number of the message's creation in the channel's stream. */
  seq: number;
  authorID: UserID;
}

/** A message of a channel. */
export interface Message {
  id: MessageID;
  channelID: ChannelID;
  /** The number of its creation in the channel's stream: messages are ordered by it. */
  seq: number;
  authorID: UserID;
  content: string;
  /** The key its author sent it with. */
  idempotencyKey: string;
  createdAt: Timestamp;
  /** Absent if it never changed. */
  editedAt?: Timestamp;
  /** Members of the channel whom it names by @username, in ascending order. */
  mentions: UserID[];
  /** Absent if it addresses nobody but those it names. */
  audience?: MentionAudience;
  /** Absent for what a person wrote. A notice counts as unread like any message; nobody edits or deletes it. */
  notice?: MessageNotice;
  /** Files, in the order in which they were sent; absent if there are none. */
  attachments?: Attachment[];
  /** The number of its last change in the channel's stream; of two states the higher one is newer. */
  version: number;
}

/** A message is gone; nothing of its text is kept. */
export interface MessageDeleted {
  id: MessageID;
  channelID: ChannelID;
  /** The number of its creation, so that who counts what is unread knows whether it counted. */
  seq: number;
  authorID: UserID;
  version: number;
}

/** Messages of a channel, the oldest first. */
export interface MessagePage {
  messages: Message[];
  /** Pass it as `before` to read older ones; absent when there are none. */
  before?: string;
  /** Pass it as `after` to read newer ones; absent when there are none. */
  after?: string;
  /** The page shows the channel as of this place in its stream. */
  seq: number;
}

/** What a moderator does to a person in a call. It holds until the call ends. */
export interface ModerateCallRequest {
  userID: UserID;
  /** mute and unmute turn a source off and give it back; invite and dismiss say who speaks on a stage. */
  action: CallModeration;
  /** To mute or unmute; absent for the other actions. */
  source?: CallSource;
}

/** This gateway is going away. Connect again now, identify with the cursors, and close this socket when the new one is `current`: events go on arriving here until then. */
export interface Move {
  /** After this time the socket is closed with 4000, moved or not. */
  deadlineMilliseconds: number;
}

/** Opens the direct conversation with another member, or returns the one that exists. */
export interface OpenDirectChannelRequest {
  userID: UserID;
}

/** A call that is over, from the first person who came to the last who left. */
export interface PastCall {
  id: CallID;
  /** Who came first. */
  startedBy: UserID;
  startedAt: Timestamp;
  endedAt: Timestamp;
  /** Who was in it, by when they came; of many the first 25. */
  participants: UserID[];
  /** How many people were in it. */
  participantCount: number;
  /** How a call of a direct conversation that rang was answered: cancelled and unanswered ones were missed. Absent when it rang nobody. */
  outcome?: RingOutcome;
}

/** Past calls of a channel, the latest first. */
export interface PastCallPage {
  calls: PastCall[];
  /** Pass it as `before` to read earlier ones; absent when there are none. */
  before?: string;
}

/** The presence of people who are watched: all of them after a watch, then what changed. */
export interface PresenceStates {
  users: UserPresence[];
}

/** What a person says of themselves, such as a palm tree and “On holiday until Monday”. */
export interface PresenceStatus {
  emoji?: string;
  text: string;
}

/** What this connection says of its user. Until the first one a connection that identified counts as online. */
export interface PresenceUpdate {
  state: PresenceState;
  /** Of the whole person; the last device that sent one counts. Absent removes it. */
  status?: PresenceStatus;
}

/** Whose presence the client shows now, all of them; replaces the earlier watch. A `presence` frame with their states answers it, and changes follow. */
export interface PresenceWatch {
  workspaceID: WorkspaceID;
  /** Members of the workspace; anyone else looks offline. */
  userIDs: UserID[];
}

/** What went wrong and what to do about it (RFC 9457). */
export interface Problem {
  /** Always about:blank; `code` tells problems apart. */
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  /** What to do, for a person. */
  detail?: string;
  /** The field that is not acceptable. */
  field?: string;
  /** Quote it to the operator: the log has it. */
  requestID?: string;
  /** Seconds to wait, as in Retry-After. */
  retryAfter?: number;
}

/** The client is known. Missed events follow, then `current`. */
export interface Ready {
  connectionID: ConnectionID;
  sessionID: SessionID;
  userID: UserID;
  /** All streams the client will get. A stream it sent a cursor for is delivered after that cursor; any other from this place on: load its state by HTTP. */
  streams: Cursor[];
}

/** Trades a refresh token for new tokens. A browser sends the cookie and leaves it out. */
export interface RefreshRequest {
  /** Single use: presenting one twice ends the session. */
  refreshToken?: string;
}

/** Opens an account and signs in. */
export interface RegisterRequest {
  /** Unique, case does not matter. */
  email: string;
  /** Unique, case does not matter. */
  username: string;
  /** Shown to others; the user name if absent. */
  displayName?: string;
  password: string;
  refreshDelivery?: RefreshDelivery;
}

/** The cursor is too old to replay: load the stream's state anew. Events follow after seq. */
export interface Reset {
  stream: StreamID;
  seq: number;
}

/** Sends a message. The same key in the same channel returns the first message. */
export interface SendMessageRequest {
  /** Text; at most 65536 bytes of UTF-8. It may be empty if there are attachments. */
  content: string;
  /** Chosen by the client, one a message, kept for good. */
  idempotencyKey: string;
  /** One's own uploads to this channel that are complete and in no message yet, each once. */
  attachments?: FileID[];
}

/** One sign-in on one device. */
export interface Session {
  id: SessionID;
  createdAt: Timestamp;
  lastUsedAt: Timestamp;
  userAgent?: string;
  isCurrent: boolean;
}

/** The live sessions of the signed-in user, the newest first. */
export interface SessionList {
  sessions: Session[];
}

/** A session of the user has ended. */
export interface SessionRevoked {
  sessionID: SessionID;
}

/** Tokens of a session, and whose it is. */
export interface SignedIn {
  user: CurrentUser;
  sessionID: SessionID;
  /** A JWT for the Authorization header and for identify on the gateway. */
  accessToken: string;
  accessTokenExpiresAt: Timestamp;
  /** Absent when it was set as a cookie. */
  refreshToken?: string;
}

/** The user is writing in a channel, or has stopped. Sent again each two seconds while it goes on. */
export interface Typing {
  channelID: ChannelID;
  isTyping: boolean;
}

/** Someone else is writing in a channel; over three seconds after the last one. */
export interface TypingState {
  channelID: ChannelID;
  userID: UserID;
  isTyping: boolean;
}

/** Changes a channel; absent fields stay. */
export interface UpdateChannelRequest {
  name?: string;
  topic?: string;
  /** For the channel's creator and the workspace's owners alone. */
  visibility?: ChannelVisibility;
}

/** Changes how others see the signed-in person. */
export interface UpdateProfileRequest {
  displayName: string;
}

/** A person as others see them. */
export interface User {
  id: UserID;
  username: string;
  displayName: string;
}

/** How reachable a person is. */
export interface UserPresence {
  userID: UserID;
  state: PresenceState;
  status?: PresenceStatus;
}

/** A team or community: people and their channels. */
export interface Workspace {
  id: WorkspaceID;
  name: string;
  createdAt: Timestamp;
}

/** The user is now in a workspace; its events follow from seq on. */
export interface WorkspaceJoined {
  workspace: Workspace;
  seq: number;
}

/** The user is no longer in a workspace; its events stop. */
export interface WorkspaceLeft {
  workspaceID: WorkspaceID;
}

/** The workspaces of the signed-in user. */
export interface WorkspaceList {
  workspaces: Workspace[];
}

/** A person in a workspace. */
export interface WorkspaceMember {
  user: User;
  role: WorkspaceRole;
  joinedAt: Timestamp;
}

/** A person is no longer in the workspace, nor in any channel of it. */
export interface WorkspaceMemberLeft {
  userID: UserID;
}

/** Members of a workspace by user id. */
export interface WorkspaceMemberPage {
  members: WorkspaceMember[];
  /** Pass it as `after` to read on; absent at the end. */
  nextCursor?: string;
}

export interface EventPayloads {
  "message.created": Message;
  "message.edited": Message;
  "message.deleted": MessageDeleted;
  "channel.updated": Channel;
  "channel.member.joined": ChannelMember;
  "channel.member.left": ChannelMemberLeft;
  "call.updated": ChannelCall;
  "channel.joined": ChannelJoined;
  "channel.left": ChannelLeft;
  "workspace.joined": WorkspaceJoined;
  "workspace.left": WorkspaceLeft;
  "channel.read": ChannelRead;
  "mention.created": Mention;
  "mention.removed": Mention;
  "ring.updated": CallRing;
  "session.revoked": SessionRevoked;
  "channel.created": Channel;
  "channel.withdrawn": ChannelWithdrawn;
  "workspace.member.joined": WorkspaceMember;
  "workspace.member.left": WorkspaceMemberLeft;
  "user.updated": User;
}

/** One event of a stream; `name` says the shape of `data`. */
export type EventFrame = {
  [N in EventName]: { type: "event"; stream: StreamID; seq: number; name: N; data: EventPayloads[N] };
}[EventName];

/** A frame from the client: one JSON object in a text message. */
export type ClientFrame =
  | ({ type: "identify" } & Identify)
  | { type: "heartbeat" }
  | ({ type: "presenceUpdate" } & PresenceUpdate)
  | ({ type: "presenceWatch" } & PresenceWatch)
  | ({ type: "typing" } & Typing)
  | ({ type: "callJoin" } & CallJoin)
  | ({ type: "callOffer" } & CallOffer)
  | ({ type: "callUpdate" } & CallUpdate)
  | ({ type: "callView" } & CallView)
  | { type: "callLeave" };

/** A frame from the gateway: one JSON object in a text message. */
export type ServerFrame =
  | ({ type: "hello" } & Hello)
  | ({ type: "ready" } & Ready)
  | ({ type: "reset" } & Reset)
  | { type: "current" }
  | { type: "heartbeat" }
  | ({ type: "move" } & Move)
  | ({ type: "presence" } & PresenceStates)
  | ({ type: "typing" } & TypingState)
  | ({ type: "callJoined" } & CallJoined)
  | ({ type: "callFailed" } & CallFailed)
  | ({ type: "callAnswer" } & CallAnswer)
  | ({ type: "callState" } & CallState)
  | ({ type: "callSpeakers" } & CallSpeakers)
  | ({ type: "callLayers" } & CallLayers)
  | ({ type: "callEnded" } & CallEnded);

export const eventNames: readonly EventName[] = [
  "message.created",
  "message.edited",
  "message.deleted",
  "channel.updated",
  "channel.member.joined",
  "channel.member.left",
  "call.updated",
  "channel.joined",
  "channel.left",
  "workspace.joined",
  "workspace.left",
  "channel.read",
  "mention.created",
  "mention.removed",
  "ring.updated",
  "session.revoked",
  "channel.created",
  "channel.withdrawn",
  "workspace.member.joined",
  "workspace.member.left",
  "user.updated",
];

export const limits = {
  usernameCount: { min: 3, max: 20 },
  displayNameCount: { min: 1, max: 64 },
  passwordCount: { min: 8, max: 128 },
  workspaceNameCount: { min: 1, max: 64 },
  channelNameCount: { min: 1, max: 64 },
  channelTopicCount: { min: 0, max: 250 },
  messageScalarCount: { min: 1, max: 16000 },
  pageCount: { min: 1, max: 200 },
  fileLinkCount: { min: 1, max: 100 },
  messageByteCount: 65536,
  defaultPageCount: 50,
  cursorsPerIdentify: 3000,
  attachmentsPerMessage: 10,
  heartbeatIntervalMilliseconds: 25000,
  heartbeatTimeoutMilliseconds: 90000,
  messageMuteMilliseconds: 30000,
} as const;

/** What to do when the gateway closes the socket with this code. */
export const closeActions: Record<number, "resume" | "refresh" | "signIn" | "stop"> = {
  4000: "resume",
  4001: "resume",
  4002: "resume",
  4003: "resume",
  4004: "resume",
  4100: "refresh",
  4200: "signIn",
  4201: "signIn",
  4300: "stop",
  4301: "stop",
  4302: "stop",
  4303: "stop",
  4304: "stop",
};

export const endpoints = {
  register: { method: "POST", path: "/api/v1/auth/register" },
  logIn: { method: "POST", path: "/api/v1/auth/login" },
  refresh: { method: "POST", path: "/api/v1/auth/refresh" },
  logOut: { method: "POST", path: "/api/v1/auth/logout" },
  listSessions: { method: "GET", path: "/api/v1/auth/sessions" },
  revokeSession: { method: "DELETE", path: "/api/v1/auth/sessions/{sessionID}" },
  bootstrap: { method: "GET", path: "/api/v1/bootstrap" },
  me: { method: "GET", path: "/api/v1/me" },
  updateMe: { method: "PATCH", path: "/api/v1/me" },
  listWorkspaces: { method: "GET", path: "/api/v1/workspaces" },
  createWorkspace: { method: "POST", path: "/api/v1/workspaces" },
  listWorkspaceMembers: { method: "GET", path: "/api/v1/workspaces/{workspaceID}/members" },
  removeWorkspaceMember: { method: "DELETE", path: "/api/v1/workspaces/{workspaceID}/members/{userID}" },
  createInvite: { method: "POST", path: "/api/v1/workspaces/{workspaceID}/invites" },
  acceptInvite: { method: "POST", path: "/api/v1/invites/{code}/accept" },
  listChannels: { method: "GET", path: "/api/v1/workspaces/{workspaceID}/channels" },
  createChannel: { method: "POST", path: "/api/v1/workspaces/{workspaceID}/channels" },
  openDirectChannel: { method: "POST", path: "/api/v1/workspaces/{workspaceID}/direct" },
  readChannel: { method: "GET", path: "/api/v1/channels/{channelID}" },
  updateChannel: { method: "PATCH", path: "/api/v1/channels/{channelID}" },
  joinChannel: { method: "POST", path: "/api/v1/channels/{channelID}/join" },
  leaveChannel: { method: "POST", path: "/api/v1/channels/{channelID}/leave" },
  listChannelMembers: { method: "GET", path: "/api/v1/channels/{channelID}/members" },
  addChannelMember: { method: "POST", path: "/api/v1/channels/{channelID}/members" },
  removeChannelMember: { method: "DELETE", path: "/api/v1/channels/{channelID}/members/{userID}" },
  readCall: { method: "GET", path: "/api/v1/channels/{channelID}/call" },
  listCalls: { method: "GET", path: "/api/v1/channels/{channelID}/calls" },
  moderateCall: { method: "POST", path: "/api/v1/channels/{channelID}/call/moderate" },
  listCallRemovals: { method: "GET", path: "/api/v1/channels/{channelID}/call/removals" },
  removeFromCall: { method: "POST", path: "/api/v1/channels/{channelID}/call/removals" },
  allowIntoCall: { method: "DELETE", path: "/api/v1/channels/{channelID}/call/removals/{userID}" },
  declineRing: { method: "POST", path: "/api/v1/rings/{ringID}/decline" },
  startRecording: { method: "POST", path: "/api/v1/channels/{channelID}/call/recording" },
  stopRecording: { method: "DELETE", path: "/api/v1/channels/{channelID}/call/recording" },
  publish: { method: "POST", path: "/api/v1/channels/{channelID}/whip" },
  updatePublisher: { method: "PATCH", path: "/api/v1/channels/{channelID}/whip/{participantID}" },
  endPublisher: { method: "DELETE", path: "/api/v1/channels/{channelID}/whip/{participantID}" },
  subscribe: { method: "POST", path: "/api/v1/channels/{channelID}/whep" },
  updateSubscriber: { method: "PATCH", path: "/api/v1/channels/{channelID}/whep/{participantID}" },
  endSubscriber: { method: "DELETE", path: "/api/v1/channels/{channelID}/whep/{participantID}" },
  sendMessage: { method: "POST", path: "/api/v1/channels/{channelID}/messages" },
  listMessages: { method: "GET", path: "/api/v1/channels/{channelID}/messages" },
  editMessage: { method: "PATCH", path: "/api/v1/channels/{channelID}/messages/{messageID}" },
  deleteMessage: { method: "DELETE", path: "/api/v1/channels/{channelID}/messages/{messageID}" },
  createFile: { method: "POST", path: "/api/v1/channels/{channelID}/files" },
  uploadFile: { method: "PUT", path: "/api/v1/files/{fileID}/content" },
  readFile: { method: "GET", path: "/api/v1/files/{fileID}" },
  createFileLinks: { method: "POST", path: "/api/v1/channels/{channelID}/files/links" },
  downloadFile: { method: "GET", path: "/files/{fileID}/{name}" },
  markRead: { method: "POST", path: "/api/v1/channels/{channelID}/read" },
  markUnread: { method: "POST", path: "/api/v1/channels/{channelID}/unread" },
  readUnread: { method: "GET", path: "/api/v1/channels/{channelID}/unread" },
} as const;
