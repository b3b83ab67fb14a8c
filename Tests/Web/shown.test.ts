import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallState } from "../../Services/Web/source/core/contracts";
import { floatedTrack, viewOf } from "../../Services/Web/source/core/shown";
import type { ShownPicture } from "../../Services/Web/source/core/shown";

const picture = (name: string, changes: Partial<ShownPicture> = {}): ShownPicture => ({
  participantID: `p-${name}`, source: "camera", tileHeight: 360, floatingHeight: 0, isPinned: false, ...changes,
});

test("A page tells each picture once, as large as it is seen, and which one is pinned", () => {
  const pictures = [
    picture("ben", { tileHeight: 120 }), picture("ben", { tileHeight: 720, isPinned: true }), picture("cleo"),
    picture("ben", { source: "screen", tileHeight: 0 }),
  ];
  assert.deepEqual(viewOf(pictures, true), [
    { participantID: "p-ben", source: "camera", height: 720, isPinned: true },
    { participantID: "p-cleo", source: "camera", height: 360, isPinned: false },
  ]);
});

test("A page out of sight tells nothing but the picture that floats", () => {
  const floating = picture("cleo", { tileHeight: 720, floatingHeight: 180 });
  assert.deepEqual(viewOf([picture("ben"), floating], false), [
    { participantID: "p-cleo", source: "camera", height: 180, isPinned: false },
  ]);
  assert.deepEqual(viewOf([picture("ben")], false), []);
});

test("A floated picture is told as large as the larger of its two places, and without a tile all the same", () => {
  const heights = (changes: Partial<ShownPicture>) =>
    viewOf([picture("ben", { floatingHeight: 180, ...changes })], true).map(({ height }) => height);
  assert.deepEqual(heights({ tileHeight: 0 }), [180]);
  assert.deepEqual(heights({ tileHeight: 120 }), [180]);
  assert.deepEqual(heights({ tileHeight: 360 }), [360]);
});

test("What floats is followed to another section and another seat, and ends with its source", () => {
  const floated = { participantID: "p-ben", userID: "u-ben", source: "camera" } as const;
  const made = (seat: string, isActive = true, mid = "7") => floatedTrack({
    participants: [{ participantID: seat, userID: "u-ben", joinedAt: "" }],
    tracks: [
      { participantID: seat, source: "screen", isActive: true, mid: "9" },
      { participantID: seat, source: "camera", isActive, mid },
    ],
  } as Partial<CallState> as CallState, floated)?.mid;
  assert.equal(made("p-ben"), "7");
  assert.equal(made("p-ben", true, "8"), "8");
  assert.equal(made("p-ben-again"), "7");
  assert.equal(made("p-ben", false), undefined);
  assert.equal(floatedTrack({ participants: [], tracks: [] } as Partial<CallState> as CallState, floated), undefined);
});
