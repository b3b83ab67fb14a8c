import type { EventFrame, ServerFrame, StreamID } from "./contracts";

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

/**
 * Reads a text message of the gateway; `undefined` for a frame of a later version. An event of a later version is
 * passed on: it changes nothing but its stream's cursor, or the next event would look like a gap.
 */
export function parseFrame(text: string): ServerFrame | EventFrame | undefined {
  const frame = JSON.parse(text) as ServerFrame | EventFrame;
  switch (frame.type) {
    case "hello":
    case "ready":
    case "reset":
    case "current":
    case "heartbeat":
    case "move":
    case "event":
    case "presence":
    case "typing":
    case "callJoined":
    case "callFailed":
    case "callAnswer":
    case "callState":
    case "callSpeakers":
    case "callLayers":
    case "callEnded":
      return frame;
    default: {
      const later: never = frame;
      return later && undefined;
    }
  }
}
