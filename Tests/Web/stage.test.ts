import assert from "node:assert/strict";
import { test } from "node:test";
import { dominantOf, stageOf } from "../../Services/Web/source/core/stage";
import type { Tile } from "../../Services/Web/source/core/tiles";

function tile(key: string, changes: Partial<Tile> = {}): Tile {
  return {
    key, participantID: key, userID: `u-${key}`, source: "camera", isOwn: false, isSpeaking: false, isMuted: false, hand: undefined,
    isMicrophoneHeld: false, isPictureHeld: false, isScreenHeld: false,
    hasVideo: true, mid: undefined, ...changes,
  };
}

const [own, ben, cleo] = [tile("own", { isOwn: true }), tile("ben"), tile("cleo")];
const screen = tile("screen:ben", { source: "screen", participantID: "ben" });
const keys = (tiles: Tile[]) => tiles.map(({ key }) => key);

test("In a grid nobody is large, but screens are", () => {
  assert.deepEqual(keys(stageOf([own, ben, cleo], "grid", undefined, "ben").large), []);
  assert.deepEqual(keys(stageOf([screen, own, ben], "grid", undefined, "ben").large), ["screen:ben"]);
});

test("Who speaks is large in the view for that, and stays so while nobody else speaks", () => {
  const tiles = [own, ben, cleo];
  const first = dominantOf(tiles, ["own", "cleo"], undefined);
  assert.equal(first, "cleo", "oneself is not looked at large");
  assert.equal(dominantOf(tiles, [], first), "cleo");
  assert.equal(dominantOf(tiles, ["own"], first), "cleo");
  assert.equal(dominantOf(tiles, ["ben", "cleo"], first), "ben");
  const { large, small } = stageOf(tiles, "speaker", undefined, first);
  assert.deepEqual([keys(large), keys(small)], [["cleo"], ["own", "ben"]]);
});

test("Before anybody spoke, and when the speaker left, somebody else is large; alone nobody is", () => {
  assert.deepEqual(keys(stageOf([own, ben], "speaker", undefined, undefined).large), ["ben"]);
  assert.deepEqual(keys(stageOf([own, ben], "speaker", undefined, "gone").large), ["ben"]);
  assert.deepEqual(keys(stageOf([own], "speaker", undefined, "gone").large), []);
});

test("What is pinned is large in every view, even beside a screen, until it goes", () => {
  for (const view of ["grid", "speaker"] as const) {
    assert.deepEqual(keys(stageOf([screen, own, ben, cleo], view, "cleo", "ben").large), ["cleo"]);
    assert.deepEqual(keys(stageOf([screen, own, ben], view, "cleo", "ben").large), ["screen:ben"]);
  }
});
