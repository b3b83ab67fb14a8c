import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRing, Channel } from "../../Services/Web/source/core/contracts";
import { reduce } from "../../Services/Web/source/core/reducer";
import { incomingRings, outgoingRing, refusalOf } from "../../Services/Web/source/core/rings";
import { rowsOf } from "../../Services/Web/source/core/rows";
import type { State } from "../../Services/Web/source/core/state";
import { stepCall } from "../../Services/Web/source/core/call";
import { ana, ben, event, message, signedIn, time, userStream } from "./samples";

const direct: Channel = {
  id: "c-direct", workspaceID: "w-barn", kind: "direct", visibility: "private", topic: "", participants: [ana.id, ben.id],
  createdAt: time, version: 1,
};

function ring(changes: Partial<CallRing> = {}): CallRing {
  return {
    id: "r-1", channelID: direct.id, callerID: ben.id, calleeID: ana.id, startedAt: time, endsAt: "2026-11-21T06:28:46.123Z",
    ...changes,
  };
}

/** Ana with a conversation with Ben, after these rings. */
function told(...rings: CallRing[]): State {
  const joined = reduce(signedIn(), {
    type: "event", frame: event(userStream, 11, "channel.joined", { channel: direct, seq: 0 }),
  });
  return rings.reduce((state, data, index) =>
    reduce(state, { type: "event", frame: event(userStream, 12 + index, "ring.updated", data) }), joined);
}

function inCall(state: State): State {
  const { call } = stepCall(state.call, {
    type: "join", channelID: direct.id, active: [], relayOnly: false, isSocketCurrent: true,
  }, { random: 0, participantID: "p-ana" });
  return reduce(state, { type: "callChanged", call });
}

test("C5: a call of another rings until it is over, and an older word of it changes nothing", () => {
  assert.deepEqual(incomingRings(told(ring())), [ring()]);
  for (const outcome of ["answered", "declined", "cancelled", "unanswered"] as const) {
    assert.deepEqual(incomingRings(told(ring(), ring({ outcome }))), []);
    assert.deepEqual(incomingRings(told(ring({ outcome }), ring())), [], "it does not come back");
  }
  assert.deepEqual(incomingRings(told(ring(), ring({ id: "r-2" }), ring({ outcome: "cancelled" }))), [ring({ id: "r-2" })]);
});

test("C5: one's own call rings nobody here, and in the call it does not ring", () => {
  const mine = ring({ callerID: ana.id, calleeID: ben.id });
  assert.deepEqual(incomingRings(told(mine)), []);
  assert.equal(outgoingRing(told(mine)), undefined, "another device of hers rings");
  assert.deepEqual(outgoingRing(inCall(told(mine))), mine);
  assert.deepEqual(incomingRings(inCall(told(ring()))), [], "she is answering");
});

test("C5: the caller hears that it was declined or not answered, unless somebody came", () => {
  const mine = ring({ callerID: ana.id, calleeID: ben.id });
  const sentence = (state: State) => (state.call.phase === "idle" ? undefined : refusalOf(state, state.call));
  assert.equal(sentence(inCall(told(mine))), undefined);
  assert.equal(sentence(inCall(told({ ...mine, outcome: "declined" }))), "The other person declined the call.");
  assert.equal(sentence(inCall(told({ ...mine, outcome: "unanswered" }))), "The other person did not answer.");
  assert.equal(sentence(inCall(told({ ...mine, outcome: "answered" }))), undefined);
  assert.equal(sentence(inCall(told(ring({ outcome: "declined" })))), undefined, "she was called");
});

test("C5: declined here it is silent at once, and stays so whatever the server says later", () => {
  const declined = reduce(told(ring()), { type: "ringEnded", ringID: "r-1", outcome: "declined" });
  assert.deepEqual(incomingRings(declined), []);
  const late = reduce(declined, { type: "event", frame: event(userStream, 13, "ring.updated", ring()) });
  assert.deepEqual(incomingRings(late), []);
  assert.equal(reduce(declined, { type: "ringEnded", ringID: "r-other", outcome: "declined" }), declined);
});

test("C5: a snapshot brings what rings, and ends what it does not list", () => {
  const state = told();
  const { session } = state;
  if (session.phase !== "signedIn") throw new Error("Ana is signed in.");
  const { user, sessionID } = session;
  const snapshot = (rings: CallRing[]) => ({
    user, sessionID, workspaces: [{ id: "w-barn", name: "Barn", createdAt: time }], channels: [direct], calls: [], rings,
    unread: [], cursors: [{ stream: userStream, seq: 20 }, { stream: `channel:${direct.id}`, seq: 0 }],
  });
  const ringing = reduce(state, { type: "bootstrapLoaded", snapshot: snapshot([ring()]) });
  assert.deepEqual(incomingRings(ringing), [ring()]);
  assert.deepEqual(incomingRings(reduce(ringing, { type: "bootstrapLoaded", snapshot: snapshot([]) })), []);
  const left = reduce(ringing, { type: "event", frame: event(userStream, 21, "channel.left", { channelID: direct.id }) });
  assert.deepEqual(incomingRings(left), []);
});

test("A missed call stands alone between the messages of its author", () => {
  const messages = [message(1), message(2, { notice: "missedCall", content: "Missed call" }), message(3)];
  const rows = rowsOf(messages, [], undefined, ana.id, () => "today");
  assert.deepEqual(rows.map((row) => row.kind), ["day", "message", "system", "message"]);
  assert.equal(rows.every((row) => row.kind !== "message" || row.startsGroup), true);
});
