import assert from "node:assert/strict";
import { test } from "node:test";
import { isImplied, presenceOf, presenceUpdateOf, watchedUsers } from "../../Services/Web/source/core/presence";
import type { OwnPresence } from "../../Services/Web/source/core/presence-model";
import { reduce } from "../../Services/Web/source/core/reducer";
import { nextSilence, signTyping, typingSentence } from "../../Services/Web/source/core/typing";
import type { State } from "../../Services/Web/source/core/state";
import { ana, ben, channelStream, event, general, message, reading, signedIn } from "./samples";

const typing = (state: State, userID: string, now: number, isTyping = true): State =>
  reduce(state, { type: "typing", frame: { channelID: general.id, userID, isTyping }, now });
const people = (...names: string[]): State =>
  ({ ...signedIn(), users: Object.fromEntries(names.map((name) => [name, { id: name, username: name, displayName: name }])) });
const sentence = (state: State) => typingSentence(state, general.id);

test("Who chose nothing is online, or away when idle; what was chosen stands whether idle or not", () => {
  const states = (["online", "busy", "offline"] as const).map((choice) =>
    [false, true].map((isIdle) => presenceUpdateOf({ choice, status: undefined }, isIdle).state));
  assert.deepEqual(states, [["online", "idle"], ["busy", "busy"], ["offline", "offline"]]);
});

test("Only what a connection is taken for anyway goes unsaid", () => {
  const holiday = { emoji: "🌴", text: "On holiday" };
  assert.equal(isImplied(presenceUpdateOf({ choice: "online", status: undefined }, false)), true);
  assert.equal(isImplied(presenceUpdateOf({ choice: "online", status: undefined }, true)), false);
  assert.equal(isImplied(presenceUpdateOf({ choice: "online", status: holiday }, false)), false);
  assert.equal(isImplied(presenceUpdateOf({ choice: "offline", status: undefined }, false)), false);
});

test("Exactly those on the screen are watched: oneself, partners, authors in view, members when shown", () => {
  assert.deepEqual(watchedUsers(signedIn()), { workspaceID: "w-barn", userIDs: [ana.id] });
  assert.deepEqual(watchedUsers(reading())?.userIDs, [ana.id, ben.id]);
  const cleo = { id: "u-cleo", username: "cleo", displayName: "Cleo" };
  const members = [ana, ben, cleo].map((user) => ({ user, joinedAt: "2026-11-21T06:28:01.123Z" }));
  const loaded = reduce(reading(), { type: "channelMembersLoaded", channelID: general.id, members });
  assert.deepEqual(watchedUsers(loaded)?.userIDs, [ana.id, ben.id]);
  const shown = reduce(loaded, { type: "membersToggled", isOpen: true });
  assert.deepEqual(watchedUsers(shown)?.userIDs, [ana.id, ben.id, cleo.id]);
});

test("No more than 500 people are watched, oneself always among them", () => {
  const messages = Array.from({ length: 700 }, (_, index) => message(index + 1, { authorID: `u-${1000 + index}` }));
  const asked = reduce(signedIn(), { type: "timelineAsked", channelID: general.id });
  const state = reduce(asked, { type: "newestLoaded", channelID: general.id, page: { messages, seq: 800 } });
  const watched = watchedUsers(state)?.userIDs ?? [];
  assert.equal(watched.length, 500);
  assert(watched.includes(ana.id) && watched.includes("u-1699") && !watched.includes("u-1000"));
});

test("Presence is what was said last; it is unknown while events do not arrive, and for who is watched no more", () => {
  const users = [{ userID: ben.id, state: "online" as const }];
  const seen = reduce(reading(), { type: "presence", frame: { users } });
  assert.equal(presenceOf(seen, ben.id)?.state, "online");
  const cut = reduce(seen, { type: "connectionChanged", connection: { phase: "waiting", attempt: 1, retryAt: 0 } });
  assert.equal(presenceOf(cut, ben.id), undefined);
  assert.equal(presenceOf(reduce(seen, { type: "presenceWatched", userIDs: [ana.id] }), ben.id), undefined);
});

test("The status that another device set is one's own too, unless one looks as if one were not there", () => {
  const status = { emoji: "🥪", text: "At lunch" };
  const own = (state: "online" | "offline", said?: typeof status): OwnPresence =>
    reduce(reduce(signedIn(), { type: "ownPresenceChanged", ownPresence: { choice: "busy", status } }),
      { type: "presence", frame: { users: [{ userID: ana.id, state, status: said }] } }).ownPresence;
  assert.deepEqual(own("online", { emoji: "🎧", text: "Focusing" }).status, { emoji: "🎧", text: "Focusing" });
  assert.equal(own("online").status, undefined);
  assert.deepEqual(own("offline").status, status);
  assert.equal(own("online").choice, "busy");
});

test("O7 whoever is typing falls silent three seconds after the last sign, by a stop, or by the message", () => {
  const state = typing(people("Ada"), "Ada", 1_000);
  assert.equal(sentence(state), "Ada is typing…");
  assert.equal(nextSilence(state.typists), 4_000);
  assert.equal(sentence(reduce(state, { type: "typingExpired", now: 3_999 })), "Ada is typing…");
  assert.equal(sentence(reduce(state, { type: "typingExpired", now: 4_000 })), "");
  assert.equal(sentence(typing(state, "Ada", 2_000, false)), "");
  const created = event(channelStream, 11, "message.created", message(11, { authorID: "Ada" }));
  assert.equal(sentence(reduce(state, { type: "event", frame: created })), "");
});

test("Up to three are named, more are several; one's own device is none of them", () => {
  let state = typing(people("Ada", "Bob", "Cleo", "Dan"), "Ada", 0);
  assert.equal(sentence(state = typing(state, "Bob", 0)), "Ada and Bob are typing…");
  assert.equal(sentence(state = typing(state, "Cleo", 0)), "Ada, Bob and Cleo are typing…");
  assert.equal(sentence(typing(state, "Dan", 0)), "Several people are typing…");
  assert.equal(sentence(typing(people(), ana.id, 0)), "");
});

test("T5 one's own writing is told at most every two seconds, its end at once, and not twice", () => {
  const first = signTyping(undefined, "c-1", true, 0);
  assert.deepEqual(first.signs, [{ channelID: "c-1", isTyping: true }]);
  assert.deepEqual(signTyping(first.last, "c-1", true, 1_999).signs, []);
  assert.deepEqual(signTyping(first.last, "c-1", true, 2_000).signs, [{ channelID: "c-1", isTyping: true }]);
  const stopped = signTyping(first.last, "c-1", false, 1_000);
  assert.deepEqual(stopped.signs, [{ channelID: "c-1", isTyping: false }]);
  assert.deepEqual(signTyping(stopped.last, "c-1", false, 1_100).signs, []);
  assert.deepEqual(signTyping(first.last, "c-1", false, 3_000).signs, []);
});

test("Writing in another channel ends it in the first", () => {
  const { last } = signTyping(undefined, "c-1", true, 0);
  assert.deepEqual(signTyping(last, "c-2", true, 500).signs,
    [{ channelID: "c-1", isTyping: false }, { channelID: "c-2", isTyping: true }]);
});
