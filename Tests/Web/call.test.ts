import assert from "node:assert/strict";
import { test } from "node:test";
import { callTimes } from "../../Services/Web/source/core/call";
import { idleCall } from "../../Services/Web/source/core/call-model";
import type { ActiveCall, CallEvent, CallFrame } from "../../Services/Web/source/core/call-model";
import type { CallState } from "../../Services/Web/source/core/contracts";
import {
  answer, answered, connected, ended, failed, join, joined, Line, media, offered, offering, resumed, seated, sources, state, timer,
} from "./call-line";

test("A call is joined, offered, answered and connected", () => {
  const line = new Line();
  const steps: [CallEvent, ActiveCall["phase"], string[]][] = [
    [join(), "joining", ["stop retry answer media giveUp notice gather", "giveUp 60000", "callJoin", "answer 15000"]],
    [{ type: "frame", frame: joined() }, "connecting", ["stop retry answer", "stop media", "openPeer 1", "makeOffer 1"]],
    [offered(1), "connecting", ["callOffer", "answer 15000"]],
    [{ type: "frame", frame: answer(1) }, "connecting", ["stop answer", "takeAnswer 1"]],
    [answered(1), "connecting", []],
    [media(true), "connected", ["stop media", "stop giveUp"]],
  ];
  for (const [event, phase, words] of steps) {
    line.on(event);
    assert.equal(line.active.phase, phase, event.type);
    assert.deepEqual(line.words, words, event.type);
  }
});

test("The offer says what is on when it is sent, which may be more than when it was asked for", () => {
  const line = seated().on(sources("microphone", "camera"), offered(1));
  const [effect] = line.effects;
  assert(effect?.type === "send" && effect.frame.type === "callOffer");
  assert.deepEqual(effect.frame.publications, [
    { mid: "0", source: "microphone", isActive: true }, { mid: "1", source: "camera", isActive: true },
  ]);
  line.frame(answer(1)).on(answered(1));
  assert(!line.sent.includes("callUpdate"), "the offer has said it");
});

test("A source turned on or off is told at once, but never past an offer in flight", () => {
  assert.deepEqual(connected().on(sources()).words, ["callUpdate"]);
  const line = offering().on(sources("camera"));
  assert.deepEqual(line.words, []);
  line.frame(answer(1));
  assert(!line.words.includes("callUpdate"));
  assert.deepEqual(line.on(answered(1)).effects, [{ type: "send", frame: { type: "callUpdate", active: ["camera"] } }]);
  assert.deepEqual(line.on(sources("camera")).effects, [], "nothing new");
});

test("Which sizes of the camera to send is told to the peer connection, if there is one", () => {
  const frame: CallFrame = { type: "callLayers", layers: [{ source: "camera", active: ["q"] }] };
  assert.deepEqual(connected().frame(frame).effects, [{ type: "sendLayers", layers: frame.layers }]);
});

test("More video sections are offered when they are asked for, one offer at a time", () => {
  const more = (revision: number, videoSections: number): CallFrame =>
    ({ type: "callState", ...state({ revision, videoSections }) });
  const line = connected().frame(more(2, 12));
  assert.deepEqual(line.words, ["makeOffer 2"]);
  assert.deepEqual(line.frame(more(3, 20)).words, []);
  line.on(offered(2)).frame(answer(2));
  assert.deepEqual(line.on(answered(2)).words, ["makeOffer 3"]);
  const [effect] = line.effects;
  assert(effect?.type === "makeOffer");
  assert.equal(effect.videoSections, 20);
  line.on(offered(3)).frame(answer(3)).on(answered(3));
  assert.deepEqual(line.frame(more(4, 12)).words, [], "sections are never given back");
});

test("An older state of the call is dropped", () => {
  const seat = { participantID: "p-2", userID: "u-2", joinedAt: "" };
  const line = connected().frame({ type: "callState", ...state({ revision: 5, participants: [seat] }) });
  line.frame({ type: "callState", ...state({ revision: 4 }) });
  assert.deepEqual(line.active.remote?.participants, [seat]);
});

test("News of an old peer connection or of an old offer changes nothing", () => {
  const line = connected();
  const before = line.call;
  line.on(media(false, 0), answered(1, 0), offered(2), answered(2));
  line.frame(answer(1)).frame(ended("left", "p-old")).frame(joined({ channelID: "c-old" }));
  line.frame(failed("internal_error", 7));
  assert.deepEqual(line.call, before);
});

