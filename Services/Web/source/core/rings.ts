import type { ActiveCall } from "./call-model";
import type { CallRing, ChannelID, RingOutcome } from "./contracts";
import { meOf } from "./events";
import type { State } from "./state";

/** Of each conversation the last ring that was heard of, over or not: so that an older word of it changes nothing. */
export type Rings = Readonly<Record<ChannelID, CallRing>>;

/** Takes a state of a ring. The later ring of a conversation wins, and what is over stays over. */
export function withRing(state: State, ring: CallRing): State {
  const known = state.rings[ring.channelID];
  // Identifiers grow with time.
  const isOlder = known !== undefined && (known.id > ring.id || (known.id === ring.id && known.outcome !== undefined));
  return isOlder || !(ring.channelID in state.joined) ? state
    : { ...state, rings: { ...state.rings, [ring.channelID]: ring } };
}

/** Takes all that rings, of a snapshot that is as new as the events so far: what it does not list rings no more. */
export function withRingsOf(state: State, open: readonly CallRing[]): State {
  const listed = new Set(open.map(({ id }) => id));
  const known = Object.entries(state.rings).filter(([channelID, ring]) =>
    channelID in state.joined && (ring.outcome !== undefined || listed.has(ring.id)));
  return open.reduce(withRing, { ...state, rings: Object.fromEntries(known) });
}

/** Ended here before the server says so: declined, or over by this device's clock. */
export function withRingEnded(state: State, ringID: string, outcome: RingOutcome): State {
  const ring = Object.values(state.rings).find(({ id }) => id === ringID);
  return ring === undefined || ring.outcome !== undefined ? state : withRing(state, { ...ring, outcome });
}

/** What rings on this device: a call of another that is not answered yet, the oldest first. */
export function incomingRings(state: State): CallRing[] {
  const me = meOf(state);
  return Object.values(state.rings)
    .filter((ring) => ring.outcome === undefined && ring.calleeID === me && !isInCallOf(state, ring.channelID))
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** The ring of the call this tab is in, if the person rings somebody with it. */
export function outgoingRing(state: State): CallRing | undefined {
  if (state.call.phase === "idle") return undefined;
  const ring = state.rings[state.call.channelID];
  return ring?.outcome === undefined && ring?.callerID === meOf(state) ? ring : undefined;
}

/** Why the person need not wait in the call any longer; nothing while somebody else is in it. */
export function refusalOf(state: State, call: ActiveCall): string | undefined {
  const ring = state.rings[call.channelID];
  const isMine = ring !== undefined && ring.callerID === meOf(state);
  const isAlone = call.remote?.participants.every(({ userID }) => userID === meOf(state)) ?? true;
  if (!isMine || !isAlone) return undefined;
  const name = state.users[ring.calleeID]?.displayName ?? "The other person";
  if (ring.outcome === "declined") return `${name} declined the call.`;
  return ring.outcome === "unanswered" ? `${name} did not answer.` : undefined;
}

function isInCallOf(state: State, channelID: ChannelID): boolean {
  return state.call.phase !== "idle" && state.call.channelID === channelID;
}
