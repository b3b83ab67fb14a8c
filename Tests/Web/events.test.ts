import assert from "node:assert/strict";
import { test } from "node:test";
import { place } from "../../Services/Web/source/core/frames";
import { neededLoads } from "../../Services/Web/source/core/loads";
import { reduce } from "../../Services/Web/source/core/reducer";
import type { EventFrame } from "../../Services/Web/source/core/contracts";
import { otherPeople, waitingIn } from "../../Services/Web/source/core/selectors";
import type { State } from "../../Services/Web/source/core/state";
import { ben, channelStream, contents, event, general, message, reading, signedIn, time, userStream, workspaceStream } from "./samples";

const apply = (state: State, ...frames: EventFrame[]): State =>
  frames.reduce((state, frame) => reduce(state, { type: "event", frame }), state);

test("The next event of a stream is applied and moves its cursor", () => {
  const state = apply(reading(), event(channelStream, 11, "message.created", message(11)));
  assert.deepEqual(contents(state), ["message 1", "message 2", "message 3", "message 11"]);
  assert.equal(state.cursors[channelStream], 11);
});

test("An event that is known already changes nothing", () => {
  const first = apply(reading(), event(channelStream, 11, "message.created", message(11)));
  assert.equal(apply(first, event(channelStream, 11, "message.created", message(11, { content: "again" }))), first);
});

test("An event after a gap is not applied, and the gap is seen", () => {
  const state = reading();
  const frame = event(channelStream, 12, "message.created", message(12));
  assert.equal(place(state.cursors, frame), "gap");
  assert.equal(apply(state, frame), state);
});

test("An event of a stream that is not followed is dropped", () => {
  const frame = event("channel:c-other", 1, "message.created", message(1));
  assert.equal(place(reading().cursors, frame), "unfollowed");
});

test("An event of a later version moves its cursor and nothing else", () => {
  const unknown = { type: "event", stream: channelStream, seq: 11, name: "message.sung", data: {} } as unknown as EventFrame;
  const before = reading();
  const after = apply(before, unknown);
  assert.equal(after.cursors[channelStream], 11);
  assert.deepEqual({ ...after, cursors: before.cursors }, before);
});

test("Of two states of a message the higher version wins, in either order", () => {
  const edited = event(channelStream, 11, "message.edited", message(2, { content: "edited", version: 11 }));
  const state = apply(reading(), edited);
  assert.equal(contents(state)[1], "edited");
  const stale = reduce(state, { type: "messageAnswered", message: message(2) });
  assert.equal(contents(stale)[1], "edited");
});

test("A page read before a deletion does not bring the message back", () => {
  const asked = reduce(signedIn(), { type: "timelineAsked", channelID: general.id });
  const deleted = apply(
    asked, event(channelStream, 11, "message.deleted", { id: "m-2", channelID: general.id, seq: 2, authorID: ben.id, version: 11 }));
  const page = { messages: [message(1), message(2), message(3)], seq: 10 };
  const state = reduce(deleted, { type: "newestLoaded", channelID: general.id, page });
  assert.deepEqual(contents(state), ["message 1", "message 3"]);
  const edit = reduce(state, { type: "messageAnswered", message: message(2, { version: 12 }) });
  assert.deepEqual(contents(edit), ["message 1", "message 3"]);
});

test("A message that arrives while the page is read is kept", () => {
  const asked = reduce(signedIn(), { type: "timelineAsked", channelID: general.id });
  const early = apply(asked, event(channelStream, 11, "message.created", message(11)));
  const page = { messages: [message(3)], seq: 10 };
  assert.deepEqual(
    contents(reduce(early, { type: "newestLoaded", channelID: general.id, page })), ["message 3", "message 11"]);
});

test("A joined channel is followed from the place its event names", () => {
  const joined = event(userStream, 11, "channel.joined", { channel: { ...general, id: "c-new" }, seq: 4 });
  const state = apply(signedIn(), joined, event("channel:c-new", 5, "message.created", message(5, { channelID: "c-new" })));
  assert.equal(state.cursors["channel:c-new"], 5);
  assert.equal(waitingIn(state, "c-new").unread, 1);
});

test("A channel that was left is gone with its cursor, its unsent messages and its view", () => {
  const state = apply(reading(), event(userStream, 11, "channel.left", { channelID: general.id }));
  assert.equal(state.cursors[channelStream], undefined);
  assert.equal(state.joined[general.id], undefined);
  assert.equal(state.view.channelID, undefined);
  assert(general.id in state.channels, "a public channel can be joined again");
});

