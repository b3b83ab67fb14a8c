import { backoffMilliseconds } from "./backoff";
import { idleCall } from "./call-model";
import { heldBack, ruling } from "./call-rights";
import type {
  ActiveCall, Call, CallEffect, CallEvent, CallFrame, CallStep, CallTimer, Given, IdleCall, Offer,
} from "./call-model";
import { lastRecordingOf, runningRecording } from "./recording";
import type { CallEndReason, CallFailed, CallJoined, CallSource, CallState, ClientFrame } from "./contracts";

export const callTimes = {
  retry: { first: 500, last: 5_000 },
  /** The gateway answers within half of it. */
  answer: 15_000,
  /** A short break mends itself. */
  mediaPatience: 2_000,
  /** How long an ICE restart may take. */
  restartPatience: 6_000,
  giveUp: 60_000,
  /** Those who are told that a call moves do not all ask at once. */
  moveSpread: 200,
  /** How long the others may take to come over to the other node before the call is shown as it is there. */
  gather: 1_000,
  /** How long the former peer connection goes on sending: some may hear it only there yet. */
  linger: 1_500,
  notice: 8_000,
} as const;

const allTimers: readonly CallTimer[] = ["retry", "answer", "media", "giveUp", "notice", "gather"];

/** Takes one event. The effects are to be performed in their order. */
export function stepCall(call: Call, event: CallEvent, given: Given): CallStep {
  if (event.type === "join") return join(call, event, given);
  if (call.phase === "idle") return idle(call, event);
  const step = active(call, event, given);
  return step.call.phase === "idle" ? step : settle(call, step.call, step.effects);
}

function join(call: Call, event: Extract<CallEvent, { type: "join" }>, given: Given): CallStep {
  if (call.phase !== "idle" && call.channelID === event.channelID) return { call, effects: [] };
  const effects: CallEffect[] = [{ type: "stopTimers", timers: allTimers }];
  if (call.phase !== "idle") effects.push(...leaving(call), { type: "closePeer" });
  const fresh: ActiveCall = {
    phase: "joining",
    channelID: event.channelID,
    relayOnly: event.relayOnly,
    participantID: given.participantID,
    wasSeated: false,
    seat: "offline",
    attempt: 0,
    peer: call.phase === "idle" ? 0 : call.peer,
    media: "none",
    wasUp: false,
    offer: { number: 0, stage: "none", isWanted: false, restartsICE: false, videoSections: 0 },
    remote: undefined,
    speakers: [],
    consent: "unknown",
    lastRecording: undefined,
    active: event.active,
    told: undefined,
    problem: undefined,
  };
  effects.push({ type: "startTimer", timer: "giveUp", milliseconds: callTimes.giveUp });
  return event.isSocketCurrent ? ask(fresh, effects) : { call: fresh, effects };
}

function idle(call: IdleCall, event: CallEvent): CallStep {
  const isSeen = event.type === "dismiss" || event.type === "excluded"
    || (event.type === "timer" && event.timer === "notice");
  return { call: isSeen ? idleCall : call, effects: [] };
}

function active(call: ActiveCall, event: CallEvent, given: Given): CallStep {
  switch (event.type) {
    case "leave":
      return end(call, "You left the call.", leaving(call), callTimes.notice);
    case "excluded":
      return end(call, event.sentence, leaving(call));
    case "agreed":
      return call.consent === "asked" ? enter(call) : same(call);
    case "recordingSeen":
      return { call: { ...call, lastRecording: undefined }, effects: [] };
    case "sourcesChanged": {
      const held = heldBack(call.remote, call.participantID);
      const sources = event.active.filter((source) => held.includes(source));
      const active = event.active.filter((source) => !held.includes(source));
      return { call: { ...call, active }, effects: sources.length > 0 ? [{ type: "turnOff", sources }] : [] };
    }
    case "handMoved": {
      const frame: ClientFrame = { type: "callUpdate", active: [...call.active], isHandRaised: event.isRaised };
      return call.seat === "held" ? { call: { ...call, told: call.active }, effects: [{ type: "send", frame }] } : same(call);
    }
    case "socketLost":
      return {
        call: { ...unanswered(call), seat: "offline", speakers: [] },
        effects: [{ type: "stopTimers", timers: ["retry", "answer"] }],
      };
    case "socketCurrent":
      return call.seat === "offline" ? ask(call, []) : same(call);
    case "frame":
      return received(call, event.frame, given);
    case "timer":
      return expired(call, event.timer, given);
    case "media":
      if (event.peer === call.moving?.former) return event.isUp ? same(call) : arrived(call, 0);
      return event.peer === call.peer && call.media !== "none" ? peerTold(call, event, given) : same(call);
    case "offered":
    case "answered":
    case "peerFailed":
      return event.peer === call.peer && call.media !== "none" ? peerTold(call, event, given) : same(call);
    default:
      return same(call);
  }
}

