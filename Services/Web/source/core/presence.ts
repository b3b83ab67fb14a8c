import type { PresenceState, PresenceUpdate, UserID, UserPresence, WorkspaceID } from "./contracts";
import type { OwnPresence, Presence } from "./presence-model";
import { channelGroups, channelPeople, myID, partnerOf, workspacePeople } from "./selectors";
import type { State } from "./state";
import { orderedMessages } from "./timeline";

/** The gateway watches no more people for one connection. */
const watchLimit = 500;

/** Without input for this long, or out of sight, a person is idle. */
export const idleMilliseconds = 5 * 60 * 1000;

/** What the connection says of its user. */
export function presenceUpdateOf({ choice, status }: OwnPresence, isIdle: boolean): PresenceUpdate {
  return { state: choice === "online" && isIdle ? "idle" : choice, status };
}

/** What a connection counts as until it says something else: nothing needs saying. */
export function isImplied(update: PresenceUpdate): boolean {
  return update.state === "online" && update.status === undefined;
}

/** Takes what the gateway says of people. Of oneself the status stands that a device of one's own set last. */
export function withPresence(state: State, users: readonly UserPresence[]): State {
  const presence = { ...state.presence };
  for (const { userID, state: seen, status } of users) presence[userID] = { state: seen, status };
  const mine = users.find(({ userID }) => userID === myID(state));
  const { status } = state.ownPresence;
  // Who looks as if they were not there is shown without what they say.
  const isSame = !mine || mine.state === "offline"
    || (mine.status?.text === status?.text && mine.status?.emoji === status?.emoji);
  return { ...state, presence, ownPresence: isSame ? state.ownPresence : { ...state.ownPresence, status: mine.status } };
}

/** How a person looks now; unknown while events do not arrive or nobody has said. */
export function presenceOf(state: State, userID: UserID | undefined): Presence | undefined {
  if (userID === undefined) return undefined;
  if (userID === myID(state)) return presenceUpdateOf(state.ownPresence, state.isIdle);
  return isCut(state) ? undefined : state.presence[userID];
}

function isCut({ connection }: State): boolean {
  return connection.phase === "stopped" || (connection.phase === "waiting" && connection.attempt > 0);
}

/**
 * Whose presence is on the screen, the most important first: oneself (for the status other devices set), the partners
 * of direct conversations, the authors of the messages in view, the newest first, and the members if they are shown.
 */
export function watchedUsers(state: State): { workspaceID: WorkspaceID; userIDs: UserID[] } | undefined {
  const { workspaceID, channelID, isMembersOpen, dialog } = state.view;
  const mine = myID(state);
  if (workspaceID === undefined || mine === undefined || state.snapshot === "missing") return undefined;
  const watched = new Set<UserID>([mine]);
  for (const channel of channelGroups(state, workspaceID).direct) {
    const partner = partnerOf(state, channel);
    if (partner) watched.add(partner.id);
  }
  const joined = channelID === undefined ? undefined : state.joined[channelID];
  if (joined?.timeline.status === "loaded") {
    for (const { authorID } of orderedMessages(joined.timeline).reverse()) watched.add(authorID);
  }
  if (channelID !== undefined && isMembersOpen) {
    for (const { id } of channelPeople(state, channelID)) watched.add(id);
  }
  if (dialog?.name === "workspace") {
    for (const { id } of workspacePeople(state, workspaceID)) watched.add(id);
  }
  return { workspaceID, userIDs: [...watched].slice(0, watchLimit).sort() };
}

export const presenceWords: Record<PresenceState, string> = {
  online: "Online", idle: "Away", busy: "Do not disturb", offline: "Offline",
};
