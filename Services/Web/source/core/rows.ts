import type { Message, Timestamp, UserID } from "./contracts";
import type { Outgoing } from "./outbox";

/** One row of a channel, from top to bottom. */
export type Row =
  | { kind: "day"; key: string; at: Timestamp }
  | { kind: "new"; key: string }
  | { kind: "message"; key: string; message: Message; startsGroup: boolean }
  | { kind: "system"; key: string; message: Message }
  | { kind: "outgoing"; key: string; outgoing: Outgoing; startsGroup: boolean };

/** Messages of one author this close together share one name and picture. */
export const groupMilliseconds = 5 * 60 * 1000;

/**
 * Lays out a channel. A message keeps its key when the server takes it, so that its element stays where it is.
 * The "New" line goes before the first message of another than `me` from `newFrom` on. `dayOf` names the local day of
 * a moment.
 */
export function rowsOf(
  messages: readonly Message[], outgoing: readonly Outgoing[], newFrom: number | undefined, me: UserID | undefined,
  dayOf: (at: Timestamp) => string,
): Row[] {
  const rows: Row[] = [];
  let previous: { authorID: UserID | undefined; at: Timestamp } | undefined;
  let newLineIsOpen = newFrom !== undefined;

  const startRow = (authorID: UserID, at: Timestamp): boolean => {
    const isNewDay = !previous || dayOf(previous.at) !== dayOf(at);
    if (isNewDay) rows.push({ kind: "day", key: `day:${dayOf(at)}`, at });
    const isClose = previous !== undefined && Date.parse(at) - Date.parse(previous.at) < groupMilliseconds;
    const startsGroup = isNewDay || !isClose || previous?.authorID !== authorID;
    previous = { authorID, at };
    return startsGroup;
  };

  for (const message of messages) {
    let startsGroup = startRow(message.authorID, message.createdAt);
    if (newLineIsOpen && newFrom !== undefined && message.seq >= newFrom && message.authorID !== me) {
      rows.push({ kind: "new", key: "new" });
      newLineIsOpen = false;
      startsGroup = true;
    }
    if (message.notice !== undefined) {
      // Between the words of one person it stands alone.
      previous = { authorID: undefined, at: message.createdAt };
      rows.push({ kind: "system", key: `system:${message.id}`, message });
      continue;
    }
    rows.push({ kind: "message", key: `${message.authorID}:${message.idempotencyKey}`, message, startsGroup });
  }
  for (const item of outgoing) {
    const startsGroup = startRow(item.authorID, item.writtenAt);
    rows.push({ kind: "outgoing", key: `${item.authorID}:${item.key}`, outgoing: item, startsGroup });
  }
  return rows;
}