function same(call: ActiveCall): CallStep {
  return { call, effects: [] };
}

// MARK: Frames

function received(call: ActiveCall, frame: CallFrame, given: Given): CallStep {
  switch (frame.type) {
    case "callJoined":
      // A seat that was given up may still be given: the gateway knows that too.
      return call.seat === "offline" || frame.channelID !== call.channelID
        || frame.participantID !== call.participantID ? same(call) : joined(call, frame);
    case "callFailed":
      return failed(call, frame, given);
    case "callAnswer": {
      const { number, sdp } = frame;
      if (call.offer.stage !== "sent" || number !== call.offer.number) return same(call);
      return {
        call: { ...call, offer: { ...call.offer, stage: "taking" } },
        effects: [
          { type: "stopTimers", timers: ["answer"] }, { type: "takeAnswer", peer: call.peer, number, sdp },
        ],
      };
    }
    case "callState": {
      const { moving } = call;
      const last = moving ? moving.next : call.remote;
      if (call.seat !== "held" || frame.revision <= (last?.revision ?? -1)) return same(call);
      if (call.consent === "asked") {
        const waiting = { ...call, remote: stateOf(frame) };
        return runningRecording(waiting) ? same(waiting) : enter(waiting);
      }
      const effects = ruling(call, last, frame);
      if (!moving) return { call: { ...call, remote: stateOf(frame) }, effects };
      const next = { ...call, moving: { ...moving, next: stateOf(frame) } };
      const step = isGathered(next) ? arrived(next, callTimes.linger) : same(next);
      return { ...step, effects: [...effects, ...step.effects] };
    }
    case "callSpeakers":
      return call.seat === "held" && !call.moving
        ? { call: { ...call, speakers: frame.participants }, effects: [] } : same(call);
    case "callLayers":
      return call.seat === "held" && call.media !== "none"
        ? { call, effects: [{ type: "sendLayers", layers: frame.layers }] } : same(call);
    case "callEnded":
      // The end of an earlier seat is no news.
      return call.seat === "held" && frame.participantID === call.participantID
        ? ended(call, frame.reason, given) : same(call);
  }
}

function joined(call: ActiveCall, frame: CallJoined): CallStep {
  const effects: CallEffect[] = [{ type: "stopTimers", timers: ["retry", "answer"] }];
  const held: ActiveCall = {
    ...unanswered(call), seat: "held", wasSeated: true, told: undefined, problem: undefined, consent: "given",
  };
  if (call.consent !== "given" && runningRecording({ ...call, remote: frame.state })) {
    effects.push({ type: "stopTimers", timers: ["giveUp"] });
    return { call: { ...held, consent: "asked", remote: frame.state }, effects };
  }
  // The recording is over: the person need not be asked any more.
  if (call.consent === "asked") effects.push({ type: "startTimer", timer: "giveUp", milliseconds: callTimes.giveUp });
  if (frame.isResumed && call.media !== "none") {
    const isOlder = frame.state.revision < (call.remote?.revision ?? 0);
    effects.push({ type: "useServers", iceServers: frame.iceServers });
    if (!isOlder) effects.push(...ruling(call, call.remote, frame.state));
    const restart = call.media === "down" ? { isWanted: true, restartsICE: true } : {};
    return {
      call: { ...held, remote: isOlder ? call.remote : frame.state, offer: { ...held.offer, ...restart } }, effects,
    };
  }
  const peer = call.peer + 1;
  const former = call.moving ? "kept" : call.media === "up" ? "present" : "none";
  effects.push(
    { type: "stopTimers", timers: ["media"] },
    { type: "openPeer", peer, iceServers: frame.iceServers, relayOnly: call.relayOnly, former });
  const offer: Offer = {
    number: call.offer.number, stage: "none", isWanted: true, restartsICE: false, videoSections: 0,
  };
  effects.push(...ruling(call, undefined, frame.state));
  if (former === "none") {
    return { call: { ...held, peer, media: "making", remote: frame.state, speakers: [], offer }, effects };
  }
  const moving = { former: call.moving?.former ?? call.peer, next: frame.state };
  return { call: { ...held, peer, media: "making", moving, offer }, effects };
}

