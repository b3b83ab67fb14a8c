import assert from "node:assert/strict";
import { test } from "node:test";
import { isMissed, lengthWords, pastCallWords } from "../../Services/Web/source/core/callLog";
import type { PastCall } from "../../Services/Web/source/core/contracts";

const past = (participants: string[], changes: Partial<PastCall> = {}): PastCall => ({
  id: "k-1", startedBy: participants[0] ?? "", startedAt: "2026-11-21T06:00:00Z", endedAt: "2026-11-21T06:04:20Z", participants,
  participantCount: participants.length, ...changes,
});
const words = (call: PastCall) => pastCallWords(call, "ana", (userID) => userID[0]?.toUpperCase() + userID.slice(1));

test("A past call is told by who was in it, of many the first", () => {
  assert.equal(words(past(["ana"])), "You");
  assert.equal(words(past(["ben", "ana"])), "Ben and you");
  assert.equal(words(past(["ben", "ana", "cleo", "dora"])), "Ben, you, Cleo and Dora");
  assert.equal(words(past(["ben", "ana", "cleo", "dora", "emil"])), "Ben, you, Cleo and 2 others");
  assert.equal(words(past(["ben", "ana", "cleo"], { participantCount: 400 })), "Ben, you, Cleo and 397 others");
});

test("A call that rang for nothing is missed, unless the other came in the end", () => {
  for (const outcome of ["cancelled", "unanswered"] as const) {
    assert.equal(words(past(["ben"], { outcome })), "Missed call from Ben");
    assert.equal(words(past(["ana"], { outcome })), "Nobody answered your call");
    assert.equal(isMissed(past(["ben", "ana"], { outcome })), false);
  }
  assert.equal(words(past(["ben"], { outcome: "declined" })), "You declined a call from Ben");
  assert.equal(words(past(["ana"], { outcome: "declined" })), "Your call was declined");
  assert.equal(isMissed(past(["ben"])), false);
});

test("How long a call was is told in the words of its size", () => {
  const lengths = ["06:00:59", "06:04:20", "07:05:10", "05:00:00"].map((time) =>
    lengthWords({ startedAt: "2026-11-21T06:00:00Z", endedAt: `2026-11-21T${time}Z` }));
  assert.deepEqual(lengths, ["59 s", "4 min", "1 h 05 min", "0 s"]);
});
