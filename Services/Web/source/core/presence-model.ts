import type { PresenceState, PresenceStatus } from "./contracts";

/** What a person chose to look like; `offline` looks as if they were not there. */
export type PresenceChoice = Exclude<PresenceState, "idle">;

/** What the person says of themselves on this device, kept and sent again with each connection. */
export interface OwnPresence {
  choice: PresenceChoice;
  status: PresenceStatus | undefined;
}

/** How somebody looks to others. */
export interface Presence {
  state: PresenceState;
  status?: PresenceStatus;
}

export const defaultPresence: OwnPresence = { choice: "online", status: undefined };
