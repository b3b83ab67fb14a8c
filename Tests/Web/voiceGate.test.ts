import assert from "node:assert/strict";
import { test } from "node:test";
import {
  closedGate, decibelsOf, gateHysteresis, gateTimes, meterPlace, meterRange, stepGain, stepGate,
} from "../../Services/Web/source/core/voiceGate";

const step = 10;
const threshold = -40;

/** Whether the gate is open after each of these loudnesses, 10 ms apart. */
function run(...loudness: number[]): string {
  let gate = closedGate;
  return loudness.map((one) => {
    gate = stepGate(gate, one, threshold, step);
    return gate.isOpen ? "o" : ".";
  }).join("");
}
const times = (count: number, loudness: number) => Array.from({ length: count }, () => loudness);

test("A gate opens after a short loud while, and a click does not open it", () => {
  assert.equal(run(-60, -30, -60, -30, -60), ".....");
  assert.equal(run(-60, -30, -30, -30), "..oo");
  assert.equal(gateTimes.attack, 2 * step);
});

test("It stays open over pauses of less than 300 ms, and closes after that", () => {
  const pause = gateTimes.hold / step;
  assert.equal(run(...times(2, -30), ...times(pause - 1, -60), -30, -60), `.o${"o".repeat(pause - 1)}oo`);
  assert.equal(run(...times(2, -30), ...times(pause, -60), -60), `.o${"o".repeat(pause - 1)}..`);
});

test("What opened it may waver below the threshold for as long as it likes, but not open it", () => {
  const wavering = threshold - gateHysteresis + 1;
  assert.equal(run(...times(2, -30), ...times(100, wavering)).slice(-1), "o");
  assert.equal(run(...times(100, wavering)).slice(-1), ".");
  assert.equal(run(...times(2, -30), ...times(100, threshold - gateHysteresis - 1)).slice(-1), ".");
});

test("Sound rises at once and falls softly, between nothing and all", () => {
  let gain = 0;
  for (let time = 0; time < gateTimes.rise; time += 1) gain = stepGain(gain, true, 1);
  assert(Math.abs(gain - 1) < 1e-9);
  assert.equal(stepGain(1, true, 1), 1);
  assert(stepGain(1, false, gateTimes.fall / 2) > 0.4, "it is no click");
  assert.equal(stepGain(0.5, false, gateTimes.fall), 0);
});

test("A meter has its ends where thresholds have theirs", () => {
  assert.equal(meterPlace(decibelsOf(0)), 0);
  assert.equal(meterPlace(decibelsOf(1)), 1);
  assert.equal(meterPlace(meterRange.quietest), 0);
  assert.equal(meterPlace(meterRange.loudest), 1);
  assert.equal(meterPlace((meterRange.quietest + meterRange.loudest) / 2), 0.5);
  assert(Math.abs(decibelsOf(0.25 * 0.25) + 12) < 0.1);
});
