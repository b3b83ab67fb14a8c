import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { eventNames } from "../../Services/Web/source/core/contracts";
import type { EventFrame, ServerFrame } from "../../Services/Web/source/core/contracts";
import { parseFrame } from "../../Services/Web/source/core/frames";
import { reduce } from "../../Services/Web/source/core/reducer";
import { signedIn } from "./samples";

const path = `${process.env.ROOST_FIXTURES ?? "Tests/Fixtures"}/golden/frames.json`;
const frames = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) as (ServerFrame | EventFrame)[] : undefined;

if (frames) {
  test("Every golden frame is read as it was written", () => {
    for (const frame of frames) assert.deepEqual(parseFrame(JSON.stringify(frame)), frame);
  });

  test("Every golden event is applied when it is next", () => {
    for (const frame of frames) {
      if (frame.type !== "event") continue;
      const state = signedIn();
      const before = { ...state, cursors: { ...state.cursors, [frame.stream]: frame.seq - 1 } };
      const after = reduce(before, { type: "event", frame });
      assert.equal(after.cursors[frame.stream], frame.seq, frame.name);
      assert.equal(reduce(after, { type: "event", frame }), after, `${frame.name} again`);
    }
  });

  test("There is a golden event for each name", () => {
    const names = new Set(frames.flatMap((frame) => frame.type === "event" ? [frame.name] : []));
    assert.deepEqual(eventNames.filter((name) => !names.has(name)), []);
  });
}
