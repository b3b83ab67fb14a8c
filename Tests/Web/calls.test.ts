import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallParticipant, ChannelCall } from "../../Services/Web/source/core/contracts";
import { neededLoads } from "../../Services/Web/source/core/loads";
import { reduce } from "../../Services/Web/source/core/reducer";
import { callParticipants, callPeople, namesOf } from "../../Services/Web/source/core/selectors";
import type { State } from "../../Services/Web/source/core/state";
import { ana, ben, channelStream, event, general, reading, signedIn, time, userStream } from "./samples";

const seat = (participantID: string, userID: string): CallParticipant => ({ participantID, userID, joinedAt: time });
const callWith = (version: number, ...participants: CallParticipant[]): ChannelCall => ({
  channelID: general.id, startedAt: participants.length > 0 ? time : undefined, participants, version,
});
const updated = (state: State, seq: number, call: ChannelCall): State =>
  reduce(state, { type: "event", frame: event(channelStream, seq, "call.updated", call) });
const ids = (state: State): string[] =>
  callParticipants(state, general.id).map(({ participantID }) => participantID);
const snapshot = (state: State, calls: ChannelCall[], channels = [general]): State => {
  assert(state.session.phase === "signedIn");
  const cursors = [userStream, channelStream].map((stream) => ({ stream, seq: 20 }));
  return reduce(state, {
    type: "bootstrapLoaded",
    snapshot: { user: state.session.user, sessionID: "s-1", workspaces: [], channels, calls, rings: [], unread: [], cursors },
  });
};

test("A call is as its last event says, until it is empty", () => {
  const began = updated(signedIn(), 11, callWith(11, seat("p-1", ana.id)));
  const grown = updated(began, 12, callWith(12, seat("p-1", ana.id), seat("p-2", ben.id)));
  assert.deepEqual(ids(grown), ["p-1", "p-2"]);
  assert.deepEqual(ids(updated(grown, 13, callWith(13))), []);
});

test("Of two states of a call the higher version wins, in either order", () => {
  const older = callWith(11, seat("p-1", ana.id));
  const newer = callWith(12, seat("p-2", ben.id));
  for (const order of [[older, newer], [newer, older]]) {
    const state = order.reduce((state, call) => reduce(state, { type: "callLoaded", call }), signedIn());
    assert.deepEqual(ids(state), ["p-2"]);
  }
});

test("A snapshot brings the calls that go on, and does not undo what events said since", () => {
  const fresh = snapshot(signedIn(), [callWith(9, seat("p-1", ana.id))]);
  assert.deepEqual(ids(fresh), ["p-1"]);
  const ended = updated(signedIn(), 11, callWith(11));
  assert.deepEqual(ids(snapshot(ended, [callWith(9, seat("p-1", ana.id))])), []);
  const began = updated(signedIn(), 11, callWith(11, seat("p-2", ben.id)));
  assert.deepEqual(ids(snapshot(began, [])), ["p-2"], "a call that began after the snapshot was read");
});

test("A call of a channel one is not in is not kept", () => {
  const elsewhere = { ...callWith(5, seat("p-1", ana.id)), channelID: "c-other" };
  assert.equal(reduce(signedIn(), { type: "callLoaded", call: elsewhere }).calls["c-other"], undefined);
  const state = updated(signedIn(), 11, callWith(11, seat("p-1", ana.id)));
  const left = reduce(state, { type: "event", frame: event(userStream, 11, "channel.left", { channelID: general.id }) });
  assert.deepEqual(left.calls, {});
  assert.deepEqual(snapshot(state, [], []).calls, {}, "nor after a snapshot without the channel");
});

test("The call of a channel just joined is read, and that of a stream that was reset is read anew", () => {
  const joined = event(userStream, 11, "channel.joined", { channel: { ...general, id: "c-new" }, seq: 4 });
  const fresh = reduce(signedIn(), { type: "event", frame: joined });
  const needs = (state: State, key: string) => neededLoads(state).some((load) => load.key === key);
  assert(needs(fresh, "call:c-new"));
  const loaded = reduce(fresh, { type: "callLoaded", call: { ...callWith(5), channelID: "c-new" } });
  assert(!needs(loaded, "call:c-new"));
  assert(!needs(reading(), `call:${general.id}`));
  const reset = reduce(reading(), { type: "reset", frame: { stream: channelStream, seq: 900 } });
  assert(needs(reset, `call:${general.id}`));
});

test("A person who joined with two devices is one person in two seats", () => {
  const call = callWith(11, seat("p-1", ben.id), seat("p-2", ana.id), seat("p-3", ben.id));
  const state = updated({ ...signedIn(), users: { [ana.id]: ana, [ben.id]: ben } }, 11, call);
  assert.equal(callParticipants(state, general.id).length, 3);
  assert.deepEqual(callPeople(state, general.id).map((user) => user?.displayName), ["Ben", "Ana"]);
});

test("Names make a sentence", () => {
  const named = (...names: string[]) => namesOf(names.map((displayName) => ({ ...ana, displayName })));
  assert.equal(named("Ana"), "Ana");
  assert.equal(named("Ana", "Ben"), "Ana and Ben");
  assert.equal(named("Ana", "Ben", "Cleo", "Dov"), "Ana, Ben, Cleo and Dov");
  assert.equal(named("Ana", "Ben", "Cleo", "Dov", "Eve"), "Ana, Ben, Cleo and 2 others");
});

test("Signing out leaves the call to be hung up, for the peer connection is not the reducer's", () => {
  const call = { phase: "idle", ending: { channelID: general.id, sentence: "over" } } as const;
  const state = reduce(reduce(signedIn(), { type: "callChanged", call }), { type: "signedOut" });
  assert.equal(state.call, call);
  assert.deepEqual(state.calls, {});
});
