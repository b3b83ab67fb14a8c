import type { Channel, ChannelCall, ChannelID, EventFrame, Message, User } from "./contracts";
import { place } from "./frames";
import { withoutTaken } from "./outbox";
import { without } from "./state";
import type { JoinedChannel, State } from "./state";
import { applyDeletion, applyMessage, emptyTimeline, keptMessageCount } from "./timeline";

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
      return withMessage(state, frame.data);
    case "message.deleted":
      return changeJoined(state, frame.data.channelID, (joined) => ({
        ...joined, timeline: applyDeletion(joined.timeline, frame.data),
      }));
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
  return { ...next, joined: { ...state.joined, [channel.id]: { ...newlyJoined, isCallStale: true } } };
}

export function withoutChannel(state: State, channelID: ChannelID): State {
  const channel = state.channels[channelID];
  const isGone = channel?.visibility !== "public";
  return {
    ...state,
    joined: without(state.joined, channelID),
    calls: without(state.calls, channelID),
    channels: isGone ? without(state.channels, channelID) : state.channels,
    cursors: without(state.cursors, `channel:${channelID}`),
    outbox: state.outbox.filter((outgoing) => outgoing.channelID !== channelID),
    view: state.view.channelID === channelID ? { ...state.view, channelID: undefined } : state.view,
  };
}

export const newlyJoined: JoinedChannel = {
  timeline: emptyTimeline, members: {}, hasMembers: false, isStale: false, isCallStale: false, unread: 0, unreadFrom: undefined,
};

/** Whether the channel is before the person's eyes: what arrives in it is not unread. */
export function isInView(state: State, channelID: ChannelID): boolean {
  return state.view.isVisible && state.view.channelID === channelID;
}

function messageCreated(state: State, message: Message): State {
  const next = withMessage(state, message);
  if (isInView(state, message.channelID) || isMine(state, message)) return next;
  return changeJoined(next, message.channelID, (joined) => ({
    ...joined,
    unread: joined.unread + 1,
    unreadFrom: joined.unreadFrom ?? message.seq,
    timeline: isOverfull(state, message.channelID) ? emptyTimeline : joined.timeline,
  }));
}

/** Out of view a timeline is bounded; in view it may grow, because its top is where the person reads. */
function isOverfull(state: State, channelID: ChannelID): boolean {
  const timeline = state.joined[channelID]?.timeline;
  return state.view.channelID !== channelID && timeline !== undefined
    && Object.keys(timeline.messages).length >= keptMessageCount;
}

function isMine(state: State, message: Message): boolean {
  return state.session.phase === "signedIn" && state.session.user.id === message.authorID;
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
