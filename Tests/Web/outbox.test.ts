import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMilliseconds } from "../../Services/Web/source/core/backoff";
import { lengthProblem } from "../../Services/Web/source/core/message-text";
import { nextToSend, restored } from "../../Services/Web/source/core/outbox";
import type { Outgoing } from "../../Services/Web/source/core/outbox";
import { defaultPresence } from "../../Services/Web/source/core/presence-model";
import { reduce } from "../../Services/Web/source/core/reducer";
import { rowsOf } from "../../Services/Web/source/core/rows";
import type { State } from "../../Services/Web/source/core/state";
import { orderedMessages } from "../../Services/Web/source/core/timeline";
import { ana, ben, channelStream, contents, event, general, message, reading, time } from "./samples";

const outgoing = (key: string, changes: Partial<Outgoing> = {}): Outgoing => ({
  key, channelID: general.id, authorID: ana.id, content: `text of ${key}`, writtenAt: time, state: "pending", ...changes,
});
const written = (...keys: string[]): State =>
  keys.reduce((state, key) => reduce(state, { type: "messageWritten", outgoing: outgoing(key) }), reading());
const taken = message(11, { authorID: ana.id, idempotencyKey: "a", content: "text of a" });

test("The event of a sent message takes the place of the pending one", () => {
  const state = reduce(written("a"), { type: "event", frame: event(channelStream, 11, "message.created", taken) });
  assert.deepEqual(state.outbox, []);
  assert.equal(contents(state).at(-1), "text of a");
});

test("Answer and event of one message show it once, whichever comes first", () => {
  const created = { type: "event", frame: event(channelStream, 11, "message.created", taken) } as const;
  const answered = { type: "messageAnswered", message: taken } as const;
  for (const actions of [[created, answered], [answered, created]]) {
    const state = actions.reduce(reduce, written("a"));
    assert.deepEqual(state.outbox, []);
    assert.equal(contents(state).filter((content) => content === "text of a").length, 1);
  }
});

test("A row keeps its key when the server takes the message", () => {
  const before = rowsOf([], [outgoing("a")], undefined, ana.id, () => "day");
  const after = rowsOf([taken], [], undefined, ana.id, () => "day");
  assert.equal(before[1]?.key, after[1]?.key);
});

test("The same key of another author is another message", () => {
  const theirs = message(11, { authorID: ben.id, idempotencyKey: "a" });
  const state = reduce(written("a"), { type: "event", frame: event(channelStream, 11, "message.created", theirs) });
  assert.equal(state.outbox.length, 1);
});

test("One message of a channel is sent at a time, in the order they were written", () => {
  assert.deepEqual(nextToSend(written("a", "b").outbox).map(({ key }) => key), ["a"]);
  const failed = reduce(written("a", "b"), { type: "sendFailed", key: "a", problem: "no" });
  assert.deepEqual(nextToSend(failed.outbox).map(({ key }) => key), ["b"]);
});

test("A retry goes out with the same key", () => {
  const failed = reduce(written("a"), { type: "sendFailed", key: "a", problem: "no" });
  assert.deepEqual(reduce(failed, { type: "sendRetried", key: "a" }).outbox, [outgoing("a")]);
});

test("T7 a mute says until when, and what waits goes on waiting", () => {
  const state = reduce(written("a", "b"), { type: "sendMuted", channelID: general.id, until: 5_000 });
  assert.deepEqual(state.outbox.map((item) => item.state), ["pending", "pending"]);
  assert.equal(state.mutedUntil[general.id], 5_000);
});

test("A message that takes long says why, and forgets it on a retry or a reload", () => {
  const state = reduce(written("a"), { type: "sendDelayed", key: "a", problem: "no network" });
  assert.deepEqual(state.outbox, [outgoing("a", { problem: "no network" })]);
  assert.deepEqual(restored(state.outbox), [outgoing("a")]);
  const failed = reduce(state, { type: "sendFailed", key: "a", problem: "refused" });
  assert.deepEqual(reduce(failed, { type: "sendDelayed", key: "a", problem: "late" }).outbox, failed.outbox);
});

test("O12 what was not sent comes back in the order it was written, the failed as failed", () => {
  const later = outgoing("a", { writtenAt: "2026-11-21T06:28:02.000Z" });
  const failed = outgoing("b", { state: "failed", problem: "no" });
  assert.deepEqual(restored([later, failed]), [failed, later]);
  const user = { ...ana, email: "ana@example.org", createdAt: time };
  const state = reduce(reading(), {
    type: "signedIn", user, sessionID: "s-1", drafts: {}, unsent: [later, failed], ownPresence: defaultPresence,
  });
  assert.deepEqual(nextToSend(state.outbox), [later]);
});

test("A discarded message is gone", () => {
  assert.deepEqual(reduce(written("a"), { type: "sendDiscarded", key: "a" }).outbox, []);
});

test("Signing out keeps nothing but the place and the invite", () => {
  const state = reduce(written("a"), { type: "signedOut", notice: "over" });
  assert.deepEqual(state.outbox, []);
  assert.deepEqual(state.cursors, {});
  assert.equal(state.view.channelID, general.id);
});

test("Messages of one author within five minutes form a group; a day and the new line begin another", () => {
  const at = (minute: number) => new Date(Date.parse(time) + minute * 60_000).toISOString();
  const messages = [
    message(1, { createdAt: at(0) }), message(2, { createdAt: at(4) }), message(3, { createdAt: at(10) }),
    message(4, { createdAt: at(11), authorID: ana.id }), message(5, { createdAt: at(12), authorID: ana.id }),
    message(6, { createdAt: at(24 * 60), authorID: ana.id }),
  ];
  const rows = rowsOf(messages, [], 5, ben.id, (moment) => moment.slice(0, 10));
  assert.deepEqual(rows.map((row) => row.kind === "message" ? `${row.message.seq}${row.startsGroup ? "*" : ""}` : row.kind),
    ["day", "1*", "2", "3*", "4*", "new", "5*", "day", "6*"]);
});

test("Messages are ordered by their number, not by their arrival", () => {
  const state = reduce(reading(), { type: "messageAnswered", message: message(12, { content: "later" }) });
  const next = reduce(state, { type: "event", frame: event(channelStream, 11, "message.created", message(11)) });
  const timeline = next.joined[general.id]?.timeline;
  assert(timeline);
  assert.deepEqual(orderedMessages(timeline).map(({ seq }) => seq), [1, 2, 3, 11, 12]);
});

test("The wait before an attempt is jittered from nothing to a bound that doubles up to ten seconds", () => {
  assert.equal(backoffMilliseconds(0, 0), 0);
  assert.equal(backoffMilliseconds(0, 1), 500);
  assert.equal(backoffMilliseconds(2, 1), 2_000);
  assert.equal(backoffMilliseconds(60, 1), 10_000);
});

test("A text is measured in characters and in bytes", () => {
  assert.equal(lengthProblem("a".repeat(16_000)), undefined);
  assert.equal(lengthProblem("a".repeat(16_001)), "1 character too long");
  assert.equal(lengthProblem("🐦".repeat(16_000)), undefined);
  assert.equal(lengthProblem("🐦".repeat(16_001)), "1 character too long");
});
