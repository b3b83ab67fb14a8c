import type { CallState, CallTrack, CallViewTrack } from "./contracts";
import type { Tile } from "./tiles";

/** A picture of somebody else, as it is looked at. Heights are in device pixels. */
export interface ShownPicture extends Pick<CallViewTrack, "participantID" | "source"> {
  /** Of its tile; 0 when no part of it is in the window. */
  tileHeight: number;
  /** Of the window in which it floats above all others; 0 when it does not. */
  floatingHeight: number;
  /** Whether it is what the person wants large. */
  isPinned: boolean;
}

/**
 * What the node is told: each picture once, as large as it is seen anywhere. Nobody sees the tiles of a page that is out of
 * sight; what floats is seen all the same.
 */
export function viewOf(pictures: readonly ShownPicture[], isPageSeen: boolean): CallViewTrack[] {
  const view: CallViewTrack[] = [];
  for (const { participantID, source, tileHeight, floatingHeight, isPinned } of pictures) {
    const height = Math.max(isPageSeen ? tileHeight : 0, floatingHeight);
    if (height === 0) continue;
    const earlier = view.find((one) => one.participantID === participantID && one.source === source);
    if (!earlier) {
      view.push({ participantID, source, height, isPinned });
      continue;
    }
    earlier.height = Math.max(earlier.height, height);
    earlier.isPinned ||= isPinned;
  }
  return view;
}

/** The picture that floats: of a seat, and of whoever has another seat after the call moved. */
export type Floated = Pick<Tile, "participantID" | "userID" | "source">;

/** What a floated picture is made of now; nothing when it is over: turned off, or the person left. */
export function floatedTrack(state: CallState, { participantID, userID, source }: Floated): CallTrack | undefined {
  const seats = state.participants.filter((seat) => seat.participantID === participantID);
  const others = state.participants.filter((seat) => seat.userID === userID);
  for (const seat of [...seats, ...others]) {
    const track = state.tracks.find((one) => one.participantID === seat.participantID && one.source === source);
    if (track?.isActive) return track;
  }
  return undefined;
}
