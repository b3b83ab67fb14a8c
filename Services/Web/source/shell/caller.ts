import { stepCall } from "../core/call";
import type { CallEffect, CallEvent, CallFrame, CallTimer, Given } from "../core/call-model";
import type { CallSource, ChannelID, ClientFrame, RingID } from "../core/contracts";
import { identifierOf } from "../core/identifiers";
import type { QualitySample } from "../core/quality";
import { outgoingRing, refusalOf } from "../core/rings";
import { CallViewReporter } from "./callView";
import { FloatingPicture } from "./floatingPicture";
import { LocalMedia } from "./localMedia";
import { PeerConnection } from "./peerConnection";
import type { RemoteAudio } from "./peerConnection";
import { PushToTalk } from "./pushToTalk";
import { sampleOf } from "./qualitySample";
import type { Store } from "./store";

/** Runs the call of this tab: hands events to its machine and performs what the machine says. Owner of the devices. */
export class Caller {
  readonly media = new LocalMedia();
  readonly floating = new FloatingPicture(() => this.store.getState().call, (mid) => this.remoteTrack(mid));
  private peer: PeerConnection | undefined;
  /** The one before, while the call goes over to another node and for a moment after. */
  private former: PeerConnection | undefined;
  private formerTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly view = new CallViewReporter(
    (track) => this.peer?.midOf(track), () => this.store.getState().call, (frame) => this.send(frame));
  private readonly timers = new Map<CallTimer, ReturnType<typeof setTimeout>>();
  private readonly waiting: CallEvent[] = [];
  private isStepping = false;
  private isCurrent = false;
  /** The ring of this call, while it rings. */
  private ringing: RingID | undefined;

  constructor(private readonly store: Store, private readonly send: (frame: ClientFrame) => void) {
    store.subscribe(() => {
      this.follow();
      this.floating.follow();
    });
    this.media.subscribe(() => this.mediaChanged());
    new PushToTalk(this.media, () => store.getState().call.phase !== "idle");
    // Others see an empty seat at once rather than when its media have been missing for a while.
    addEventListener("pagehide", () => this.leave());
  }

  join(channelID: ChannelID): void {
    const { relayOnly } = this.media.getState().choices;
    this.step({ type: "join", channelID, active: this.media.active(), relayOnly, isSocketCurrent: this.isCurrent });
  }

  moveHand = (isRaised: boolean): void => this.step({ type: "handMoved", isRaised });
  leave = (): void => this.step({ type: "leave" });
  /** Joins although the call is recorded, or does not. */
  agree = (): void => this.step({ type: "agreed" });
  decline = (): void => this.step({ type: "excluded", sentence: undefined });
  dismissRecording = (): void => this.step({ type: "recordingSeen" });
  dismissEnding = (): void => this.step({ type: "dismiss" });
  /** Another gateway now: the seat is taken again there; media never noticed. */
  socketMoved(): void {
    if (!this.isCurrent) return;
    this.step({ type: "socketLost" });
    this.step({ type: "socketCurrent" });
  }

  receive = (frame: CallFrame): void => {
    // A seat that was taken anew knows nothing of what is shown.
    if (frame.type === "callJoined") this.view.forget();
    this.step({ type: "frame", frame });
  };

  /** Lets go of the devices unless a call uses them. */
  stopPreparing(): void {
    if (this.store.getState().call.phase === "idle") this.media.release();
  }

  remoteTrack(mid: string): MediaStreamTrack | undefined {
    return this.shown?.remoteTrack(mid);
  }

  remoteAudio(): RemoteAudio[] {
    return this.shown?.remoteAudio() ?? [];
  }

  /** Whose sound and pictures the person gets. */
  private get shown(): PeerConnection | undefined {
    const { call } = this.store.getState();
    return call.phase !== "idle" && call.moving ? this.former : this.peer;
  }

  /** What the browser measures of the call now; nothing without one. */
  async qualitySample(): Promise<QualitySample | undefined> {
    const report = await this.peer?.stats();
    return report && sampleOf(report, performance.now());
  }

