import { backoffMilliseconds } from "../core/backoff";
import { nextToSend } from "../core/outbox";
import type { Outgoing } from "../core/outbox";
import type { API } from "./api";
import { RequestFailure } from "./http";
import type { Store } from "./store";

/** Attempts before a message is shown as failed: about half a minute without an answer. */
const attemptCount = 8;

/** Sends what is in the outbox, one message of a channel at a time, each attempt with the same key. */
export class Sender {
  private readonly sending = new Set<string>();

  constructor(private readonly store: Store, private readonly api: API) {
    store.subscribe(() => this.sendWaiting());
  }

  private sendWaiting(): void {
    const state = this.store.getState();
    if (state.session.phase !== "signedIn") return;
    for (const outgoing of nextToSend(state.outbox)) {
      if (!this.sending.has(outgoing.key)) void this.send(outgoing);
    }
  }

  private async send(outgoing: Outgoing): Promise<void> {
    this.sending.add(outgoing.key);
    for (let attempt = 0; this.isPending(outgoing.key); attempt += 1) {
      const failure = await this.attempt(outgoing);
      if (!failure) break;
      if (failure.problem?.code === "muted") {
        const until = Date.now() + failure.retryAfterMilliseconds;
        const { key, channelID } = outgoing;
        this.store.dispatch({ type: "sendMuted", key, channelID, until, problem: failure.message });
        break;
      }
      if (!failure.isTransient || attempt + 1 >= attemptCount) {
        this.store.dispatch({ type: "sendFailed", key: outgoing.key, problem: failure.message });
        break;
      }
      const wait = Math.max(failure.retryAfterMilliseconds, backoffMilliseconds(attempt, Math.random()));
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    this.sending.delete(outgoing.key);
    this.sendWaiting();
  }

  private async attempt({ channelID, content, key }: Outgoing): Promise<RequestFailure | undefined> {
    try {
      const message = await this.api.sendMessage(channelID, { content, idempotencyKey: key });
      this.store.dispatch({ type: "messageAnswered", message });
      return undefined;
    } catch (failure) {
      if (failure instanceof RequestFailure) return failure;
      throw failure;
    }
  }

  /** A message may leave the outbox while it waits: by its event, by a discard, by signing out. */
  private isPending(key: string): boolean {
    return this.store.getState().outbox.some((outgoing) => outgoing.key === key && outgoing.state === "pending");
  }
}
