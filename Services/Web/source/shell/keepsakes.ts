import type { ChannelID, UserID } from "../core/contracts";
import type { Outgoing } from "../core/outbox";
import { defaultPresence } from "../core/presence-model";
import type { OwnPresence } from "../core/presence-model";
import type { State } from "../core/state";
import { defaultThreshold } from "../core/voiceGate";
import type { TalkMode } from "../core/voiceGate";
import type { Store } from "./store";

export type Theme = "system" | "light" | "dark";

/** What this browser keeps for a person until it is no longer needed, whichever tab wrote it. */
export interface Keepsakes {
  drafts: Record<ChannelID, string>;
  unsent: Outgoing[];
  ownPresence: OwnPresence;
}

/** How this person likes to join calls on this device. */
export interface CallChoices {
  microphoneID?: string;
  cameraID?: string;
  speakerID?: string;
  isMicrophoneOn: boolean;
  isCameraOn: boolean;
  /** Media only through the relay: others, and the media node, do not learn the address of this device. */
  relayOnly: boolean;
  talkMode: TalkMode;
  /** The place on the keyboard of the key to be held (`KeyboardEvent.code`). */
  talkKey: string;
  /** From where on the voice gate opens, in decibels of full scale. */
  gateThreshold: number;
  /** How loud people are, in 0...1; all others as they come. */
  volumes: Readonly<Record<UserID, number>>;
}

// One entry a draft and one a message, so that tabs do not overwrite each other's.
const draftPrefix = (userID: UserID) => `roost.draft.${userID}.`;
const unsentPrefix = (userID: UserID) => `roost.unsent.${userID}.`;
const presenceKey = (userID: UserID) => `roost.presence.${userID}`;
const themeKey = "roost.theme";
const callKey = "roost.call";

export function readKeepsakes(userID: UserID): Keepsakes {
  return {
    drafts: Object.fromEntries(readAll<string>(draftPrefix(userID))),
    unsent: readAll<Outgoing>(unsentPrefix(userID)).map(([, outgoing]) => outgoing),
    ownPresence: read<OwnPresence>(presenceKey(userID)) ?? defaultPresence,
  };
}

/** Signing out leaves nothing of what was written on the device. */
export function forgetKeepsakes(userID: UserID): void {
  for (const prefix of [draftPrefix(userID), unsentPrefix(userID)]) {
    for (const [name] of readAll(prefix)) localStorage.removeItem(prefix + name);
  }
  localStorage.removeItem(presenceKey(userID));
}

/** Writes drafts, unsent messages and the person's own presence whenever they change, and takes over other tabs'. */
export function keepWritten(store: Store): void {
  let kept: State = store.getState();
  store.subscribe(() => {
    const [before, state] = [kept, store.getState()];
    kept = state;
    // Signing in brings what was kept; signing out empties the state, not the storage.
    if (state.session.phase !== "signedIn" || before.session.phase !== "signedIn") return;
    const userID = state.session.user.id;
    if (state.drafts !== before.drafts) writeChanged(draftPrefix(userID), before.drafts, state.drafts);
    if (state.outbox !== before.outbox) writeChanged(unsentPrefix(userID), byKey(before.outbox), byKey(state.outbox));
    if (state.ownPresence !== before.ownPresence) write(presenceKey(userID), state.ownPresence);
  });
  addEventListener("storage", ({ key, newValue }) => otherTabWrote(store, key, newValue));
}

/** Another tab discarded or delivered a message, or the person said there how reachable they are. */
function otherTabWrote(store: Store, key: string | null, value: string | null): void {
  const { session } = store.getState();
  if (key === null || session.phase !== "signedIn") return;
  const prefix = unsentPrefix(session.user.id);
  if (key.startsWith(prefix) && value === null) store.dispatch({ type: "sendDiscarded", key: key.slice(prefix.length) });
  if (key === presenceKey(session.user.id)) {
    const ownPresence = read<OwnPresence>(key);
    if (ownPresence) store.dispatch({ type: "ownPresenceChanged", ownPresence });
  }
}

export function readTheme(): Theme {
  return read<Theme>(themeKey) ?? "system";
}

/** Shows a theme and remembers it; `system` follows the operating system. */
export function chooseTheme(theme: Theme): void {
  write(themeKey, theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function readCallChoices(): CallChoices {
  const { pushToTalk, ...kept } = read<Partial<CallChoices> & { pushToTalk?: boolean }>(callKey) ?? {};
  return {
    isMicrophoneOn: true, isCameraOn: true, relayOnly: false, talkKey: "Backquote", gateThreshold: defaultThreshold, volumes: {},
    // Until there was a gate a key was the one other way, kept as a yes or no.
    talkMode: pushToTalk ? "key" : "open", ...kept,
  };
}

export function keepCallChoices(changes: Partial<CallChoices>): void {
  write(callKey, { ...readCallChoices(), ...changes });
}

function byKey(outbox: readonly Outgoing[]): Record<string, Outgoing> {
  return Object.fromEntries(outbox.map((outgoing) => [outgoing.key, outgoing]));
}

function writeChanged(
  prefix: string, before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>,
): void {
  for (const name of Object.keys(before)) if (!(name in after)) remove(prefix + name);
  for (const [name, value] of Object.entries(after)) if (before[name] !== value) write(prefix + name, value);
}

function readAll<Value>(prefix: string): [string, Value][] {
  const all: [string, Value][] = [];
  try {
    for (const key of Object.keys(localStorage)) {
      const value = key.startsWith(prefix) ? read<Value>(key) : undefined;
      if (value !== undefined) all.push([key.slice(prefix.length), value]);
    }
  } catch {
    // Forbidden: as if nothing had been kept.
  }
  return all;
}

function read<Value>(key: string): Value | undefined {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : JSON.parse(text) as Value;
  } catch {
    return undefined; // Unreadable or forbidden: as if nothing had been kept.
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden: the page works without.
  }
}

function remove(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Forbidden: then there is nothing either.
  }
}
