import type { PendingFile } from "./attachments";
import type { Call } from "./call-model";
import type {
  Bootstrap, Channel, ChannelCall, ChannelID, ChannelMember, ChannelUnread, CurrentUser, EventFrame, Message, MessageID,
  MessagePage, PresenceStates, Ready, Reset, RingID, RingOutcome, Session, SessionID, TypingState, UserID, WorkspaceID, WorkspaceMember,
} from "./contracts";
import type { Outgoing } from "./outbox";
import type { OwnPresence } from "./presence-model";
import type { ConnectionState, DialogState } from "./state";

/** Everything that can happen to the state. */
export type Action =
  // The session
  | { type: "startFailed"; problem: string }
  | {
    type: "signedIn"; user: CurrentUser; sessionID: SessionID;
    drafts: Record<ChannelID, string>; unsent: Outgoing[]; ownPresence: OwnPresence;
  }
  | { type: "signedOut"; notice?: string }
  | { type: "profileChanged"; user: CurrentUser }
  | { type: "sessionsLoaded"; sessions: Session[] }
  // The gateway
  | { type: "connectionChanged"; connection: ConnectionState }
  | { type: "ready"; frame: Ready }
  | { type: "reset"; frame: Reset }
  | { type: "event"; frame: EventFrame }
  | { type: "presence"; frame: PresenceStates }
  | { type: "presenceWatched"; userIDs: readonly UserID[] }
  | { type: "typing"; frame: TypingState; now: number }
  | { type: "typingExpired"; now: number }
  // What HTTP answered
  | { type: "bootstrapLoaded"; snapshot: Bootstrap }
  | { type: "workspaceLoaded"; workspaceID: WorkspaceID; members: WorkspaceMember[]; channels: Channel[] }
  | { type: "channelsLoaded"; workspaceID: WorkspaceID; channels: Channel[] }
  | { type: "channelLoaded"; channel: Channel }
  | { type: "callLoaded"; call: ChannelCall }
  | { type: "ringEnded"; ringID: RingID; outcome: RingOutcome }
  | { type: "channelMembersLoaded"; channelID: ChannelID; members: ChannelMember[] }
  | { type: "timelineAsked"; channelID: ChannelID }
  | { type: "newestLoaded"; channelID: ChannelID; page: MessagePage }
  | { type: "olderAsked"; channelID: ChannelID }
  | { type: "olderLoaded"; channelID: ChannelID; before: string; page: MessagePage }
  | { type: "olderFailed"; channelID: ChannelID }
  | { type: "messageAnswered"; message: Message }
  | { type: "unreadLoaded"; unread: ChannelUnread }
  | { type: "loadFailed"; key: string; problem: string }
  // Sending
  | { type: "messageWritten"; outgoing: Outgoing }
  | { type: "sendFailed"; key: string; problem: string }
  | { type: "sendDelayed"; key: string; problem: string }
  | { type: "sendMuted"; channelID: ChannelID; until: number }
  | { type: "sendRetried"; key: string }
  | { type: "sendDiscarded"; key: string }
  | { type: "draftChanged"; channelID: ChannelID; text: string }
  | { type: "fileAttached"; file: PendingFile }
  | { type: "fileChanged"; key: string; changes: Partial<PendingFile> }
  | { type: "fileRemoved"; key: string }
  | { type: "markedRead"; channelID: ChannelID }
  | { type: "markedUnread"; channelID: ChannelID; seq: number }
  | { type: "positionRefused"; channelID: ChannelID }
  | { type: "markFailed"; channelID: ChannelID; problem: string }
  // The person themselves
  | { type: "ownPresenceChanged"; ownPresence: OwnPresence }
  | { type: "idleChanged"; isIdle: boolean }
  // The call of this tab
  | { type: "callChanged"; call: Call }
  // What the person looks at
  | { type: "workspaceChosen"; workspaceID: WorkspaceID }
  | { type: "channelChosen"; channelID: ChannelID; workspaceID?: WorkspaceID }
  | { type: "inviteOpened"; code: string }
  | { type: "inviteClosed" }
  | { type: "attentionChanged"; isAttended: boolean }
  | { type: "endReached"; channelID: ChannelID; isAtEnd: boolean }
  | { type: "mentioningStarted" }
  | { type: "noticeShown"; notice: string }
  | { type: "noticeDismissed" }
  | { type: "sidebarToggled"; isOpen: boolean }
  | { type: "membersToggled"; isOpen: boolean }
  | { type: "editingChanged"; messageID: MessageID | undefined }
  | { type: "dialogOpened"; dialog: DialogState }
  | { type: "dialogClosed" };
