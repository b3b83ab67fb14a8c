import type { CallParticipant, Channel, ChannelID, Message, User, UserID, WorkspaceID } from "./contracts";
import type { State } from "./state";
import { orderedMessages } from "./timeline";
import { mentionsIn, unreadIn, unreadLimit } from "./unread";

export function myID(state: State): UserID | undefined {
  return state.session.phase === "signedIn" ? state.session.user.id : undefined;
}

/** The other person of a direct conversation; oneself in a conversation with oneself. */
export function partnerOf(state: State, channel: Channel): User | undefined {
  const mine = myID(state);
  const id = channel.participants.find((participant) => participant !== mine) ?? channel.participants[0];
  return id === undefined ? undefined : state.users[id];
}

export function titleOf(state: State, channel: Channel): string {
  return channel.name ?? partnerOf(state, channel)?.displayName ?? "Direct message";
}

export interface ChannelGroups {
  text: Channel[];
  voice: Channel[];
  direct: Channel[];
}

/** Whether a channel is there for its call, with text beside it. */
export function isRoom({ kind }: Channel): boolean {
  return kind === "voice" || kind === "stage";
}

/** The joined channels of a workspace, each group by name; a stage is among those for voice. */
export function channelGroups(state: State, workspaceID: WorkspaceID | undefined): ChannelGroups {
  const groups: ChannelGroups = { text: [], voice: [], direct: [] };
  for (const id of Object.keys(state.joined)) {
    const channel = state.channels[id];
    if (channel?.workspaceID === workspaceID && channel !== undefined) groups[channel.kind === "stage" ? "voice" : channel.kind].push(channel);
  }
  const byTitle = (left: Channel, right: Channel) => titleOf(state, left).localeCompare(titleOf(state, right));
  return { text: groups.text.sort(byTitle), voice: groups.voice.sort(byTitle), direct: groups.direct.sort(byTitle) };
}

/** The channel above or below the one in view, in the order of the list, around its ends. */
export function neighbourChannel(state: State, step: 1 | -1): ChannelID | undefined {
  const { text, voice, direct } = channelGroups(state, state.view.workspaceID);
  const all = [...text, ...voice, ...direct];
  const place = all.findIndex((channel) => channel.id === state.view.channelID);
  return all[(place + step + all.length) % all.length]?.id;
}

/** Public channels of a workspace that the person is not in, by name. */
export function joinableChannels(state: State, workspaceID: WorkspaceID | undefined): Channel[] {
  return Object.values(state.channels)
    .filter((channel) =>
      channel.workspaceID === workspaceID && channel.visibility === "public" && channel.kind !== "direct"
      && !(channel.id in state.joined))
    .sort((left, right) => (left.name ?? "").localeCompare(right.name ?? ""));
}

/** The people of a workspace by name, without oneself. */
export function otherPeople(state: State, workspaceID: WorkspaceID | undefined): User[] {
  const members = workspaceID === undefined ? undefined : state.workspaces[workspaceID]?.members;
  const mine = myID(state);
  return byName(Object.keys(members ?? {}).filter((id) => id !== mine && members?.[id] != null).map((id) => state.users[id]));
}

/** All people of a workspace by name. */
export function workspacePeople(state: State, workspaceID: WorkspaceID): User[] {
  const members = state.workspaces[workspaceID]?.members ?? {};
  return byName(Object.keys(members).filter((id) => members[id] !== null).map((id) => state.users[id]));
}

/** Whether the person may do in a workspace what only its owners may. */
export function isOwner(state: State, workspaceID: WorkspaceID): boolean {
  const mine = myID(state);
  return mine !== undefined && state.workspaces[workspaceID]?.members[mine]?.role === "owner";
}

/** The people of a channel by name. */
export function channelPeople(state: State, channelID: ChannelID): User[] {
  const members = state.joined[channelID]?.members ?? {};
  return byName(Object.keys(members).filter((id) => members[id] !== null).map((id) => state.users[id]));
}

function byName(users: (User | undefined)[]): User[] {
  return users.filter((user): user is User => user !== undefined)
    .sort((left, right) => left.displayName.localeCompare(right.displayName));
}

/** What waits in a channel. A direct message calls its reader as a mention does. */
export interface Waiting {
  unread: number;
  /** What the badge says. */
  calls: number;
}

export function waitingIn(state: State, channelID: ChannelID): Waiting {
  const reading = state.joined[channelID]?.reading;
  if (!reading) return { unread: 0, calls: 0 };
  const unread = unreadIn(reading);
  return { unread, calls: state.channels[channelID]?.kind === "direct" ? unread : mentionsIn(reading) };
}

/** What waits in a workspace, or in all of them. */
export function waitingInAll(state: State, workspaceID?: WorkspaceID): Waiting {
  const sum = { unread: 0, calls: 0 };
  for (const id of Object.keys(state.joined)) {
    if (workspaceID !== undefined && state.channels[id]?.workspaceID !== workspaceID) continue;
    const { unread, calls } = waitingIn(state, id);
    sum.unread += unread;
    sum.calls += calls;
  }
  return sum;
}

/** A count as a badge shows it: counts end at `unreadLimit`. */
export function badgeOf(count: number): string {
  return count >= unreadLimit ? `${unreadLimit - 1}+` : String(count);
}

/** The last message of one's own in a channel: what the up arrow edits. */
export function lastOwnMessage(state: State, channelID: ChannelID): Message | undefined {
  const timeline = state.joined[channelID]?.timeline;
  const mine = myID(state);
  return timeline && orderedMessages(timeline).reverse().find((message) => message.authorID === mine);
}

/** The seats in the call of a channel; none when there is no call. */
export function callParticipants(state: State, channelID: ChannelID): readonly CallParticipant[] {
  return state.calls[channelID]?.participants ?? [];
}

/** The people in the call of a channel, each once however many devices they joined with, by when they joined. */
export function callPeople(state: State, channelID: ChannelID): (User | undefined)[] {
  return callUserIDs(state, channelID).map((id) => state.users[id]);
}

export function callUserIDs(state: State, channelID: ChannelID): UserID[] {
  return [...new Set(callParticipants(state, channelID).map((participant) => participant.userID))];
}

/** Names in a sentence, the first few by name: "Ana, Ben and 3 others". */
export function namesOf(people: readonly (User | undefined)[], shown = 3): string {
  const names = people.map((user) => user?.displayName ?? "Somebody");
  const rest = names.length - shown;
  const parts = rest > 1 ? [...names.slice(0, shown), `${rest} others`] : names;
  return parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}

/** Whether every word of the query begins a word of the text, whatever their case. */
export function matches(text: string, query: string): boolean {
  const words = text.toLocaleLowerCase().split(/[\s_-]+/);
  return query.toLocaleLowerCase().split(/\s+/).filter(Boolean)
    .every((part) => words.some((word) => word.startsWith(part)));
}
