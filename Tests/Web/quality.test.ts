import assert from "node:assert/strict";
import { test } from "node:test";
import { bitrateWords, lossWords, millisecondsWords, pathWords, qualityOf } from "../../Services/Web/source/core/quality";
import type { QualitySample, StreamSample } from "../../Services/Web/source/core/quality";

function stream(changes: Partial<StreamSample> = {}): StreamSample {
  return {
    kind: "audio", bytes: 0, packets: 0, lost: 0, jitter: undefined, width: undefined, height: undefined,
    framesPerSecond: undefined, ...changes,
  };
}

function sample(at: number, changes: Partial<QualitySample> = {}): QualitySample {
  return { at, roundTrip: 0.03, path: { way: "direct", protocol: "UDP" }, received: {}, sent: {}, ...changes };
}

function between(received: StreamSample, sent: StreamSample, roundTrip = 0.03) {
  return qualityOf(
    sample(0, { received: { a: stream() }, sent: { b: stream() } }),
    sample(2_000, { received: { a: received }, sent: { b: sent }, roundTrip }));
}

test("Quality is what happened between two samples, not since the beginning", () => {
  const before = sample(1_000, { received: { a: stream({ bytes: 90_000, packets: 900, lost: 500 }) } });
  const after = sample(3_000, { received: { a: stream({ bytes: 115_000, packets: 999, lost: 501, jitter: 0.004 }) } });
  const quality = qualityOf(before, after);
  assert.equal(quality.received.bitrate, 100_000);
  assert.equal(quality.received.loss, 0.01);
  assert.equal(quality.grade, "good");
  assert.equal(quality.sent.loss, undefined, "nothing was sent");
});

test("The worst cause is what the person is told", () => {
  const clean = stream({ packets: 100 });
  assert(between(clean, clean).sentence.includes("arrive as they are sent"));
  assert.equal(between(stream({ packets: 97, lost: 3 }), clean).grade, "fair");
  const poor = between(stream({ packets: 97, lost: 3 }), stream({ packets: 80, lost: 20 }));
  assert.equal(poor.grade, "poor");
  assert(poor.sentence.includes("the others hear and see you badly"));
  assert(between(clean, clean, 0.6).sentence.includes("long delay"));
  assert(between(stream({ packets: 100, jitter: 0.05 }), clean).sentence.includes("unevenly"));
});

test("A packet taken back, a stream that began or ended, and no time at all give no nonsense", () => {
  const quality = qualityOf(
    sample(5, { received: { a: stream({ lost: 4, packets: 10 }), gone: stream({ bytes: 9_000, packets: 9 }) } }),
    sample(5, { received: { a: stream({ lost: 3, packets: 12 }), fresh: stream({ bytes: 70_000, packets: 90, lost: 90 }) } }));
  assert.equal(quality.received.loss, 0);
  assert.equal(quality.received.bitrate, 0);
});

test("Without a measurement nothing is called good", () => {
  assert.equal(qualityOf(sample(0, { roundTrip: undefined }), sample(2_000, { roundTrip: undefined })).grade, "unknown");
});

test("The largest picture that moves is the one that is named", () => {
  const still = stream({ kind: "video", packets: 5, width: 1920, height: 1080 });
  const small = (packets: number) => stream({ kind: "video", packets, width: 640, height: 360, framesPerSecond: 24.6 });
  const quality = qualityOf(sample(0, { received: { still, small: small(1) } }), sample(2_000, { received: { still, small: small(50) } }));
  assert.deepEqual([quality.received.width, quality.received.height], [640, 360]);
});

test("Numbers have words", () => {
  assert.equal(pathWords({ way: "relayed", protocol: "TCP" }), "through a relay, over TCP");
  assert.equal(pathWords({ way: "direct", protocol: "UDP" }), "direct, over UDP");
  assert.equal(bitrateWords(1_540_000), "1.5 Mbit/s");
  assert.equal(bitrateWords(31_600), "32 kbit/s");
  assert.equal(millisecondsWords(0.0234), "23 ms");
  assert.equal(lossWords(0), "none");
  assert.equal(lossWords(0.0004), "under 0.1 %");
  assert.equal(lossWords(0.034), "3.4 %");
});
