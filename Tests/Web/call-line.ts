import assert from "node:assert/strict";
import { stepCall } from "../../Services/Web/source/core/call";
import { idleCall } from "../../Services/Web/source/core/call-model";
import type { ActiveCall, Call, CallEffect, CallEvent, CallFrame } from "../../Services/Web/source/core/call-model";
import type { CallSource, CallState, ErrorCode, CallEndReason } from "../../Services/Web/source/core/contracts";

export const random = 0.5;
export const sections = [{ mid: "0", source: "microphone" }, { mid: "1", source: "camera" }] as const;

/** A call, and what its last event had for effects. */
export class Line {
  call: Call = idleCall;
  effects: CallEffect[] = [];
  /** All that was sent, by its type. */
  readonly sent: string[] = [];
  /** The seats that were asked for, in their order. */
  readonly asked: (string | undefined)[] = [];
  private seatCount = 0;

  on(...events: CallEvent[]): this {
    for (const event of events) {
      const participantID = `p-${this.seatCount + 1}`;
      const step = stepCall(this.call, event, { random, participantID });
      this.call = step.call;
      this.effects = step.effects;
      if (step.call.phase !== "idle" && step.call.participantID === participantID) this.seatCount += 1;
      for (const effect of step.effects) {
        if (effect.type !== "send") continue;
        this.sent.push(effect.frame.type);
        if (effect.frame.type === "callJoin") this.asked.push(effect.frame.participantID);
      }
    }
    return this;
  }

  frame(frame: CallFrame): this {
    return this.on({ type: "frame", frame });
  }

  get active(): ActiveCall {
    assert(this.call.phase !== "idle", `the call is over: ${JSON.stringify(this.call)}`);
    return this.call;
  }

  /** The last effects in words. */
  get words(): string[] {
    return this.effects.map((effect) => {
      switch (effect.type) {
        case "send": return effect.frame.type;
        case "startTimer": return `${effect.timer} ${effect.milliseconds}`;
        case "stopTimers": return `stop ${effect.timers.join(" ")}`;
        case "makeOffer": return `makeOffer ${effect.number}${effect.restartsICE ? " restart" : ""}`;
        case "takeAnswer": return `takeAnswer ${effect.number}`;
        case "openPeer": return `openPeer ${effect.peer}`;
        default: return effect.type;
      }
    });
  }
}

export const state = (changes: Partial<CallState> = {}): CallState => ({
  revision: 1, participants: [], tracks: [], hands: [], mutes: [], moderators: [], audience: [], audioSections: 6, videoSections: 4, ...changes,
});
export const join = (changes: Partial<Extract<CallEvent, { type: "join" }>> = {}): CallEvent => ({
  type: "join", channelID: "c-1", active: ["microphone"], relayOnly: false, isSocketCurrent: true, ...changes,
});
export const joined = (changes: Partial<Extract<CallFrame, { type: "callJoined" }>> = {}): CallFrame => ({
  type: "callJoined", channelID: "c-1", participantID: "p-1", isResumed: false, iceServers: [], state: state(), ...changes,
});
export const resumed = (changes: Partial<CallState> = {}): CallFrame => joined({ isResumed: true, state: state(changes) });
export const failed = (code: ErrorCode, number?: number): CallFrame => ({ type: "callFailed", code, detail: "why", number });
export const ended = (reason: CallEndReason, participantID = "p-1"): CallFrame => ({ type: "callEnded", participantID, reason });
export const offered = (number: number, peer = 1): CallEvent => ({ type: "offered", peer, number, sdp: "o", sections });
export const answer = (number: number): CallFrame => ({ type: "callAnswer", number, sdp: "a" });
export const answered = (number: number, peer = 1): CallEvent => ({ type: "answered", peer, number });
export const media = (isUp: boolean, peer = 1): CallEvent => ({ type: "media", peer, isUp });
export const sources = (...active: CallSource[]): CallEvent => ({ type: "sourcesChanged", active });
export const timer = (name: Extract<CallEvent, { type: "timer" }>["timer"]): CallEvent => ({ type: "timer", timer: name });

export const seated = () => new Line().on(join()).frame(joined());
export const offering = () => seated().on(offered(1));
export const connected = () => offering().frame(answer(1)).on(answered(1), media(true));