test("While the socket is gone media go on; then the seat is taken again and the others are told what is on", () => {
  const line = connected().on({ type: "socketLost" });
  assert.equal(line.active.phase, "connected");
  assert.deepEqual(line.on(sources("camera")).words, [], "nobody to tell");
  line.on({ type: "socketCurrent" });
  assert.deepEqual(line.effects[0], { type: "send", frame: { type: "callJoin", channelID: "c-1", participantID: "p-1" } });
  line.frame(resumed({ revision: 7 }));
  assert.deepEqual(line.words, ["stop retry answer", "useServers", "callUpdate"]);
  assert.equal(line.active.peer, 1);
  assert.equal(line.active.remote?.revision, 7);
});

test("A seat that is not the same gets a new peer connection and an offer with a higher number", () => {
  const line = connected().on({ type: "socketLost" }, { type: "socketCurrent" });
  line.frame(joined({ state: state({ revision: 0 }) }));
  assert.deepEqual(line.words, ["stop retry answer", "stop media", "openPeer 2", "makeOffer 2", "giveUp 60000"]);
  assert.equal(line.active.phase, "connected", "the former connection still plays");
  assert.equal(line.active.remote?.revision, 1);
  line.on(media(true, 2));
  assert.equal(line.active.remote?.revision, 0, "another node counts anew");
});

test("An offer that was in flight when the socket was lost is made again", () => {
  for (const line of [offering(), seated()]) {
    line.on({ type: "socketLost" }, { type: "socketCurrent" }).frame(resumed());
    assert.deepEqual(line.words, ["stop retry answer", "useServers", "makeOffer 2"]);
    assert.deepEqual(line.frame(answer(1)).words, [], "the answer to the old one comes late");
    assert.deepEqual(line.on(offered(1)).words, [], "the old one is written late");
    assert.deepEqual(line.on(offered(2)).words, ["callOffer", "answer 15000"]);
  }
});

test("An offer that is written while the socket is gone waits for the seat", () => {
  const line = seated().on({ type: "socketLost" }, offered(1));
  assert.deepEqual(line.words, []);
});

test("Media that are down too long ask for the seat again, and restart ICE if it is the same", () => {
  const line = connected().on(media(false));
  assert.deepEqual(line.words, ["media 2000", "giveUp 60000"]);
  assert.equal(line.active.phase, "reconnecting");
  assert.deepEqual(line.on(timer("media")).words, ["callJoin", "answer 15000"]);
  assert.deepEqual(line.frame(resumed()).words, ["stop retry answer", "useServers", "makeOffer 2 restart"]);
  line.on(offered(2)).frame(answer(2));
  assert.deepEqual(line.on(answered(2)).words, ["media 6000"], "and again if that does not help");
  assert.deepEqual(line.on(media(true)).words, ["stop media", "stop giveUp"]);
  assert.equal(line.active.phase, "connected");
});

test("An ICE restart that is lost with the socket is made again as one", () => {
  const line = connected().on(media(false), timer("media")).frame(resumed()).on(offered(2));
  line.on({ type: "socketLost" }, { type: "socketCurrent" }).frame(resumed());
  assert.deepEqual(line.words, ["stop retry answer", "useServers", "makeOffer 3 restart"]);
});

test("A short break mends itself", () => {
  const line = connected().on(media(false), media(true));
  assert.deepEqual(line.words, ["stop media", "stop giveUp"]);
  assert.deepEqual(line.sent, ["callJoin", "callOffer"]);
});

const ada = { participantID: "p-a", userID: "u-a", joinedAt: "" };
const bob = { participantID: "p-b", userID: "u-b", joinedAt: "" };
const withAda = () => connected().frame({ type: "callState", ...state({ revision: 2, participants: [ada] }) });

test("A call that moves is made on the other node while the former connection still plays", () => {
  const line = withAda().frame(ended("moved"));
  assert.deepEqual(line.words, ["stop answer media", "retry 100"]);
  assert.equal(line.active.phase, "connected");
  assert.deepEqual(line.on(timer("retry")).words, ["callJoin", "answer 15000"]);
  assert.equal(line.asked[1], "p-2", "another seat, so that the two are told apart");
  line.frame(joined({ participantID: "p-2", state: state({ revision: 1 }) }));
  assert.deepEqual(line.words, ["stop retry answer", "stop media", "openPeer 2", "makeOffer 2", "giveUp 60000"]);
  const [opened] = line.effects.filter(({ type }) => type === "openPeer");
  assert(opened?.type === "openPeer" && opened.former === "present");
  line.on(offered(2, 2)).frame(answer(2)).on(answered(2, 2));
  assert.deepEqual(line.active.remote?.participants, [ada], "what still plays is shown");
  assert.deepEqual(line.on(media(true, 2)).words, ["stop media", "gather 1000", "stop giveUp"]);
  assert.deepEqual(line.active.remote?.participants, [ada], "Ada is not there yet");
  line.frame({ type: "callState", ...state({ revision: 2, participants: [{ ...ada, participantID: "p-a2" }] }) });
  assert.deepEqual(line.words, ["stop gather", "closeFormer"]);
  assert.equal(line.active.remote?.participants[0]?.participantID, "p-a2");
  assert.equal(line.active.moving, undefined);
});

