import type { ActiveCall } from "./call-model";
import { heldBack, isAudience } from "./call-rights";
import type { CallSource, CallTrack, ParticipantID, UserID } from "./contracts";

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

/** What the tiles look up for each person: calls have hundreds, and are looked at whenever somebody begins to speak. */
interface Lookup {
  tracks: ReadonlyMap<string, CallTrack>;
  speakers: ReadonlySet<ParticipantID>;
  held: ReadonlyMap<ParticipantID, readonly CallSource[]>;
  hands: ReadonlyMap<ParticipantID, number>;
}

/** Screens of others first, then oneself, then the others by when they joined. The audience of a stage has no tiles. */
export function tilesOf(call: ActiveCall, me: UserID | undefined): Tile[] {
  const lookup = lookupOf(call);
  const held = heldBack(call.remote, call.participantID);
  const own: Tile = {
    key: "own",
    participantID: call.participantID,
    userID: me,
    source: "camera",
    isOwn: true,
    isSpeaking: lookup.speakers.has(call.participantID),
    isMuted: !call.active.includes("microphone"),
    isMicrophoneHeld: held.includes("microphone"),
    isPictureHeld: held.includes("camera"),
    isScreenHeld: held.includes("screen"),
    hand: lookup.hands.get(call.participantID),
    hasVideo: call.active.includes("camera"),
    mid: undefined,
  };
  const audience = new Set(call.remote?.audience ?? []);
  const others = (call.remote?.participants ?? [])
    .filter(({ participantID }) => participantID !== call.participantID && !audience.has(participantID));
  const seats = others.map(({ participantID, userID }) => ({ participantID, userID }));
  const screens = seats.filter(({ participantID }) => lookup.tracks.get(trackKey(participantID, "screen"))?.isActive)
    .map((seat) => tile(lookup, seat, "screen"));
  return [...screens, ...(isAudience(call) ? [] : [own]), ...seats.map((seat) => tile(lookup, seat, "camera"))];
}

function lookupOf({ remote, speakers }: ActiveCall): Lookup {
  const held = new Map<ParticipantID, CallSource[]>();
  for (const { participantID, source } of remote?.mutes ?? []) {
    held.set(participantID, [...(held.get(participantID) ?? []), source]);
  }
  return {
    tracks: new Map((remote?.tracks ?? []).map((track) => [trackKey(track.participantID, track.source), track])),
    speakers: new Set(speakers),
    held,
    hands: new Map((remote?.hands ?? []).map((participantID, index) => [participantID, index + 1])),
  };
}

function trackKey(participantID: ParticipantID, source: CallSource): string {
  return `${source}:${participantID}`;
}

function tile(
  { tracks, speakers, held, hands }: Lookup, seat: { participantID: ParticipantID; userID: UserID },
  source: "camera" | "screen",
): Tile {
  const { participantID } = seat;
  const track = tracks.get(trackKey(participantID, source));
  const heldSources = held.get(participantID) ?? [];
  return {
    ...seat,
    key: trackKey(participantID, source),
    source,
    isOwn: false,
    isSpeaking: source === "camera" && speakers.has(participantID),
    hand: source === "camera" ? hands.get(participantID) : undefined,
    isMuted: !(tracks.get(trackKey(participantID, "microphone"))?.isActive ?? false),
    isMicrophoneHeld: heldSources.includes("microphone"),
    isPictureHeld: heldSources.includes(source),
    isScreenHeld: heldSources.includes("screen"),
    hasVideo: track !== undefined && track.isActive && track.mid !== undefined,
    mid: track?.mid,
  };
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