  /** One event at a time: what happens while effects are performed waits until all of them are. */
  private step(event: CallEvent): void {
    this.waiting.push(event);
    if (this.isStepping) return;
    this.isStepping = true;
    try {
      for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
        const { call, effects } = stepCall(this.store.getState().call, next, given());
        this.store.dispatch({ type: "callChanged", call });
        for (const effect of effects) this.perform(effect);
      }
    } finally {
      this.isStepping = false;
    }
  }

  private perform(effect: CallEffect): void {
    switch (effect.type) {
      case "send":
        return this.send(effect.frame);
      case "openPeer":
        return this.openPeer(effect);
      case "useServers":
        return this.peer?.useServers(effect.iceServers);
      case "closePeer":
        this.closeFormer();
        this.peer?.close();
        this.peer = undefined;
        this.view.stop();
        return;
      case "closeFormer":
        clearTimeout(this.formerTimer);
        this.formerTimer = setTimeout(() => this.closeFormer(), effect.milliseconds);
        return;
      case "makeOffer": {
        const { peer, number } = effect;
        return void this.peer?.offer(effect).then(
          ({ sdp, sections }) => this.step({ type: "offered", peer, number, sdp, sections }),
          (failure: unknown) => this.step({ type: "peerFailed", peer, problem: wordsOf(failure) }));
      }
      case "takeAnswer": {
        const { peer, number } = effect;
        return void this.peer?.takeAnswer(effect.sdp).then(
          () => this.step({ type: "answered", peer, number }),
          (failure: unknown) => this.step({ type: "peerFailed", peer, problem: wordsOf(failure) }));
      }
      case "sendLayers":
        return this.peer?.sendLayers(effect.layers);
      case "startTimer":
        clearTimeout(this.timers.get(effect.timer));
        this.timers.set(effect.timer, setTimeout(
          () => this.step({ type: "timer", timer: effect.timer }), effect.milliseconds));
        return;
      case "stopTimers":
        for (const timer of effect.timers) clearTimeout(this.timers.get(timer));
        return;
      case "turnOff":
        return this.turnOff(effect.sources);
      case "tell":
        return this.store.dispatch({ type: "noticeShown", notice: effect.notice });
      case "releaseSources":
        return this.media.release();
    }
  }

  /** What the person likes to join with stays as it is. */
  private turnOff(sources: readonly CallSource[]): void {
    if (sources.includes("microphone")) this.media.talk(false);
    if (sources.includes("camera")) void this.media.turn("camera", false);
    if (sources.includes("screen") || sources.includes("screenAudio")) this.media.stopScreen();
  }

  private closeFormer(): void {
    clearTimeout(this.formerTimer);
    this.former?.close();
    this.former = undefined;
  }

  private openPeer({ peer, iceServers, relayOnly, former }: Extract<CallEffect, { type: "openPeer" }>): void {
    if (former !== "kept") this.closeFormer();
    if (former === "present") this.former = this.peer;
    else this.peer?.close();
    const tracks = this.media.sent();
    this.peer = new PeerConnection({
      iceServers, relayOnly, tracks, onMedia: (isUp) => this.step({ type: "media", peer, isUp }),
    });
    this.view.start();
  }

  private mediaChanged(): void {
    const { call } = this.store.getState();
    if (call.phase === "idle") return;
    for (const peer of [this.peer, this.former]) peer?.send(this.media.sent());
    const active = this.media.active();
    if (active.join() !== call.active.join()) this.step({ type: "sourcesChanged", active });
  }

  /** The socket, the session and the channel: a call needs all three. */
  private follow(): void {
    const { call, connection, joined, session, snapshot } = this.store.getState();
    const isCurrent = connection.phase === "current";
    if (isCurrent !== this.isCurrent) {
      this.isCurrent = isCurrent;
      this.step({ type: isCurrent ? "socketCurrent" : "socketLost" });
    }
    if (session.phase === "signedOut") {
      if (call.phase !== "idle" || call.ending) this.step({ type: "excluded", sentence: undefined });
    } else if (call.phase !== "idle" && snapshot === "loaded" && !(call.channelID in joined)) {
      this.step({ type: "excluded", sentence: "You are no longer in the channel of this call." });
    }
    this.followRing();
  }

  /** Who was declined, or rang for nothing, need not sit in an empty call. */
  private followRing(): void {
    const state = this.store.getState();
    const { call } = state;
    const ring = outgoingRing(state);
    const rung = this.ringing;
    this.ringing = ring?.id;
    if (rung === undefined || ring !== undefined || call.phase === "idle") return;
    const sentence = refusalOf(state, call);
    if (sentence !== undefined) this.step({ type: "excluded", sentence });
  }
}

function given(): Given {
  const entropy = crypto.getRandomValues(new Uint8Array(10));
  return { random: Math.random(), participantID: identifierOf(Date.now(), entropy) };
}

function wordsOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : "The browser refused.";
}