test("Who does not come over in time is not waited for", () => {
  const line = withAda().frame(ended("moved")).on(timer("retry")).frame(joined({ participantID: "p-2" }));
  line.on(media(true, 2));
  assert.deepEqual(line.on(timer("gather")).words, ["stop gather", "closeFormer"]);
  assert.deepEqual(line.active.remote?.participants, []);
});

test("A former connection that stops playing is shown no longer; one that plays outlives failed attempts", () => {
  const line = withAda().frame(ended("moved")).on(timer("retry")).frame(failed("unavailable"));
  assert.equal(line.active.phase, "connected");
  line.on(timer("retry")).frame(joined({ participantID: "p-2", state: state({ participants: [bob] }) }));
  line.frame(ended("moved", "p-2"));
  assert.equal(line.active.phase, "connected", "moved again before it was there");
  line.on(timer("retry")).frame(joined({ participantID: "p-3", state: state({ participants: [bob] }) }));
  const [opened] = line.effects.filter(({ type }) => type === "openPeer");
  assert(opened?.type === "openPeer" && opened.former === "kept");
  assert.deepEqual(line.active.moving?.former, 1);
  assert.deepEqual(line.on(media(false, 1)).words, ["stop gather", "closeFormer"]);
  assert.equal(line.active.phase, "reconnecting");
  assert.deepEqual(line.active.remote?.participants, [bob]);
});

test("A call that timed out, or moved without media, is joined again by itself, ever more slowly", () => {
  for (const reason of ["moved", "timedOut"] as const) {
    const line = (reason === "moved" ? connected().on(media(false)) : connected()).frame(ended(reason));
    const giveUp = reason === "moved" ? [] : ["giveUp 60000"];
    assert.deepEqual(line.words, ["closePeer", "stop answer media", "retry 250", ...giveUp]);
    assert.equal(line.active.phase, "reconnecting");
    const waits: string[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      assert.deepEqual(line.on(timer("retry")).words, ["callJoin", "answer 15000"]);
      waits.push(...line.frame(failed("unavailable")).words.filter((words) => words.startsWith("retry")));
    }
    assert.deepEqual(waits, ["retry 500", "retry 1000", "retry 2000", "retry 2500", "retry 2500"]);
    line.on(timer("retry")).frame(joined());
    assert.deepEqual(line.words, [], "the seat that ended is given late");
    line.frame(joined({ participantID: "p-2" }));
    assert.deepEqual(line.words, ["stop retry answer", "stop media", "openPeer 2", "makeOffer 2"]);
    assert.deepEqual(new Set(line.asked.slice(1)), new Set(["p-2"]), "however often it is asked for it is one seat");
    assert.deepEqual(line.on(media(true, 2)).active.attempt, 0);
  }
});

test("After a minute without media the call is given up with a sentence", () => {
  const never = new Line().on(join(), timer("giveUp"));
  assert(never.call.phase === "idle" && never.call.ending?.sentence.includes("could not be connected"));
  const lost = connected().frame(ended("timedOut")).on(timer("giveUp"));
  assert(lost.call.phase === "idle" && lost.call.ending?.sentence.includes("was lost"));
  const refused = new Line().on(join()).frame(failed("unavailable")).on(timer("giveUp"));
  assert(refused.call.phase === "idle" && refused.call.ending?.sentence.includes("why"));
  assert.deepEqual(lost.words.slice(-3), ["stop retry answer media giveUp notice gather", "closePeer", "releaseSources"]);
});

test("What will not help is not tried again", () => {
  const endings: [Line, CallFrame][] = [
    [new Line().on(join()), failed("not_found")], [new Line().on(join()), failed("conflict")],
    [offering(), failed("validation_failed", 1)],
    [connected(), ended("left")], [connected(), ended("removed")], [connected(), ended("replaced")],
  ];
  for (const [line, frame] of endings) {
    line.frame(frame);
    assert.equal(line.call.phase, "idle", JSON.stringify(frame));
    assert(line.call.phase === "idle" && (line.call.ending?.sentence.length ?? 0) > 0);
    assert(line.words.includes("releaseSources") && line.words.includes("closePeer"));
  }
});

