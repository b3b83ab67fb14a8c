import type { ChannelID, WorkspaceID } from "./contracts";
import type { State } from "./state";

/** Something to read over HTTP because the state lacks it. */
export type Load =
  | { kind: "bootstrap"; key: string }
  | { kind: "workspace"; key: string; workspaceID: WorkspaceID }
  | { kind: "timeline" | "members" | "channel" | "call" | "unread"; key: string; channelID: ChannelID };

/**
 * What must be read now. A load is needed for as long as the state says so, however often it failed: a reset or a new
 * stream only has to drop what is old.
 */
export function neededLoads(state: State): Load[] {
  if (state.session.phase !== "signedIn") return [];
  const loads: Load[] = [];
  if (state.snapshot !== "loaded") loads.push({ kind: "bootstrap", key: "bootstrap" });
  if (state.snapshot === "missing") return loads;

  const { workspaceID, channelID, isMembersOpen, isMentioning, dialog } = state.view;
  if (workspaceID !== undefined && state.workspaces[workspaceID]?.isLoaded === false) {
    loads.push({ kind: "workspace", key: `workspace:${workspaceID}`, workspaceID });
  }
  for (const [id, joined] of Object.entries(state.joined)) {
    if (joined.isStale) loads.push({ kind: "channel", key: `channel:${id}`, channelID: id });
    if (joined.isCallStale) loads.push({ kind: "call", key: `call:${id}`, channelID: id });
    if (joined.reading.isStale && state.snapshot === "loaded") {
      loads.push({ kind: "unread", key: `unread:${id}`, channelID: id });
    }
  }
  const inView = channelID === undefined ? undefined : state.joined[channelID];
  if (channelID === undefined || !inView) return loads;
  if (inView.timeline.status !== "loaded") loads.push({ kind: "timeline", key: `timeline:${channelID}`, channelID });
  if (!inView.hasMembers && (isMembersOpen || isMentioning || dialog?.name === "addPeople")) {
    loads.push({ kind: "members", key: `members:${channelID}`, channelID });
  }
  return loads;
}
