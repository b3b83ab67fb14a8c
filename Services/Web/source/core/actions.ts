import type { Call } from "./call-model";
import type {
  Bootstrap, Channel, ChannelCall, ChannelID, ChannelMember, CurrentUser, EventFrame, Message, MessageID, MessagePage, Ready, Reset,
  Session, SessionID, WorkspaceID, WorkspaceMember,
} from "./contracts";
import type { Outgoing } from "./outbox";
import type { ConnectionState, DialogState } from "./state";

/** Everything that can happen to the state. */
export type Action =
  // The session
  | { type: "startFailed"; problem: string }
  | { type: "signedIn"; user: CurrentUser; sessionID: SessionID; drafts: Record<ChannelID, string>; unsent: Outgoing[] }
  | { type: "signedOut"; notice?: string }
  | { type: "profileChanged"; user: CurrentUser }
  | { type: "sessionsLoaded"; sessions: Session[] }
  // The gateway
  | { type: "connectionChanged"; connection: ConnectionState }
  | { type: "ready"; frame: Ready }
  | { type: "reset"; frame: Reset }
  | { type: "event"; frame: EventFrame }
  // What HTTP answered
  | { type: "bootstrapLoaded"; snapshot: Bootstrap }
  | { type: "workspaceLoaded"; workspaceID: WorkspaceID; members: WorkspaceMember[]; channels: Channel[] }
  | { type: "channelsLoaded"; workspaceID: WorkspaceID; channels: Channel[] }
  | { type: "channelLoaded"; channel: Channel }
  | { type: "callLoaded"; call: ChannelCall }
  | { type: "channelMembersLoaded"; channelID: ChannelID; members: ChannelMember[] }
  | { type: "timelineAsked"; channelID: ChannelID }
  | { type: "newestLoaded"; channelID: ChannelID; page: MessagePage }
  | { type: "olderAsked"; channelID: ChannelID }
  | { type: "olderLoaded"; channelID: ChannelID; before: string; page: MessagePage }
  | { type: "olderFailed"; channelID: ChannelID }
  | { type: "messageAnswered"; message: Message }
  | { type: "loadFailed"; key: string; problem: string }
  // Sending
  | { type: "messageWritten"; outgoing: Outgoing }
  | { type: "sendFailed"; key: string; problem: string }
  | { type: "sendMuted"; key: string; channelID: ChannelID; until: number; problem: string }
  | { type: "sendRetried"; key: string }
  | { type: "sendDiscarded"; key: string }
  | { type: "draftChanged"; channelID: ChannelID; text: string }
  // The call of this tab
  | { type: "callChanged"; call: Call }
  // What the person looks at
  | { type: "workspaceChosen"; workspaceID: WorkspaceID }
  | { type: "channelChosen"; channelID: ChannelID; workspaceID?: WorkspaceID }
  | { type: "inviteOpened"; code: string }
  | { type: "inviteClosed" }
  | { type: "visibilityChanged"; isVisible: boolean }
  | { type: "sidebarToggled"; isOpen: boolean }
  | { type: "membersToggled"; isOpen: boolean }
  | { type: "editingChanged"; messageID: MessageID | undefined }
  | { type: "dialogOpened"; dialog: DialogState }
  | { type: "dialogClosed" };
