import type {
  Bootstrap, Channel, ChannelID, ChannelMember, Ready, Reset, StreamID, User, WorkspaceID, WorkspaceMember,
} from "./contracts";
import { changeJoined, newlyJoined, withCall, withChannel, withUnread, withUser } from "./events";
import { withRingsOf } from "./rings";
import type { JoinedWorkspace, State } from "./state";
import { emptyTimeline } from "./timeline";
import { doubt } from "./unread";

/**
 * Takes the snapshot of the user's stream: workspaces and joined channels become those of the snapshot. One that is
 * older than the events applied so far would undo them and is refused; the loader asks again.
 */
export function applyBootstrap(state: State, snapshot: Bootstrap): State {
  const places = Object.fromEntries(snapshot.cursors.map((cursor) => [cursor.stream, cursor.seq]));
  const own: StreamID = `user:${snapshot.user.id}`;
  const ownSeq = places[own] ?? 0;
  if (ownSeq < (state.cursors[own] ?? 0)) return state;

  const workspaces = snapshot.workspaces.map((workspace): [WorkspaceID, JoinedWorkspace] => {
    const known = state.workspaces[workspace.id];
    return [workspace.id, known ? { ...known, workspace } : { workspace, members: {}, isLoaded: false }];
  });
  const joined = snapshot.channels.map((channel) => [channel.id, state.joined[channel.id] ?? newlyJoined]);
  // Streams that are followed already stay where their events brought them: only the user's stream is this snapshot's.
  const cursors = snapshot.cursors.map(({ stream, seq }) => [stream, state.cursors[stream] ?? seq]);
  const next = snapshot.channels.reduce(withChannel, {
    ...withUser(state, snapshot.user),
    snapshot: "loaded",
    workspaces: Object.fromEntries(workspaces),
    joined: Object.fromEntries(joined),
    cursors: { ...Object.fromEntries(cursors), [own]: ownSeq },
  });
  // A call that is not listed is over, or began with an event that is applied already: what is known of it stands.
  const called = snapshot.calls.reduce(withCall, { ...next, calls: withoutOthers(next.calls, next.joined) });
  return withKnownView(withRingsOf(snapshot.unread.reduce(withUnread, called), snapshot.rings));
}

function withoutOthers<V>(record: Readonly<Record<string, V>>, keys: Readonly<Record<string, unknown>>): Record<string, V> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key in keys));
}

/** What was chosen but is not there, such as an old address of a channel, is chosen no longer. */
function withKnownView(state: State): State {
  const { channelID, workspaceID } = state.view;
  const isChannelKnown = channelID !== undefined && channelID in state.joined;
  const isWorkspaceKnown = workspaceID !== undefined && workspaceID in state.workspaces;
  return {
    ...state,
    view: {
      ...state.view,
      channelID: isChannelKnown ? channelID : undefined,
      workspaceID: isWorkspaceKnown ? workspaceID : undefined,
    },
  };
}

/** A stream without a cursor of ours is delivered from the gateway's place on: what it holds so far comes by HTTP. */
export function applyReady(state: State, frame: Ready): State {
  const fresh = frame.streams.filter(({ stream }) => !(stream in state.cursors));
  if (fresh.length === 0) return state;
  const cursors = { ...state.cursors, ...Object.fromEntries(fresh.map(({ stream, seq }) => [stream, seq])) };
  return { ...state, cursors, snapshot: "stale" };
}

/** The stream is past what can be replayed: its state is dropped, so that `neededLoads` asks for it anew. */
export function applyReset(state: State, { stream, seq }: Reset): State {
  const next: State = { ...state, cursors: { ...state.cursors, [stream]: seq } };
  const colon = stream.indexOf(":");
  const entity = stream.slice(colon + 1);
  switch (stream.slice(0, colon)) {
    case "channel":
      return changeJoined(next, entity, (joined) => ({
        ...joined, timeline: emptyTimeline, members: {}, hasMembers: false, isStale: true, isCallStale: true,
        reading: doubt(joined.reading, seq),
      }));
    case "workspace": {
      const known = next.workspaces[entity];
      if (!known) return next;
      const workspaces = { ...next.workspaces, [entity]: { ...known, members: {}, isLoaded: false } };
      return { ...next, workspaces };
    }
    default:
      return { ...next, snapshot: "stale" };
  }
}

export function applyWorkspace(
  state: State,
  loaded: { workspaceID: WorkspaceID; members: WorkspaceMember[]; channels: Channel[] },
): State {
  const known = state.workspaces[loaded.workspaceID];
  if (!known) return state;
  const members = Object.fromEntries(loaded.members.map(({ user, role, joinedAt }) => [user.id, { role, joinedAt }]));
  const workspaces = {
    ...state.workspaces,
    [loaded.workspaceID]: { ...known, members: { ...members, ...known.members }, isLoaded: true },
  };
  const next = withUsers({ ...state, workspaces }, loaded.members.map((member) => member.user));
  return withChannelList(next, loaded.workspaceID, loaded.channels);
}

/** Takes the channels a person may see; those of the workspace that are not among them, nor joined, are gone. */
export function withChannelList(state: State, workspaceID: WorkspaceID, list: Channel[]): State {
  const seen = new Set(list.map((channel) => channel.id));
  const kept = Object.entries(state.channels).filter(([id, channel]) =>
    channel.workspaceID !== workspaceID || seen.has(id) || id in state.joined);
  return list.reduce(withChannel, { ...state, channels: Object.fromEntries(kept) });
}

/** Takes all members of a channel; what events said of a person meanwhile stands. */
export function withChannelMembers(state: State, channelID: ChannelID, list: ChannelMember[]): State {
  const read = Object.fromEntries(list.map(({ user, joinedAt }) => [user.id, joinedAt]));
  const next = changeJoined(state, channelID, (joined) => ({
    ...joined, members: { ...read, ...joined.members }, hasMembers: true,
  }));
  return withUsers(next, list.map((member) => member.user));
}

/** Adds people not known yet; of a known one an event may have said something newer. */
function withUsers(state: State, users: User[]): State {
  const read = Object.fromEntries(users.map((user) => [user.id, user]));
  return { ...state, users: { ...read, ...state.users } };
}
