import type { ChannelID, ClientFrame } from "../core/contracts";
import { idleMilliseconds, isImplied, presenceUpdateOf, watchedUsers } from "../core/presence";
import { nextSilence, signTyping } from "../core/typing";
import type { TypingSign } from "../core/typing";
import type { Store } from "./store";

/** Changes of what is said, and of who is watched, within this time are told together. */
const holdMilliseconds = 150;
const idleCheckMilliseconds = 10_000;
const inputEvents = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

type Send = (frame: ClientFrame) => void;

/** What is never stored: whether the person is here, whom they look at, and who is writing. */
export class Attendance {
  private lastInput = Date.now();
  private told: string | undefined;
  private watched: string | undefined;
  private isHeld = false;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceAt: number | undefined;
  private sign: TypingSign | undefined;

  constructor(private readonly store: Store, private readonly send: Send) {
    store.subscribe(() => this.follow());
    for (const name of inputEvents) addEventListener(name, () => this.touched(), { capture: true, passive: true });
    setInterval(() => this.checkIdle(), idleCheckMilliseconds);
  }

  /** A gateway knows the client on a new socket: it hears everything at once, before anybody can think otherwise. */
  introduce(send: Send): void {
    const { ownPresence, isIdle } = this.store.getState();
    const update = presenceUpdateOf(ownPresence, isIdle);
    if (!isImplied(update)) send({ type: "presenceUpdate", ...update });
    this.told = JSON.stringify(update);
    this.watched = undefined;
    this.watch(send);
  }

  /** What was said on the old socket since the new one was introduced is said on the new one too. */
  repeat(): void {
    this.told = undefined;
    this.watched = undefined;
    this.tell();
    this.watch(this.send);
  }

  /** The page came into sight or went out of it. */
  seen(isSeen: boolean): void {
    if (isSeen) this.lastInput = Date.now();
    this.checkIdle();
  }

  /** The person writes in a channel, or has stopped. */
  writes(channelID: ChannelID, isWriting: boolean): void {
    const { signs, last } = signTyping(this.sign, channelID, isWriting, Date.now());
    this.sign = last;
    if (this.store.getState().ownPresence.choice === "offline") return;
    for (const sign of signs) this.send({ type: "typing", ...sign });
  }

  private touched(): void {
    this.lastInput = Date.now();
    if (this.store.getState().isIdle) this.checkIdle();
  }

  private checkIdle(): void {
    const isHidden = document.visibilityState === "hidden";
    this.store.dispatch({ type: "idleChanged", isIdle: isHidden || Date.now() - this.lastInput >= idleMilliseconds });
  }

  private follow(): void {
    this.followSilence();
    if (this.store.getState().connection.phase !== "current") return;
    if (this.isHeld) return;
    this.isHeld = true;
    setTimeout(() => {
      this.isHeld = false;
      if (this.store.getState().connection.phase !== "current") return;
      this.tell();
      this.watch(this.send);
    }, holdMilliseconds);
  }

  private tell(): void {
    const { ownPresence, isIdle } = this.store.getState();
    const update = presenceUpdateOf(ownPresence, isIdle);
    const words = JSON.stringify(update);
    if (words === this.told) return;
    this.told = words;
    this.send({ type: "presenceUpdate", ...update });
  }

  private watch(send: Send): void {
    const watch = watchedUsers(this.store.getState());
    const words = JSON.stringify(watch);
    if (!watch || words === this.watched) return;
    this.watched = words;
    this.store.dispatch({ type: "presenceWatched", userIDs: watch.userIDs });
    send({ type: "presenceWatch", ...watch });
  }

  /** Whoever gives no sign falls silent by the clock. */
  private followSilence(): void {
    const next = nextSilence(this.store.getState().typists);
    if (next === this.silenceAt) return;
    this.silenceAt = next;
    clearTimeout(this.silenceTimer);
    if (next === undefined) return;
    this.silenceTimer = setTimeout(
      () => this.store.dispatch({ type: "typingExpired", now: Math.max(Date.now(), next) }), next - Date.now());
  }
}
