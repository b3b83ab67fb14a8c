import { eventNames } from "./contracts";
import type { EventFrame, EventName, ServerFrame, StreamID } from "./contracts";

/** What an event is to a client that stands at these cursors. */
export type Placement =
  /** The next of its stream: apply it. */
  | "next"
  /** Known already: drop it. */
  | "duplicate"
  /** Events before it are missing: connect again with the cursors, apply nothing. */
  | "gap"
  /** Of a stream that is not followed, such as a channel just left: drop it. */
  | "unfollowed";

export function place(cursors: Readonly<Record<StreamID, number>>, frame: EventFrame): Placement {
  const cursor = cursors[frame.stream];
  if (cursor === undefined) return "unfollowed";
  if (frame.seq <= cursor) return "duplicate";
  return frame.seq === cursor + 1 ? "next" : "gap";
}

/** Reads a text message of the gateway; `undefined` for a frame or an event of a later version. */
export function parseFrame(text: string): ServerFrame | EventFrame | undefined {
  const frame = JSON.parse(text) as ServerFrame | EventFrame;
  switch (frame.type) {
    case "hello":
    case "ready":
    case "reset":
    case "current":
    case "heartbeat":
      return frame;
    case "event":
      return knownNames.has(frame.name) ? frame : undefined;
    default:
      return undefined;
  }
}

const knownNames: ReadonlySet<EventName> = new Set(eventNames);
