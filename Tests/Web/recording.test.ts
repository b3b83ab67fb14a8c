import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallFrame } from "../../Services/Web/source/core/call-model";
import type { CallState } from "../../Services/Web/source/core/contracts";
import { connected, ended, join, joined, Line, media, offered, sources, state, timer } from "./call-line";

const recording = { id: "r-1", userID: "u-ben", startedAt: "" };
const recorded = (revision: number, changes: Partial<CallState> = {}) => state({ revision, recording, ...changes });
const stated = (revision: number, changes: Partial<CallState> = {}): CallFrame =>
  ({ type: "callState", ...state({ revision, ...changes }) });

test("Whoever comes into a recorded call is asked before anything is sent, for as long as they think", () => {
  const line = new Line().on(join()).frame(joined({ state: recorded(1) }));
  assert.equal(line.active.consent, "asked");
  assert.deepEqual(line.words, ["stop retry answer", "stop giveUp"]);
  line.on(sources("microphone", "camera")).frame(stated(2, { recording, videoSections: 8 }));
  assert.deepEqual([line.active.media, line.sent], ["none", ["callJoin"]], "nothing is offered");
  line.frame(ended("timedOut"));
  assert.deepEqual(line.words, [], "the question stands");
  line.on({ type: "agreed" });
  assert.deepEqual(line.words, ["giveUp 60000", "callJoin", "answer 15000"]);
  line.frame(joined({ state: recorded(3) })).on(offered(1));
  assert.deepEqual([line.active.consent, line.active.media, line.sent.at(-1)], ["given", "making", "callOffer"]);
});

test("Whoever does not agree gives the seat back", () => {
  const line = new Line().on(join()).frame(joined({ state: recorded(1) })).on({ type: "excluded", sentence: undefined });
  assert.equal(line.call.phase, "idle");
  assert.equal(line.sent.at(-1), "callLeave");
  assert(line.words.includes("releaseSources"));
});

test("Nobody is asked when the recording ends meanwhile, or runs since after they came, or they come back", () => {
  const asked = () => new Line().on(join()).frame(joined({ state: recorded(1) }));
  for (const line of [
    asked().frame(stated(2, { recording: { ...recording, end: "stopped" } })),
    asked().frame(ended("moved")).on(timer("retry")).frame(joined({ participantID: "p-2" })),
  ]) assert.equal(line.active.consent, "given");
  const present = connected().frame(stated(2, { recording }));
  assert.equal(present.active.consent, "given");
  present.frame(ended("timedOut")).on(timer("retry")).frame(joined({ participantID: "p-2", state: recorded(3) }));
  assert.deepEqual([present.active.consent, present.active.media], ["given", "making"]);
});

test("An answer that is given without a socket counts once there is one", () => {
  const line = new Line().on(join()).frame(joined({ state: recorded(1) })).on({ type: "socketLost" }, { type: "agreed" });
  assert.deepEqual(line.sent, ["callJoin"]);
  line.on({ type: "socketCurrent" }).frame(joined({ state: recorded(1) }));
  assert.deepEqual([line.active.consent, line.active.media], ["given", "making"]);
});

test("The end of a recording is told with its reason until it is seen or another one runs", () => {
  const line = connected().frame(stated(2, { recording })).frame(stated(3, { recording: { ...recording, end: "diskFull" } }));
  assert.deepEqual(line.active.lastRecording, { recording, end: "diskFull" });
  line.frame(stated(4, { recording: { ...recording, end: "diskFull" } }));
  assert(line.active.lastRecording, "it stays");
  assert.equal(line.on({ type: "recordingSeen" }).active.lastRecording, undefined);
  line.frame(stated(5, { recording: { ...recording, end: "diskFull" } }));
  assert.equal(line.active.lastRecording, undefined, "an end that was not seen coming is no news");
  line.frame(stated(6, { recording: { ...recording, id: "r-2" } })).frame(stated(7, { recording: { ...recording, id: "r-2", end: "failed" } }));
  assert.equal(line.active.lastRecording?.end, "failed");
  assert.equal(line.frame(stated(8, { recording: { ...recording, id: "r-3" } })).active.lastRecording, undefined);
});

test("A recording that the call leaves behind as it moves, or as its node dies, is told to be lost", () => {
  const moved = connected().frame(stated(2, { recording })).frame(ended("moved")).on(timer("retry"))
    .frame(joined({ participantID: "p-2" }));
  assert.equal(moved.active.lastRecording, undefined, "it is recorded while it plays");
  moved.on(media(true, 2));
  assert.deepEqual(moved.active.lastRecording, { recording, end: "lost" });
  const died = connected().frame(stated(2, { recording })).on(media(false), timer("media")).frame(joined());
  assert.deepEqual(died.active.lastRecording, { recording, end: "lost" });
  died.frame(stated(9, { recording: { ...recording, id: "r-2" } }));
  assert.equal(died.active.lastRecording, undefined, "it is recorded again");
});