test("A person who left does not come back with a page of members read earlier", () => {
  const left = apply(reading(), event(channelStream, 11, "channel.member.left", { userID: ben.id }));
  const members = [{ user: ben, joinedAt: time }];
  const state = reduce(left, { type: "channelMembersLoaded", channelID: general.id, members });
  assert.equal(state.joined[general.id]?.members[ben.id], null);
});

test("After a reset the stream's state is asked for anew, and a page from before it is refused", () => {
  const reset = reduce(reading(), { type: "reset", frame: { stream: channelStream, seq: 900 } });
  assert.deepEqual(contents(reset), []);
  assert.deepEqual(neededLoads(reset).map(({ key }) => key),
    ["workspace:w-barn", `channel:${general.id}`, `call:${general.id}`, `unread:${general.id}`, `timeline:${general.id}`]);
  const asked = reduce(reset, { type: "timelineAsked", channelID: general.id });
  const stale = reduce(asked, { type: "newestLoaded", channelID: general.id, page: { messages: [message(3)], seq: 899 } });
  assert.equal(stale.joined[general.id]?.timeline.status, "loading");
  const fresh = reduce(stale, { type: "newestLoaded", channelID: general.id, page: { messages: [message(800)], seq: 900 } });
  assert.deepEqual(contents(fresh), ["message 800"]);
});

test("After a reset of the user's stream only a snapshot from after it is taken", () => {
  const reset = reduce(signedIn(), { type: "reset", frame: { stream: userStream, seq: 900 } });
  assert.equal(neededLoads(reset)[0]?.key, "bootstrap");
  const user = { id: "u-ana", username: "ana", displayName: "Ana", email: "ana@example.org", createdAt: time };
  const snapshot = (seq: number) => ({
    user, sessionID: "s-1", workspaces: [], channels: [], calls: [], rings: [], unread: [], cursors: [{ stream: userStream, seq }],
  });
  const stale = reduce(reset, { type: "bootstrapLoaded", snapshot: snapshot(899) });
  assert.equal(stale.snapshot, "stale");
  const fresh = reduce(stale, { type: "bootstrapLoaded", snapshot: snapshot(901) });
  assert.deepEqual(fresh.cursors, { [userStream]: 901 });
  assert.deepEqual(fresh.joined, {});
});

test("Streams of ready without a cursor start at its place and ask for a snapshot", () => {
  const frame = {
    connectionID: "k", sessionID: "s-1", userID: "u-ana",
    streams: [{ stream: channelStream, seq: 99 }, { stream: "channel:c-new", seq: 7 }],
  };
  const state = reduce(signedIn(), { type: "ready", frame });
  assert.equal(state.cursors[channelStream], 10);
  assert.equal(state.cursors["channel:c-new"], 7);
  assert.equal(state.snapshot, "stale");
});

test("A new name of a person is shown wherever the person is", () => {
  const renamed = event(workspaceStream, 11, "user.updated", { id: "u-ana", username: "ana", displayName: "Ana B" });
  const state = apply(signedIn(), renamed);
  assert.equal(state.users["u-ana"]?.displayName, "Ana B");
  assert(state.session.phase === "signedIn" && state.session.user.displayName === "Ana B");
});

test("A workspace that was left is gone with its channels, its cursors and what was in view of it", () => {
  const state = apply(reading(), event(userStream, 11, "workspace.left", { workspaceID: "w-barn" }));
  assert.deepEqual(Object.keys(state.cursors), [userStream]);
  assert.deepEqual([state.workspaces, state.channels, state.joined], [{}, {}, {}]);
  assert.equal(state.view.channelID, undefined);
});

test("A person who left the workspace does not come back with a page of its members read earlier", () => {
  const left = apply(signedIn(), event(workspaceStream, 11, "workspace.member.left", { userID: ben.id }));
  const members = [{ user: ben, role: "member" as const, joinedAt: time }];
  const state = reduce(left, { type: "workspaceLoaded", workspaceID: "w-barn", members, channels: [general] });
  assert.deepEqual(otherPeople(state, "w-barn"), []);
});

test("A channel that became private is forgotten by who is not in it, and by nobody else", () => {
  const open = { ...general, id: "c-open", name: "open" };
  const seen = apply(signedIn(), event(workspaceStream, 11, "channel.created", open));
  const gone = apply(seen, event(workspaceStream, 12, "channel.withdrawn", { channelID: "c-open" }));
  assert(!("c-open" in gone.channels));
  const kept = apply(gone, event(workspaceStream, 13, "channel.withdrawn", { channelID: general.id }));
  assert(general.id in kept.channels && general.id in kept.joined);
});
