import type { PastCall, UserID } from "./contracts";

/** Names that a row has room for. */
const shownNames = 3;

/** Whether it rang and whoever was called was never in it. */
export function isMissed({ outcome, participantCount }: PastCall): boolean {
  return (outcome === "cancelled" || outcome === "unanswered") && participantCount < 2;
}

/** What a past call was, for this person: who was in it, or why nobody was. */
export function pastCallWords(call: PastCall, me: UserID | undefined, nameOf: (userID: UserID) => string): string {
  const isMine = call.startedBy === me;
  const name = nameOf(call.startedBy);
  if (isMissed(call)) return isMine ? "Nobody answered your call" : `Missed call from ${name}`;
  if (call.outcome === "declined" && call.participantCount < 2) {
    return isMine ? "Your call was declined" : `You declined a call from ${name}`;
  }
  const names = call.participants.map((userID, index) => userID !== me ? nameOf(userID) : index === 0 ? "You" : "you");
  const rest = call.participantCount - shownNames;
  const isLong = rest > 1 || names.length < call.participantCount;
  const parts = isLong ? [...names.slice(0, shownNames), `${rest} others`] : names;
  return parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}

/** How long it was, for a person. */
export function lengthWords({ startedAt, endedAt }: Pick<PastCall, "startedAt" | "endedAt">): string {
  const seconds = Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