function failed(call: ActiveCall, { code, detail, number }: CallFailed, given: Given): CallStep {
  const isTransient = code === "unavailable" || code === "timed_out";
  if (number !== undefined) {
    if (call.offer.stage !== "sent" || number !== call.offer.number) return same(call);
    // The seat takes no offer of this peer connection, and would take none the next time.
    if (code === "conflict") return startOver(call, detail, leaving(call), given);
    // The seat is not, or no longer, that of this connection: asking for it again says what became of it.
    return isTransient || code === "not_found" ? rejoin(call, detail, given) : end(call, detail, leaving(call));
  }
  if (call.seat === "held") return code === "conflict" ? rejoin(call, detail, given) : same(call);
  if (call.seat !== "asked") return same(call);
  // After there was a seat a conflict lasts only while its room moves.
  const isMoving = code === "conflict" && call.wasSeated;
  return isTransient || isMoving || code === "rate_limited" ? rejoin(call, detail, given) : end(call, detail, []);
}

function ended(call: ActiveCall, reason: CallEndReason, given: Given): CallStep {
  switch (reason) {
    case "left":
      return end(call, "You left the call.", [], callTimes.notice);
    case "removed":
      return end(call, "You are no longer in this call: a moderator removed you, you left the channel, or this session ended.", []);
    case "replaced":
      return end(call, "The call goes on in another window or on another device.", []);
    case "moved":
      return call.media === "up" || call.moving ? move(call, given) : startOver(call, undefined, [], given);
    case "timedOut":
      // The seat is asked for again once the person has agreed.
      if (call.consent === "asked") return { call: { ...call, seat: "pausing" }, effects: [] };
      return startOver(call, undefined, [], given);
  }
}

/** The frame without its type, as the state of the call is kept. */
function stateOf({ type: _, ...state }: Extract<CallFrame, { type: "callState" }>): CallState {
  return state;
}

// MARK: Timers

function expired(call: ActiveCall, timer: CallTimer, given: Given): CallStep {
  switch (timer) {
    case "retry":
      return call.seat === "pausing" ? ask(call, []) : same(call);
    case "answer":
      return rejoin(call, "The server did not answer.", given);
    case "media":
      // Another seat or an ICE restart is on its way already unless the seat is held.
      return call.media === "down" && call.seat === "held" ? ask(call, []) : same(call);
    case "giveUp":
      return end(call, givenUp(call), leaving(call));
    case "gather":
      return call.media === "up" ? arrived(call, callTimes.linger) : same(call);
    case "notice":
      return same(call);
  }
}

function givenUp(call: ActiveCall): string {
  if (call.problem !== undefined) return `The call could not be reached: ${call.problem}`;
  return call.wasUp
    ? "The connection to the call was lost and did not come back."
    : "The call could not be connected. If your network blocks calls, try again with \"Always relay\".";
}

// MARK: The peer connection

type PeerEvent = Extract<CallEvent, { peer: number }>;

