import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { eventNames } from "../../Services/Web/source/core/contracts";
import type { EventFrame, ServerFrame } from "../../Services/Web/source/core/contracts";
import { parseFrame } from "../../Services/Web/source/core/frames";
import { reduce } from "../../Services/Web/source/core/reducer";
import { signedIn } from "./samples";

// Samples that the Swift side writes and reads too.
const frames = golden<ServerFrame>("server-frames");
const events = golden<EventFrame>("events");

function golden<Frame>(name: string): Frame[] {
  return JSON.parse(readFileSync(`${process.env.ROOST_FIXTURES ?? "Tests/Fixtures"}/golden/${name}.json`, "utf8"));
}

test("Every golden frame is read as it was written", () => {
  for (const frame of [...frames, ...events]) assert.deepEqual(parseFrame(JSON.stringify(frame)), frame);
});

test("Every golden event is applied when it is next, and once", () => {
  for (const frame of events) {
    const state = signedIn();
    const before = { ...state, cursors: { ...state.cursors, [frame.stream]: frame.seq - 1 } };
    const after = reduce(before, { type: "event", frame });
    assert.equal(after.cursors[frame.stream], frame.seq, frame.name);
    assert.equal(reduce(after, { type: "event", frame }), after, `${frame.name} again`);
  }
});

test("There is a golden event for each name", () => {
  const names = new Set(events.map((frame) => frame.name));
  assert.deepEqual(eventNames.filter((name) => !names.has(name)), []);
});

test("Golden ready and reset are taken", () => {
  for (const frame of frames) {
    if (frame.type !== "ready" && frame.type !== "reset") continue;
    const state = frame.type === "ready"
      ? reduce(signedIn(), { type: "ready", frame })
      : reduce(signedIn(), { type: "reset", frame });
    const places = frame.type === "ready" ? frame.streams : [frame];
    for (const { stream, seq } of places) assert.equal(state.cursors[stream], seq);
  }
});
