import { backoffMilliseconds } from "../core/backoff";
import { nextToSend } from "../core/outbox";
import type { Outgoing } from "../core/outbox";
import type { API } from "./api";
import { RequestFailure } from "./http";
import type { Store } from "./store";

/** Answers that refuse for now before a message is shown as failed: about half a minute. */
const attemptCount = 8;

/**
 * Sends what is in the outbox, one message of a channel at a time, each attempt with the same key. Whoever cannot be
 * reached is tried for as long as it takes, and at once when the connection is back; a mute is waited for.
 */
export class Sender {
  private readonly sending = new Set<string>();
  private readonly sleepers = new Set<() => void>();
  private isCurrent = false;

  constructor(private readonly store: Store, private readonly api: API) {
    store.subscribe(() => this.follow());
  }

  /** There may be a network again. */
  wake(): void {
    for (const wakeUp of [...this.sleepers]) wakeUp();
  }

  private follow(): void {
    const { phase } = this.store.getState().connection;
    const isBack = phase === "current" && !this.isCurrent;
    this.isCurrent = phase === "current";
    if (isBack) this.wake();
    this.sendWaiting();
  }

  private sendWaiting(): void {
    const state = this.store.getState();
    if (state.session.phase !== "signedIn") return;
    for (const outgoing of nextToSend(state.outbox)) {
      if (!this.sending.has(outgoing.key)) void this.send(outgoing);
    }
  }

  private async send(outgoing: Outgoing): Promise<void> {
    const { key, channelID } = outgoing;
    this.sending.add(key);
    let refusals = 0;
    for (let attempt = 0; this.isPending(key); attempt += 1) {
      await this.waitForMute(channelID, key);
      const failure = this.isPending(key) ? await this.attempt(outgoing) : undefined;
      if (!failure) break;
      if (failure.problem?.code === "muted") {
        this.store.dispatch({ type: "sendMuted", channelID, until: Date.now() + failure.retryAfterMilliseconds });
        continue;
      }
      refusals += failure.isUnreachable ? 0 : 1;
      if (!failure.isTransient || refusals >= attemptCount) {
        this.store.dispatch({ type: "sendFailed", key, problem: failure.message });
        break;
      }
      if (attempt > 0) this.store.dispatch({ type: "sendDelayed", key, problem: waitingWords(failure) });
      await this.sleep(Math.max(failure.retryAfterMilliseconds, backoffMilliseconds(attempt, Math.random())));
    }
    this.sending.delete(key);
    this.sendWaiting();
  }

  private async attempt({ channelID, content, key, attachments }: Outgoing): Promise<RequestFailure | undefined> {
    try {
      const message = await this.api.sendMessage(channelID, {
        content, idempotencyKey: key, ...(attachments && { attachments: attachments.map(({ id }) => id) }),
      });
      this.store.dispatch({ type: "messageAnswered", message });
      return undefined;
    } catch (failure) {
      if (failure instanceof RequestFailure) return failure;
      throw failure;
    }
  }

  private async waitForMute(channelID: string, key: string): Promise<void> {
    const remaining = () => (this.store.getState().mutedUntil[channelID] ?? 0) - Date.now();
    while (remaining() > 0 && this.isPending(key)) await this.sleep(Math.min(remaining(), 1_000));
  }

  /** Until the time is over or somebody calls `wake`. */
  private sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const wakeUp = () => {
        clearTimeout(timer);
        this.sleepers.delete(wakeUp);
        resolve();
      };
      const timer = setTimeout(wakeUp, milliseconds);
      this.sleepers.add(wakeUp);
    });
  }

  /** A message may leave the outbox while it waits: by its event, by a discard, by signing out. */
  private isPending(key: string): boolean {
    return this.store.getState().outbox.some((outgoing) => outgoing.key === key && outgoing.state === "pending");
  }
}

function waitingWords(failure: RequestFailure): string {
  return failure.isUnreachable
    ? "Waiting for the connection. It is sent by itself."
    : "Roost is busy. It is sent by itself.";
}
