import type { Attachment, ChannelID } from "./contracts";
import { limits } from "./contracts";

/** A file that was attached to what one writes, on its way to the server or there. */
export interface PendingFile {
  /** Of this page only. */
  key: string;
  channelID: ChannelID;
  name: string;
  byteCount: number;
  state: "uploading" | "ready" | "failed";
  /** How much is there, in 0...1. */
  progress: number;
  /** Why it failed, and what to do, for a person. */
  problem?: string;
  /** Whether it would fail again. */
  isHopeless?: boolean;
  /** Once it is there: what the message will have. */
  file?: Attachment;
}

/** What a file is to the one who looks at a channel. */
export type FileKind = "image" | "video" | "audio" | "other";

/** Types that the server lets a browser show in place; all others are downloaded. */
const shownTypes = new Set([
  "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
  "video/mp4", "video/webm", "video/x-matroska", "video/ogg", "video/quicktime",
  "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/opus", "audio/webm", "audio/wav", "audio/x-wav", "audio/flac",
]);

export function kindOf({ mediaType }: { mediaType: string }): FileKind {
  return shownTypes.has(mediaType) ? mediaType.split("/")[0] as FileKind : "other";
}

/** Pixels that a picture may take in a channel. */
const box = { width: 400, height: 320 };
/** The place of a picture of which nobody said how large it is. */
const unknownSize = { width: 320, height: 240 };

/** How large a picture is shown: its own size, or as much of it as fits. It is known before the picture is there. */
export function shownSize({ width, height }: { width?: number; height?: number }): { width: number; height: number } {
  if (width === undefined || height === undefined) return unknownSize;
  const scale = Math.min(1, box.width / width, box.height / height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Bytes in words: three digits at most. */
export function sizeWords(byteCount: number): string {
  if (byteCount < 1_000) return `${byteCount} ${byteCount === 1 ? "byte" : "bytes"}`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = byteCount / 1_000;
  let unit = 0;
  // What would round to a thousand is one of the next unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Why these many files cannot be attached beside those that are; `undefined` if they can. */
export function countProblem(present: number, added: number): string | undefined {
  const most = limits.attachmentsPerMessage;
  return present + added > most ? `A message has at most ${most} files. Send the others with the next one.` : undefined;
}

/** Whether what was attached can be sent as it is. */
export function areReady(files: readonly PendingFile[]): boolean {
  return files.every(({ state }) => state === "ready");
}