test("A seat that was held is in conflict only while its room moves", () => {
  const line = connected().frame(ended("moved")).on(timer("retry")).frame(failed("conflict"));
  assert.deepEqual(line.words, ["stop answer media", "retry 250"]);
});

test("A refused offer asks for the seat again when the seat or the node may be gone", () => {
  for (const code of ["unavailable", "timed_out", "not_found"] as const) {
    const line = offering().frame(failed(code, 1));
    assert.deepEqual(line.words, ["stop answer media", "retry 250"], code);
    assert.deepEqual(line.on(timer("retry")).frame(resumed()).words, ["stop retry answer", "useServers", "makeOffer 2"], code);
  }
});

test("No answer at all is as good as a failure", () => {
  assert.deepEqual(new Line().on(join(), timer("answer")).words, ["stop answer media", "retry 250"]);
  assert.deepEqual(offering().on(timer("answer")).words, ["stop answer media", "retry 250"]);
});

test("A peer connection that fails is replaced by one with a new seat", () => {
  const line = seated().on({ type: "peerFailed", peer: 1, problem: "no" });
  assert.deepEqual(line.words, ["callLeave", "closePeer", "stop answer media", "retry 250"]);
  assert.deepEqual(line.on({ type: "peerFailed", peer: 1, problem: "closed" }).words, [], "it is closed already");
  line.on(timer("retry"));
  assert.deepEqual(line.effects[0], { type: "send", frame: { type: "callJoin", channelID: "c-1", participantID: "p-2" } });
  line.frame(joined());
  assert.equal(line.active.seat, "asked", "the seat that was left is given late");
});

test("Every attempt to get a seat names the same one, so that however many arrive there is one", () => {
  const line = new Line().on(join(), timer("answer"), timer("retry"));
  line.frame(failed("unavailable")).on(timer("retry"), { type: "socketLost" }, { type: "socketCurrent" });
  assert.deepEqual(line.asked, ["p-1", "p-1", "p-1", "p-1"]);
  line.frame(resumed()).on(offered(1)).on(timer("answer"), timer("retry"));
  assert.equal(line.asked[4], "p-1", "its peer connection is the same too");
});

test("An offer that its seat does not take for another one is made on a new peer connection with a new seat", () => {
  const seat = { participantID: "p-1", userID: "u-1", joinedAt: "" };
  const line = new Line().on(join()).frame(joined({ state: state({ participants: [seat] }) })).on(offered(1));
  line.frame(failed("conflict", 1));
  assert.deepEqual(line.words, ["callLeave", "closePeer", "stop answer media", "retry 250"]);
  assert.deepEqual(line.active.remote?.participants, [], "the former seat is nobody else");
  line.on(timer("retry")).frame(joined({ participantID: "p-2" }));
  assert.deepEqual(line.words, ["stop retry answer", "stop media", "openPeer 2", "makeOffer 2"]);
  assert.deepEqual(line.asked, ["p-1", "p-2"]);
});

test("A person who asked for a seat too often waits for it", () => {
  const line = new Line().on(join()).frame(failed("rate_limited"));
  assert.deepEqual(line.words, ["stop answer media", "retry 250"]);
});

test("The next call asks for a seat of its own", () => {
  const line = new Line();
  for (const reason of ["left", "removed", "replaced"] as const) {
    const seat = `p-${line.asked.length + 1}`;
    line.on(join()).frame(joined({ participantID: seat })).frame(ended(reason, seat));
    assert.equal(line.call.phase, "idle");
  }
  assert.deepEqual(line.asked, ["p-1", "p-2", "p-3"]);
});

test("Leaving says so, lets go of everything and is shown for a moment", () => {
  const line = connected().on({ type: "leave" });
  assert.deepEqual(line.words, [
    "callLeave", "stop retry answer media giveUp notice gather", "closePeer", "releaseSources", `notice ${callTimes.notice}`,
  ]);
  assert.deepEqual(line.call, { phase: "idle", ending: { channelID: "c-1", sentence: "You left the call." } });
  assert.deepEqual(line.frame(ended("left")).frame(joined()).frame(answer(1)).effects, []);
  assert.deepEqual(line.on(timer("notice")).call, idleCall);
});

test("Joining while the socket is away waits for it", () => {
  const line = new Line().on(join({ isSocketCurrent: false }));
  assert.deepEqual(line.sent, []);
  assert.equal(line.active.phase, "joining");
  assert.deepEqual(line.on({ type: "socketCurrent" }).sent, ["callJoin"]);
});

