import type { Call } from "./call-model";
import { idleCall } from "./call-model";
import type {
  Channel, ChannelCall, ChannelID, CurrentUser, MessageID, Session, SessionID, StreamID, Timestamp, User, UserID, Workspace,
  WorkspaceID, WorkspaceRole,
} from "./contracts";
import type { PendingFile } from "./attachments";
import type { Outgoing } from "./outbox";
import { defaultPresence } from "./presence-model";
import type { OwnPresence, Presence } from "./presence-model";
import type { Rings } from "./rings";
import type { Timeline } from "./timeline";
import type { Typists } from "./typing";
import type { Reading } from "./unread";

/** Everything the client knows. Only `reduce` makes a new one. */
export interface State {
  session: SessionState;
  connection: ConnectionState;
  /** Whether workspaces and joined channels are those of the server: `stale` asks for a new snapshot. */
  snapshot: "missing" | "stale" | "loaded";
  /** The last event applied of each stream. A stream without an entry is not followed. */
  cursors: Readonly<Record<StreamID, number>>;
  users: Readonly<Record<UserID, User>>;
  workspaces: Readonly<Record<WorkspaceID, JoinedWorkspace>>;
  /** Every channel that was seen: the joined ones and the public ones of workspaces. */
  channels: Readonly<Record<ChannelID, Channel>>;
  joined: Readonly<Record<ChannelID, JoinedChannel>>;
  /** Who is in the call of each channel, as far as somebody is or was. */
  calls: Readonly<Record<ChannelID, ChannelCall>>;
  rings: Rings;
  /** The call this tab is in. */
  call: Call;
  /** Messages that the server has not taken yet, in the order they were written. */
  outbox: readonly Outgoing[];
  /** What is attached to messages that are being written, of all channels, in the order in which it was attached. */
  attaching: readonly PendingFile[];
  /** Until when the server refuses messages, by channel, in Unix milliseconds. */
  mutedUntil: Readonly<Record<ChannelID, number>>;
  drafts: Readonly<Record<ChannelID, string>>;
  /** How reachable the people are whose presence is watched. */
  presence: Readonly<Record<UserID, Presence>>;
  ownPresence: OwnPresence;
  /** Whether nobody has touched this device for a while, or the page is out of sight. */
  isIdle: boolean;
  typists: Typists;
  /** The user's sessions, once the settings asked for them. */
  sessions: readonly Session[] | undefined;
  /** Why a load failed last, by its key; gone when it succeeds. */
  loadProblems: Readonly<Record<string, string>>;
  view: ViewState;
}

export type SessionState =
  | { phase: "starting"; problem?: string }
  | { phase: "signedOut"; notice?: string }
  | { phase: "signedIn"; user: CurrentUser; sessionID: SessionID };

export type ConnectionState =
  | { phase: "idle" }
  | { phase: "connecting"; attempt: number }
  | { phase: "replaying" }
  | { phase: "current" }
  | { phase: "waiting"; attempt: number; retryAt: number }
  /** Trying again would not help; `code` is that of the close. */
  | { phase: "stopped"; code: number };

export interface JoinedWorkspace {
  workspace: Workspace;
  /** `null` remembers that a person left, so that a page read earlier cannot bring them back. */
  members: Readonly<Record<UserID, { role: WorkspaceRole; joinedAt: Timestamp } | null>>;
  isLoaded: boolean;
}

export interface JoinedChannel {
  timeline: Timeline;
  /** When each member joined; `null` remembers that a person left, so that a page read earlier cannot bring them back. */
  members: Readonly<Record<UserID, Timestamp | null>>;
  hasMembers: boolean;
  /** Whether the channel's name and topic may have changed unseen. */
  isStale: boolean;
  /** Whether somebody may have joined or left its call unseen. */
  isCallStale: boolean;
  reading: Reading;
}

export type DialogState =
  | { name: "createWorkspace" | "createChannel" | "browse" | "invite" | "direct" | "switcher" | "settings" }
  | { name: "workspace" | "status" }
  | { name: "channel" | "addPeople" | "joinCall" | "callLog"; channelID: ChannelID }
  | { name: "callDevices" }
  | { name: "removeFromCall"; channelID: ChannelID; userID: UserID }
  | { name: "callRemovals"; channelID: ChannelID }
  | { name: "removeMember"; channelID: ChannelID; userID: UserID }
  | { name: "deleteMessage"; channelID: ChannelID; messageID: MessageID };

export interface ViewState {
  workspaceID: WorkspaceID | undefined;
  channelID: ChannelID | undefined;
  /** An invite that waits to be accepted. */
  inviteCode: string | undefined;
  /** Where the "New" line of the channel in view goes: before the first message of another with this number or more. */
  newFrom: number | undefined;
  /** Whether the page is in sight and has the focus. */
  isAttended: boolean;
  /** Whether the end of the channel in view is on the screen: then what arrives is read. */
  isAtEnd: boolean;
  /** Messages were marked unread in the channel in view: it stays so until the person comes back to it. */
  isHeldUnread: boolean;
  /** Whether somebody's name is being completed, which takes the members of the channel. */
  isMentioning: boolean;
  /** Something that went wrong, for a person, until it is dismissed. */
  notice: string | undefined;
  isSidebarOpen: boolean;
  isMembersOpen: boolean;
  editing: MessageID | undefined;
  dialog: DialogState | undefined;
}

export const initialState: State = {
  session: { phase: "starting" },
  connection: { phase: "idle" },
  snapshot: "missing",
  cursors: {},
  users: {},
  workspaces: {},
  channels: {},
  joined: {},
  calls: {},
  rings: {},
  call: idleCall,
  outbox: [],
  attaching: [],
  mutedUntil: {},
  drafts: {},
  presence: {},
  ownPresence: defaultPresence,
  isIdle: false,
  typists: {},
  sessions: undefined,
  loadProblems: {},
  view: {
    workspaceID: undefined,
    channelID: undefined,
    inviteCode: undefined,
    newFrom: undefined,
    isAttended: true,
    isAtEnd: false,
    isHeldUnread: false,
    isMentioning: false,
    notice: undefined,
    isSidebarOpen: false,
    isMembersOpen: false,
    editing: undefined,
    dialog: undefined,
  },
};

export function without<V>(record: Readonly<Record<string, V>>, key: string): Record<string, V> {
  const { [key]: _, ...rest } = record;
  return rest;
}
