import type { ChannelID, UserID } from "../core/contracts";
import type { Outgoing } from "../core/outbox";
import type { State } from "../core/state";
import type { Store } from "./store";

export type Theme = "system" | "light" | "dark";

/** What this browser keeps for a person: drafts in all tabs, unsent messages in the tab that wrote them. */
export interface Keepsakes {
  drafts: Record<ChannelID, string>;
  unsent: Outgoing[];
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
}

const draftsKey = (userID: UserID) => `roost.drafts.${userID}`;
const unsentKey = (userID: UserID) => `roost.unsent.${userID}`;
const themeKey = "roost.theme";
const callKey = "roost.call";

export function readKeepsakes(userID: UserID): Keepsakes {
  return {
    drafts: read<Record<ChannelID, string>>(localStorage, draftsKey(userID)) ?? {},
    unsent: read<Outgoing[]>(sessionStorage, unsentKey(userID)) ?? [],
  };
}

/** Signing out leaves nothing of what was written on the device. */
export function forgetKeepsakes(userID: UserID): void {
  localStorage.removeItem(draftsKey(userID));
  sessionStorage.removeItem(unsentKey(userID));
}

/** Writes drafts and unsent messages whenever they change. */
export function keepWritten(store: Store): void {
  let kept: Pick<State, "drafts" | "outbox"> = store.getState();
  store.subscribe(() => {
    const state = store.getState();
    if (state.session.phase !== "signedIn" || (state.drafts === kept.drafts && state.outbox === kept.outbox)) return;
    kept = state;
    write(localStorage, draftsKey(state.session.user.id), state.drafts);
    write(sessionStorage, unsentKey(state.session.user.id), state.outbox);
  });
}

export function readTheme(): Theme {
  return read<Theme>(localStorage, themeKey) ?? "system";
}

/** Shows a theme and remembers it; `system` follows the operating system. */
export function chooseTheme(theme: Theme): void {
  write(localStorage, themeKey, theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function readCallChoices(): CallChoices {
  return { isMicrophoneOn: true, isCameraOn: true, relayOnly: false, ...read<Partial<CallChoices>>(localStorage, callKey) };
}

export function keepCallChoices(changes: Partial<CallChoices>): void {
  write(localStorage, callKey, { ...readCallChoices(), ...changes });
}

function read<Value>(storage: Storage, key: string): Value | undefined {
  try {
    const text = storage.getItem(key);
    return text === null ? undefined : JSON.parse(text) as Value;
  } catch {
    return undefined; // Unreadable or forbidden: as if nothing had been kept.
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden: the page works without.
  }
}