function peerTold(call: ActiveCall, event: PeerEvent, given: Given): CallStep {
  switch (event.type) {
    case "offered": {
      if (call.offer.stage !== "making" || event.number !== call.offer.number) return same(call);
      if (call.seat !== "held") return { call: unanswered(call), effects: [] };
      const publications = event.sections.map(({ mid, source }) =>
        ({ mid, source, isActive: call.active.includes(source) }));
      const { number, sdp } = event;
      return {
        call: { ...call, told: call.active, offer: { ...call.offer, stage: "sent" } },
        effects: [
          { type: "send", frame: { type: "callOffer", number, sdp, publications } },
          { type: "startTimer", timer: "answer", milliseconds: callTimes.answer },
        ],
      };
    }
    case "answered": {
      if (call.offer.stage !== "taking" || event.number !== call.offer.number) return same(call);
      const effects: CallEffect[] = call.media === "down"
        ? [{ type: "startTimer", timer: "media", milliseconds: callTimes.restartPatience }] : [];
      return { call: { ...call, offer: { ...call.offer, stage: "none" } }, effects };
    }
    case "peerFailed":
      return startOver(call, event.problem, leaving(call), given);
    case "media":
      return mediaTold(call, event.isUp);
  }
}

function mediaTold(call: ActiveCall, isUp: boolean): CallStep {
  if (isUp) {
    const up: ActiveCall = { ...call, media: "up", wasUp: true, attempt: 0, problem: undefined };
    const effects: CallEffect[] = [{ type: "stopTimers", timers: ["media"] }];
    if (!up.moving) return { call: up, effects };
    if (!isGathered(up)) {
      effects.push({ type: "startTimer", timer: "gather", milliseconds: callTimes.gather });
      return { call: up, effects };
    }
    const shown = arrived(up, callTimes.linger);
    return { call: shown.call, effects: [...effects, ...shown.effects] };
  }
  if (call.media === "down") return same(call);
  return {
    call: { ...call, media: "down", speakers: [] },
    effects: [{ type: "startTimer", timer: "media", milliseconds: callTimes.mediaPatience }],
  };
}

// MARK: Moving to another node

/** The room goes on at another node: the connection there is made while this one still plays. */
function move(call: ActiveCall, given: Given): CallStep {
  const effects: CallEffect[] = [
    { type: "stopTimers", timers: ["answer", "media"] },
    { type: "startTimer", timer: "retry", milliseconds: Math.round(given.random * callTimes.moveSpread) },
  ];
  const fresh = { participantID: given.participantID, remote: withoutOwnSeat(call) };
  return { call: { ...unanswered(call), ...fresh, seat: "pausing" }, effects };
}

/** Whether everyone who is shown has come over. */
function isGathered({ media, moving, remote }: ActiveCall): boolean {
  if (media !== "up" || !moving) return false;
  const here = new Set(moving.next.participants.map(({ userID }) => userID));
  return (remote?.participants ?? []).every(({ userID }) => here.has(userID));
}

/** From now on the call is shown as it is on the other node; the former connection goes on sending for a while. */
function arrived(call: ActiveCall, milliseconds: number): CallStep & { call: ActiveCall } {
  if (!call.moving) return { call, effects: [] };
  return {
    call: { ...call, remote: call.moving.next, moving: undefined, speakers: [] },
    effects: [{ type: "stopTimers", timers: ["gather"] }, { type: "closeFormer", milliseconds }],
  };
}

// MARK: Parts

/** The former seat is no other person to be shown. */
function withoutOwnSeat(call: ActiveCall): CallState | undefined {
  return call.remote && {
    ...call.remote, participants: call.remote.participants.filter((seat) => seat.participantID !== call.participantID),
  };
}

/** The person agreed to be recorded, or nothing is recorded any more: the seat that waited is taken for good. */
function enter(call: ActiveCall): CallStep {
  const given: ActiveCall = { ...call, consent: "given" };
  const effects: CallEffect[] = [{ type: "startTimer", timer: "giveUp", milliseconds: callTimes.giveUp }];
  // The answer brings what a peer connection needs. Without a socket the seat is asked for once there is one.
  return call.seat === "asked" || call.seat === "offline" ? { call: given, effects } : ask(given, effects);
}

function ask(call: ActiveCall, before: CallEffect[]): CallStep & { call: ActiveCall } {
  const { channelID, participantID } = call;
  return {
    call: { ...unanswered(call), seat: "asked" },
    effects: [
      ...before,
      { type: "send", frame: { type: "callJoin", channelID, participantID } },
      { type: "startTimer", timer: "answer", milliseconds: callTimes.answer },
    ],
  };
}

