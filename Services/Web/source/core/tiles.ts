import type { ActiveCall } from "./call-model";
import { heldBack, isAudience } from "./call-rights";
import type { CallSource, ParticipantID, UserID } from "./contracts";

/** One picture of the call: a person, with or without a camera, or a screen that is shared. */
export interface Tile {
  key: string;
  participantID: ParticipantID;
  userID: UserID | undefined;
  source: "camera" | "screen";
  isOwn: boolean;
  isSpeaking: boolean;
  isMuted: boolean;
  /** What a moderator turned off, which only a moderator ends: the microphone, what the tile shows, and screens. */
  isMicrophoneHeld: boolean;
  isPictureHeld: boolean;
  isScreenHeld: boolean;
  /** The place in the queue of those who ask for the word, from 1 on. */
  hand: number | undefined;
  /** Whether there is a picture to show; the section of a picture of others is `mid`. */
  hasVideo: boolean;
  mid: string | undefined;
}

/** Screens of others first, then oneself, then the others by when they joined. The audience of a stage has no tiles. */
export function tilesOf(call: ActiveCall, me: UserID | undefined): Tile[] {
  const own: Tile = {
    key: "own",
    participantID: call.participantID,
    userID: me,
    source: "camera",
    isOwn: true,
    isSpeaking: call.speakers.includes(call.participantID),
    isMuted: !call.active.includes("microphone"),
    isMicrophoneHeld: isHeld(call, call.participantID, "microphone"),
    isPictureHeld: isHeld(call, call.participantID, "camera"),
    isScreenHeld: isHeld(call, call.participantID, "screen"),
    hand: handOf(call, call.participantID),
    hasVideo: call.active.includes("camera"),
    mid: undefined,
  };
  const audience = call.remote?.audience ?? [];
  const others = (call.remote?.participants ?? [])
    .filter(({ participantID }) => participantID !== call.participantID && !audience.includes(participantID));
  const seats = others.map(({ participantID, userID }) => ({ participantID, userID }));
  const screens = seats.filter((seat) => trackOf(call, seat.participantID, "screen")?.isActive)
    .map((seat) => tile(call, seat, "screen"));
  return [...screens, ...(isAudience(call) ? [] : [own]), ...seats.map((seat) => tile(call, seat, "camera"))];
}

function tile(
  call: ActiveCall, seat: { participantID: ParticipantID; userID: UserID }, source: "camera" | "screen",
): Tile {
  const { participantID } = seat;
  const track = trackOf(call, participantID, source);
  return {
    ...seat,
    key: `${source}:${participantID}`,
    source,
    isOwn: false,
    isSpeaking: source === "camera" && call.speakers.includes(participantID),
    hand: source === "camera" ? handOf(call, participantID) : undefined,
    isMuted: !(trackOf(call, participantID, "microphone")?.isActive ?? false),
    isMicrophoneHeld: isHeld(call, participantID, "microphone"),
    isPictureHeld: isHeld(call, participantID, source),
    isScreenHeld: isHeld(call, participantID, "screen"),
    hasVideo: track !== undefined && track.isActive && track.mid !== undefined,
    mid: track?.mid,
  };
}

function isHeld(call: ActiveCall, participantID: ParticipantID, source: CallSource): boolean {
  return heldBack(call.remote, participantID).includes(source);
}

function handOf(call: ActiveCall, participantID: ParticipantID): number | undefined {
  const place = call.remote?.hands.indexOf(participantID) ?? -1;
  return place < 0 ? undefined : place + 1;
}

function trackOf(call: ActiveCall, participantID: ParticipantID, source: "microphone" | "camera" | "screen") {
  return call.remote?.tracks.find((track) => track.participantID === participantID && track.source === source);
}

export interface GridSize {
  columns: number;
  tileWidth: number;
  tileHeight: number;
}

/** Pixels; below it names no longer fit and the grid is scrolled instead. */
const leastTileWidth = 112;

/** The number of columns in which tiles become largest. Between 4:3 and 16:9 a tile takes what its cell has. */
export function bestGrid(count: number, width: number, height: number, gap: number): GridSize {
  let best: GridSize = { columns: 1, tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    const tileHeight = Math.max(0, Math.min(cellHeight, cellWidth * 3 / 4));
    const tileWidth = Math.max(0, Math.min(cellWidth, tileHeight * 16 / 9));
    if (tileWidth * tileHeight > best.tileWidth * best.tileHeight) {
      best = { columns, tileWidth: Math.floor(tileWidth), tileHeight: Math.floor(tileHeight) };
    }
  }
  if (best.tileWidth >= leastTileWidth || width < leastTileWidth || count < 2) return best;
  const columns = Math.min(count, Math.floor((width + gap) / (leastTileWidth + gap)));
  const tileWidth = Math.floor((width - gap * (columns - 1)) / columns);
  return { columns, tileWidth, tileHeight: Math.floor(tileWidth * 3 / 4) };
}
