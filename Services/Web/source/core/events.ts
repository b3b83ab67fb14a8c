import type {
  Channel, ChannelCall, ChannelID, ChannelUnread, EventFrame, Message, MessageDeleted, User, UserID, WorkspaceID,
} from "./contracts";
import { place } from "./frames";
import { withRing } from "./rings";
import { withoutTaken } from "./outbox";
import { without } from "./state";
import type { JoinedChannel, State } from "./state";
import { applyDeletion, applyMessage, emptyTimeline, keptMessageCount } from "./timeline";
import { withTypist } from "./typing";
import { applyCount, confirm, countCreated, countDeleted, countEdited, readingFrom, unknownReading } from "./unread";
import type { Reading } from "./unread";

/** Applies the next event of a stream and moves its cursor; any other event changes nothing. */
export function applyEvent(state: State, frame: EventFrame): State {
  if (place(state.cursors, frame) !== "next") return state;
  return applyKnown({ ...state, cursors: { ...state.cursors, [frame.stream]: frame.seq } }, frame);
}

/** Every event has its case: a new one in the contracts is a type error here until it is handled. */
function applyKnown(state: State, frame: EventFrame): State {
  switch (frame.name) {
    case "message.created":
      return messageCreated(state, frame.data);
    case "message.edited":
      return messageEdited(state, frame.data);
    case "message.deleted":
      return messageDeleted(state, frame.data);
    case "channel.updated":
    case "channel.created":
      return withChannel(state, frame.data);
    case "channel.member.joined": {
      const { user, joinedAt } = frame.data;
      return changeJoined(withUser(state, user), entityOf(frame.stream), (joined) => ({
        ...joined, members: { ...joined.members, [user.id]: joinedAt },
      }));
    }
    case "channel.member.left":
      return changeJoined(state, entityOf(frame.stream), (joined) => ({
        ...joined, members: { ...joined.members, [frame.data.userID]: null },
      }));
    case "call.updated":
      return withCall(state, frame.data);
    case "channel.joined":
      return withJoinedChannel(state, frame.data.channel, frame.data.seq);
    case "channel.left":
      return withoutChannel(state, frame.data.channelID);
    case "channel.read":
      return positionMoved(state, frame.data);
    case "mention.created":
    case "mention.removed":
      // The channel's own stream brings the message, and with it what is counted; these are for who does not follow it.
      return state;
    case "ring.updated":
      return withRing(state, frame.data);
    case "channel.withdrawn":
      return withdrawn(state, frame.data.channelID);
    case "workspace.left":
      return withoutWorkspace(state, frame.data.workspaceID);
    case "workspace.member.left":
      return withoutMember(state, entityOf(frame.stream), frame.data.userID);
    case "workspace.joined": {
      const { workspace, seq } = frame.data;
      const known = state.workspaces[workspace.id];
      return {
        ...state,
        workspaces: {
          ...state.workspaces,
          [workspace.id]: known ? { ...known, workspace } : { workspace, members: {}, isLoaded: false },
        },
        cursors: followFrom(state, `workspace:${workspace.id}`, seq),
      };
    }
    case "session.revoked":
      return sessionRevoked(state, frame.data.sessionID);
    case "workspace.member.joined": {
      const { user, role, joinedAt } = frame.data;
      const known = state.workspaces[entityOf(frame.stream)];
      if (!known) return state;
      const members = { ...known.members, [user.id]: { role, joinedAt } };
      return {
        ...withUser(state, user),
        workspaces: { ...state.workspaces, [known.workspace.id]: { ...known, members } },
      };
    }
    case "user.updated":
      return withUser(state, frame.data);
    default: {
      // A gateway of a later version may send more; nothing of it is known here.
      const unhandled: never = frame;
      return unhandled ? state : state;
    }
  }
}

export function changeJoined(
  state: State, channelID: ChannelID, change: (joined: JoinedChannel) => JoinedChannel,
): State {
  const joined = state.joined[channelID];
  return joined ? { ...state, joined: { ...state.joined, [channelID]: change(joined) } } : state;
}

export function withUser(state: State, user: User): State {
  const next = { ...state, users: { ...state.users, [user.id]: user } };
  if (state.session.phase !== "signedIn" || state.session.user.id !== user.id) return next;
  return { ...next, session: { ...state.session, user: { ...state.session.user, ...user } } };
}

/** Takes a state of a channel; the higher version wins. */
export function withChannel(state: State, channel: Channel): State {
  const known = state.channels[channel.id];
  if (known && known.version >= channel.version) return state;
  return { ...state, channels: { ...state.channels, [channel.id]: channel } };
}

/** Takes a state of the call of a joined channel; the higher version wins. */
export function withCall(state: State, call: ChannelCall): State {
  const known = state.calls[call.channelID];
  if (!(call.channelID in state.joined) || (known && known.version >= call.version)) return state;
  return { ...state, calls: { ...state.calls, [call.channelID]: call } };
}

/** Takes a state of a message, from an event or an answer: it is no longer on its way. */
export function withMessage(state: State, message: Message): State {
  return changeJoined({ ...state, outbox: withoutTaken(state.outbox, message) }, message.channelID, (joined) => ({
    ...joined, timeline: applyMessage(joined.timeline, message),
  }));
}

export function withJoinedChannel(state: State, channel: Channel, seq: number): State {
  const next = { ...withChannel(state, channel), cursors: followFrom(state, `channel:${channel.id}`, seq) };
  if (channel.id in state.joined) return next;
  const joined = { ...newlyJoined, reading: readingFrom(seq), isCallStale: true };
  return { ...next, joined: { ...state.joined, [channel.id]: joined } };
}