/** Asks for another seat, for a peer connection that starts anew. */
function startOver(call: ActiveCall, problem: string | undefined, before: CallEffect[], given: Given): CallStep {
  const { participantID } = given;
  const fresh = { participantID, remote: withoutOwnSeat(call), moving: undefined };
  const step = rejoin({ ...call, ...fresh, media: "none", speakers: [] }, problem, given);
  return { call: step.call, effects: [...before, { type: "closePeer" }, ...step.effects] };
}

/** Asks for the seat again after a pause that grows. */
function rejoin(call: ActiveCall, problem: string | undefined, given: Given): CallStep {
  const milliseconds = backoffMilliseconds(call.attempt, given.random, callTimes.retry);
  return {
    call: { ...unanswered(call), seat: "pausing", attempt: call.attempt + 1, problem: problem ?? call.problem },
    effects: [
      { type: "stopTimers", timers: ["answer", "media"] },
      { type: "startTimer", timer: "retry", milliseconds },
    ],
  };
}

/** No answer to the offer comes any more: it is made again, with the next number, once the seat is held. */
function unanswered(call: ActiveCall): ActiveCall {
  const { stage } = call.offer;
  if (stage !== "sent" && stage !== "making") return call;
  return { ...call, offer: { ...call.offer, stage: "none", isWanted: true } };
}

function leaving(call: ActiveCall): CallEffect[] {
  return call.seat === "offline" ? [] : [{ type: "send", frame: { type: "callLeave" } }];
}

function end(call: ActiveCall, sentence: string | undefined, before: CallEffect[], notice?: number): CallStep {
  const effects: CallEffect[] = [
    ...before, { type: "stopTimers", timers: allTimers }, { type: "closePeer" }, { type: "releaseSources" },
  ];
  if (notice !== undefined) effects.push({ type: "startTimer", timer: "notice", milliseconds: notice });
  if (sentence === undefined) return { call: idleCall, effects };
  return { call: { phase: "idle", ending: { channelID: call.channelID, sentence } }, effects };
}

/** What holds after every event: one offer at a time, the others know what is on, and the patience of the person. */
function settle(before: ActiveCall, call: ActiveCall, effects: CallEffect[]): CallStep {
  const next = offerOrTell(call, effects);
  if (before.media === "up" && next.media !== "up") {
    effects.push({ type: "startTimer", timer: "giveUp", milliseconds: callTimes.giveUp });
  }
  if (before.media !== "up" && next.media === "up") effects.push({ type: "stopTimers", timers: ["giveUp"] });
  return { call: { ...next, phase: phaseOf(next), lastRecording: lastRecordingOf(before, next) }, effects };
}

function offerOrTell(call: ActiveCall, effects: CallEffect[]): ActiveCall {
  const { offer } = call;
  const remote = call.moving?.next ?? call.remote;
  if (call.seat !== "held" || call.media === "none" || offer.stage !== "none" || !remote) return call;
  if (offer.isWanted || remote.videoSections > offer.videoSections) {
    const number = offer.number + 1;
    const videoSections = Math.max(remote.videoSections, offer.videoSections);
    const { audioSections } = remote;
    effects.push({
      type: "makeOffer", peer: call.peer, number, audioSections, videoSections, restartsICE: offer.restartsICE,
    });
    return { ...call, offer: { number, stage: "making", isWanted: false, restartsICE: false, videoSections } };
  }
  if (call.told && isSameSet(call.told, call.active)) return call;
  effects.push({ type: "send", frame: { type: "callUpdate", active: [...call.active] } });
  return { ...call, told: call.active };
}

function isSameSet(left: readonly CallSource[], right: readonly CallSource[]): boolean {
  return left.length === right.length && left.every((source) => right.includes(source));
}

function phaseOf(call: ActiveCall): ActiveCall["phase"] {
  if (call.media === "up" || call.moving) return "connected";
  if (call.wasUp) return "reconnecting";
  if (call.consent === "asked") return "joining";
  return call.seat === "held" ? "connecting" : "joining";
}
