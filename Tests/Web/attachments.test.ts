import assert from "node:assert/strict";
import { test } from "node:test";
import { areReady, countProblem, kindOf, shownSize, sizeWords } from "../../Services/Web/source/core/attachments";
import type { PendingFile } from "../../Services/Web/source/core/attachments";
import { reduce } from "../../Services/Web/source/core/reducer";
import { ana, general, reading, time } from "./samples";

const pending = (key: string, changes: Partial<PendingFile> = {}): PendingFile => ({
  key, channelID: general.id, name: `${key}.png`, byteCount: 10, state: "uploading", progress: 0, ...changes,
});

test("A picture is shown in its own size, or as much of it as fits, in its own shape", () => {
  assert.deepEqual(shownSize({ width: 100, height: 50 }), { width: 100, height: 50 });
  assert.deepEqual(shownSize({ width: 4_000, height: 2_000 }), { width: 400, height: 200 });
  assert.deepEqual(shownSize({ width: 1_000, height: 3_200 }), { width: 100, height: 320 });
  assert.deepEqual(shownSize({ width: 100_000, height: 1 }), { width: 400, height: 1 });
  assert.deepEqual(shownSize({}), { width: 320, height: 240 });
});

test("Sizes are said in words of three digits", () => {
  assert.deepEqual(
    [1, 999, 1_000, 9_949, 9_950, 999_499, 999_500, 20_480_000, 3_000_000_000].map(sizeWords),
    ["1 byte", "999 bytes", "1.0 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "20 MB", "3.0 GB"]);
});

test("Only what the server lets a browser show is shown", () => {
  assert.deepEqual(
    ["image/png", "video/webm", "audio/webm", "image/svg+xml", "text/html", "application/pdf"]
      .map((mediaType) => kindOf({ mediaType })),
    ["image", "video", "audio", "other", "other", "other"]);
});

test("A message has at most ten files", () => {
  assert.equal(countProblem(0, 10), undefined);
  assert.equal(countProblem(9, 1), undefined);
  assert(countProblem(9, 2)?.includes("at most 10"));
});

test("What is attached goes with the message of its channel, and with no other", () => {
  const there = pending("c", { channelID: "elsewhere" });
  let state = [pending("a"), pending("b"), there].reduce(
    (state, file) => reduce(state, { type: "fileAttached", file }), reading());
  assert.equal(areReady(state.attaching), false);
  state = reduce(state, { type: "fileRemoved", key: "b" });
  const file = { id: "f-1", name: "a.png", mediaType: "image/png", byteCount: 10 };
  state = reduce(state, { type: "fileChanged", key: "a", changes: { state: "ready", progress: 1, file } });
  assert.equal(areReady(state.attaching.filter(({ channelID }) => channelID === general.id)), true);
  const outgoing = {
    key: "k", channelID: general.id, authorID: ana.id, content: "", writtenAt: time, state: "pending" as const,
  };
  assert.equal(reduce(state, { type: "messageWritten", outgoing }).attaching.length, 2);
  state = reduce(state, { type: "messageWritten", outgoing: { ...outgoing, attachments: [file] } });
  assert.deepEqual(state.attaching, [there]);
  assert.deepEqual(reduce(state, { type: "sendFailed", key: "k", problem: "no" }).outbox[0]?.attachments, [file]);
});
