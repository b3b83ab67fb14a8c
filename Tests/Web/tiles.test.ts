import assert from "node:assert/strict";
import { test } from "node:test";
import { stepCall } from "../../Services/Web/source/core/call";
import { idleCall } from "../../Services/Web/source/core/call-model";
import type { ActiveCall } from "../../Services/Web/source/core/call-model";
import type { CallState } from "../../Services/Web/source/core/contracts";
import { audienceOf } from "../../Services/Web/source/core/audience";
import { bestGrid, tilesOf } from "../../Services/Web/source/core/tiles";

const given = { random: 0, participantID: "p-ana" };

/** Ana in a call that is as `state` says, with her microphone on. */
function callWith(state: Partial<CallState>): ActiveCall {
  const asked = stepCall(idleCall, {
    type: "join", channelID: "c-1", active: ["microphone"], relayOnly: false, isSocketCurrent: true,
  }, given);
  const { call } = stepCall(asked.call, {
    type: "frame",
    frame: {
      type: "callJoined", channelID: "c-1", participantID: "p-ana", isResumed: false, iceServers: [],
      state: { revision: 1, participants: [], tracks: [], hands: [], mutes: [], moderators: [], audience: [], audioSections: 6, videoSections: 4, ...state },
    },
  }, given);
  assert(call.phase !== "idle");
  return call;
}

const participants = ["ana", "ben", "cleo"].map((name) =>
  ({ participantID: `p-${name}`, userID: `u-${name}`, joinedAt: "" }));

test("One's own tile comes before those of the others, and there is no second one of oneself", () => {
  const tiles = tilesOf(callWith({ participants }), "u-ana");
  assert.deepEqual(tiles.map(({ participantID, isOwn }) => [participantID, isOwn]), [
    ["p-ana", true], ["p-ben", false], ["p-cleo", false],
  ]);
});

test("The audience of a stage has no tiles; who asks for the word is listed first", () => {
  const call = callWith({ participants, audience: ["p-ana", "p-cleo"], hands: ["p-ben", "p-cleo"] });
  assert.deepEqual(tilesOf(call, "u-ana").map(({ participantID }) => participantID), ["p-ben"]);
  assert.deepEqual(audienceOf(call).map(({ userID, isOwn, hand }) => [userID, isOwn, hand]), [
    ["u-cleo", false, 2], ["u-ana", true, undefined],
  ]);
});

test("A tile says what a moderator holds back, whoever's it is", () => {
  const mutes: CallState["mutes"] = [
    { participantID: "p-ana", source: "microphone" }, { participantID: "p-ben", source: "camera" },
  ];
  const held = tilesOf(callWith({ participants, mutes }), "u-ana")
    .map(({ isMicrophoneHeld, isPictureHeld }) => [isMicrophoneHeld, isPictureHeld]);
  assert.deepEqual(held, [[true, false], [false, true], [false, false]]);
});

test("A picture is there when its source is on and has a section", () => {
  const track = { participantID: "p-ben", source: "camera", isActive: true, mid: "10" } as const;
  const benOf = (...tracks: CallState["tracks"]) =>
    tilesOf(callWith({ participants, tracks }), "u-ana").find(({ participantID }) => participantID === "p-ben");
  assert.deepEqual([benOf(track)?.hasVideo, benOf(track)?.mid], [true, "10"]);
  assert.equal(benOf({ ...track, isActive: false })?.hasVideo, false);
  assert.equal(benOf({ ...track, mid: undefined })?.hasVideo, false);
  assert.equal(benOf()?.hasVideo, false);
});

test("Whoever has no microphone that is on is muted, whether its track is off or not told of", () => {
  const tracks = [
    { participantID: "p-ben", source: "microphone", isActive: true },
    { participantID: "p-cleo", source: "microphone", isActive: false },
  ] as const;
  const mutedOf = (...tracks: CallState["tracks"]) =>
    tilesOf(callWith({ participants, tracks }), "u-ana").map(({ isMuted }) => isMuted);
  assert.deepEqual(mutedOf(...tracks), [false, false, true]);
  assert.deepEqual(mutedOf(), [false, true, true]);
});

test("A shared screen is a tile of its own, before all others, and speaks for nobody", () => {
  const tracks = [
    { participantID: "p-cleo", source: "screen", isActive: true, mid: "11" },
    { participantID: "p-ben", source: "screen", isActive: false },
  ] as const;
  const call = { ...callWith({ participants, tracks: [...tracks] }), speakers: ["p-cleo"] };
  const tiles = tilesOf(call, "u-ana");
  assert.deepEqual(tiles.map(({ key, isSpeaking }) => `${key}${isSpeaking ? "*" : ""}`), [
    "screen:p-cleo", "own", "camera:p-ben", "camera:p-cleo*",
  ]);
});

test("Tiles are as large as they can be", () => {
  const columns = (count: number, width: number, height: number) => bestGrid(count, width, height, 8).columns;
  assert.equal(columns(1, 800, 400), 1);
  assert.equal(columns(2, 800, 400), 2);
  assert.equal(columns(2, 300, 500), 1);
  assert.equal(columns(4, 800, 450), 2);
  assert.equal(columns(6, 900, 400), 3);
  for (const count of [1, 2, 5, 9, 12]) {
    const { columns, tileWidth, tileHeight } = bestGrid(count, 640, 360, 8);
    assert(columns * tileWidth + (columns - 1) * 8 <= 640);
    const rows = Math.ceil(count / columns);
    assert(rows * tileHeight + (rows - 1) * 8 <= 360, `${count} tiles fit`);
  }
  const crowd = bestGrid(100, 640, 360, 8);
  assert(crowd.tileWidth >= 112 && crowd.columns * (crowd.tileWidth + 8) - 8 <= 640, "a crowd is scrolled");
});

test("The tiles of five hundred say what is true of each, and each track is looked at once for all of them", () => {
  const count = 500;
  const people = Array.from({ length: count }, (_, number) =>
    ({ participantID: `p-${number}`, userID: `u-${number}`, joinedAt: "" }));
  const tracks = people.flatMap(({ participantID }, number): CallState["tracks"] => [
    { participantID, source: "microphone", isActive: number % 2 === 0 },
    { participantID, source: "camera", isActive: true, ...(number < 28 ? { mid: String(number) } : {}) },
  ]);
  let reads = 0;
  const counted = new Proxy(tracks, {
    get(target, key, receiver) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads += 1;
      return Reflect.get(target, key, receiver);
    },
  });
  const call = callWith({
    participants: people, tracks: counted, hands: people.slice(0, 50).map(({ participantID }) => participantID).reverse(),
    mutes: people.slice(0, 100).map(({ participantID }) => ({ participantID, source: "microphone" as const })),
  });
  reads = 0;
  const tiles = tilesOf({ ...call, speakers: ["p-7", "p-444"] }, "u-ana");
  assert.equal(reads, tracks.length);
  assert.equal(tiles.length, count + 1);
  for (const [number, tile] of tiles.slice(1).entries()) {
    assert.deepEqual(
      [tile.userID, tile.isMuted, tile.hasVideo, tile.isSpeaking, tile.hand, tile.isMicrophoneHeld],
      [`u-${number}`, number % 2 !== 0, number < 28, [7, 444].includes(number), number < 50 ? 50 - number : undefined,
        number < 100]);
  }
});