export function withoutChannel(state: State, channelID: ChannelID): State {
  const channel = state.channels[channelID];
  const isGone = channel?.visibility !== "public";
  return {
    ...state,
    joined: without(state.joined, channelID),
    calls: without(state.calls, channelID),
    rings: without(state.rings, channelID),
    typists: without(state.typists, channelID),
    channels: isGone ? without(state.channels, channelID) : state.channels,
    cursors: without(state.cursors, `channel:${channelID}`),
    outbox: state.outbox.filter((outgoing) => outgoing.channelID !== channelID),
    view: state.view.channelID === channelID ? { ...state.view, channelID: undefined } : state.view,
  };
}

/** A public channel became private: who is not in it forgets it. */
function withdrawn(state: State, channelID: ChannelID): State {
  return channelID in state.joined ? state : { ...state, channels: without(state.channels, channelID) };
}

function withoutWorkspace(state: State, workspaceID: WorkspaceID): State {
  const channels = Object.values(state.channels).filter((channel) => channel.workspaceID === workspaceID);
  const next = channels.reduce((rest, { id }) => withoutChannel(rest, id), state);
  return {
    ...next,
    channels: Object.fromEntries(Object.entries(next.channels).filter(([, channel]) => channel.workspaceID !== workspaceID)),
    workspaces: without(next.workspaces, workspaceID),
    cursors: without(next.cursors, `workspace:${workspaceID}`),
    view: next.view.workspaceID === workspaceID
      ? { ...next.view, workspaceID: undefined, channelID: undefined, dialog: undefined } : next.view,
  };
}

function withoutMember(state: State, workspaceID: WorkspaceID, userID: UserID): State {
  const known = state.workspaces[workspaceID];
  if (!known) return state;
  const workspace = { ...known, members: { ...known.members, [userID]: null } };
  return { ...state, workspaces: { ...state.workspaces, [workspaceID]: workspace } };
}

export const newlyJoined: JoinedChannel = {
  timeline: emptyTimeline, members: {}, hasMembers: false, isStale: false, isCallStale: false, reading: unknownReading,
};

/** Takes a count of what is unread in a channel, from a snapshot or an answer. */
export function withUnread(state: State, unread: ChannelUnread): State {
  return changeReading(state, unread.channelID, (reading, joined) =>
    applyCount(reading, unread, meOf(state), joined.timeline));
}

export function changeReading(
  state: State, channelID: ChannelID, change: (reading: Reading, joined: JoinedChannel) => Reading,
): State {
  const joined = state.joined[channelID];
  if (!joined) return state;
  const reading = change(joined.reading, joined);
  return reading === joined.reading ? state : { ...state, joined: { ...state.joined, [channelID]: { ...joined, reading } } };
}

function messageCreated(state: State, message: Message): State {
  const { channelID, authorID } = message;
  const next = changeReading(withMessage(state, message), channelID, (reading) =>
    countCreated(reading, message, meOf(state)));
  const settled = { ...next, typists: withTypist(next.typists, channelID, authorID, undefined) };
  if (!isOverfull(state, channelID)) return settled;
  return changeJoined(settled, channelID, (joined) => ({ ...joined, timeline: emptyTimeline }));
}

function messageEdited(state: State, message: Message): State {
  const counted = changeReading(state, message.channelID, (reading, { timeline }) =>
    countEdited(reading, message, meOf(state), timeline.messages[message.id]));
  return withMessage(counted, message);
}

function messageDeleted(state: State, deletion: MessageDeleted): State {
  const counted = changeReading(state, deletion.channelID, (reading, { timeline }) =>
    countDeleted(reading, deletion, meOf(state), timeline.messages[deletion.id]));
  return changeJoined(counted, deletion.channelID, (joined) => ({
    ...joined, timeline: applyDeletion(joined.timeline, deletion),
  }));
}

/** A device of the person has read on, or has marked messages unread: here they then stay so. */
function positionMoved(state: State, read: { channelID: ChannelID; seq: number; version: number }): State {
  const before = state.joined[read.channelID]?.reading;
  const next = changeReading(state, read.channelID, (reading, { timeline }) =>
    confirm(reading, read, meOf(state), timeline));
  const isBack = before !== undefined && before.version >= 0 && read.version > before.version && read.seq < before.readSeq
    && read.seq < before.confirmedSeq;
  if (!isBack || state.view.channelID !== read.channelID) return next;
  return { ...next, view: { ...next.view, isHeldUnread: true, newFrom: read.seq + 1 } };
}

/** Out of view a timeline is bounded; in view it may grow, because its top is where the person reads. */
function isOverfull(state: State, channelID: ChannelID): boolean {
  const timeline = state.joined[channelID]?.timeline;
  return state.view.channelID !== channelID && timeline !== undefined
    && Object.keys(timeline.messages).length >= keptMessageCount;
}

export function meOf(state: State): UserID | undefined {
  return state.session.phase === "signedIn" ? state.session.user.id : undefined;
}

/** A snapshot may stand further than the event that says where its stream begins. */
function followFrom(state: State, stream: string, seq: number): State["cursors"] {
  return stream in state.cursors ? state.cursors : { ...state.cursors, [stream]: seq };
}

function sessionRevoked(state: State, sessionID: string): State {
  if (state.session.phase === "signedIn" && state.session.sessionID === sessionID) return state;
  return { ...state, sessions: state.sessions?.filter((session) => session.id !== sessionID) };
}

function entityOf(stream: string): string {
  return stream.slice(stream.indexOf(":") + 1);
}