test("Joining another call leaves the first one; joining the same again changes nothing", () => {
  const line = connected();
  const before = line.call;
  assert.equal(line.on(join()).call, before);
  line.on(join({ channelID: "c-2" }));
  assert.deepEqual(line.words, [
    "stop retry answer media giveUp notice gather", "callLeave", "closePeer", "giveUp 60000", "callJoin", "answer 15000",
  ]);
  assert.deepEqual(line.frame(ended("left")).words, [], "the end of the first seat");
  assert.equal(line.frame(joined({ channelID: "c-2", participantID: "p-2" })).active.peer, 2);
});

test("Who is signed out or out of the channel is out of the call", () => {
  const silent = connected().on({ type: "excluded", sentence: undefined });
  assert.deepEqual(silent.call, idleCall);
  const told = connected().on({ type: "excluded", sentence: "gone" });
  assert(told.call.phase === "idle" && told.call.ending?.sentence === "gone");
  assert(told.words.includes("callLeave"));
});

test("Who asks for the relay gets a peer connection that uses nothing else", () => {
  const line = new Line().on(join({ relayOnly: true })).frame(joined({ iceServers: [{ urls: ["turn:x"] }] }));
  const open = line.effects.find((effect) => effect.type === "openPeer");
  assert(open?.type === "openPeer" && open.relayOnly);
  assert.deepEqual(open.iceServers, [{ urls: ["turn:x"] }]);
});

const states = (revision: number, changes: Partial<CallState>): CallFrame =>
  ({ type: "callState", ...state({ revision, ...changes }) });
const told = (line: Line) => line.effects.flatMap((effect) => effect.type === "tell" ? [effect.notice] : []);
const turnedOff = (line: Line) => line.effects.flatMap((effect) => effect.type === "turnOff" ? [...effect.sources] : []);

test("What a moderator turns off goes off here, cannot be turned on, and is told once", () => {
  const mute = { participantID: "p-1", source: "microphone" } as const;
  const other = { participantID: "p-9", source: "microphone" } as const;
  const line = new Line().on(join()).frame(joined());
  line.frame(states(2, { mutes: [other] }));
  assert.deepEqual(line.words, [], "somebody else was muted");
  line.frame(states(3, { mutes: [other, mute] }));
  assert.deepEqual(turnedOff(line), ["microphone"]);
  assert(told(line).join().includes("turned off your microphone"), told(line).join());
  line.on({ type: "sourcesChanged", active: [] }).frame(states(4, { mutes: [mute] }));
  assert.deepEqual(told(line), [], "it is known");
  line.on({ type: "sourcesChanged", active: ["microphone", "camera"] });
  assert.deepEqual(turnedOff(line), ["microphone"]);
  assert.deepEqual(line.active.active, ["camera"], "the others are never told that it is on");
  line.frame(states(5, { mutes: [] }));
  assert(told(line).join().includes("may turn on your microphone again"), told(line).join());
  line.on({ type: "sourcesChanged", active: ["microphone"] });
  assert.deepEqual(turnedOff(line), []);
});

test("Who joins a stage listens with everything off; an invitation turns nothing on, and being sent back turns all off", () => {
  const line = new Line().on(join({ active: ["microphone", "camera"] }));
  line.frame(joined({ state: state({ audience: ["p-1"] }) }));
  assert.deepEqual(turnedOff(line), ["microphone", "camera"]);
  assert(told(line).join().includes("audience"), told(line).join());
  line.on({ type: "sourcesChanged", active: [] }).frame(states(2, { audience: ["p-1"] }));
  assert.deepEqual(told(line), [], "it is known");
  line.frame(states(3, { audience: [] }));
  assert(told(line).join().includes("may speak now"), told(line).join());
  assert.deepEqual(turnedOff(line), []);
  line.on({ type: "sourcesChanged", active: ["microphone"] }).frame(states(4, { audience: ["p-1"] }));
  assert.deepEqual(turnedOff(line), ["microphone"]);
  assert(told(line).join().includes("sent you back"), told(line).join());
});

test("A hand is told with what is on, and only from a seat", () => {
  const line = new Line().on(join(), { type: "handMoved", isRaised: true });
  assert.deepEqual(line.effects, []);
  line.frame(joined()).on({ type: "handMoved", isRaised: true });
  assert.deepEqual(line.effects, [
    { type: "send", frame: { type: "callUpdate", active: ["microphone"], isHandRaised: true } },
  ]);
});
