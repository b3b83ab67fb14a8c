import { backoffMilliseconds } from "../core/backoff";
import type { ChannelID, ChannelUnread } from "../core/contracts";
import type { API } from "./api";
import { RequestFailure } from "./http";
import type { Store } from "./store";

/** A position is told this long after the person came to it: others may follow. */
const pauseMilliseconds = 300;
/** While the person goes on reading, positions are told this much apart. */
const readingOnMilliseconds = 850;

/** Tells the server how far the person has read, one request of a channel at a time. */
export class Reader {
  private readonly busy = new Map<ChannelID, Promise<void>>();
  private readonly toldAt = new Map<ChannelID, number>();

  constructor(private readonly store: Store, private readonly api: API) {
    store.subscribe(() => this.tellPositions());
  }

  /** Messages from `seq` on count as unread again, on all devices. */
  async markUnread(channelID: ChannelID, seq: number): Promise<void> {
    this.store.dispatch({ type: "markedUnread", channelID, seq });
    // A position that is on its way would move it forward again.
    await this.busy.get(channelID);
    try {
      this.take(await this.api.markUnread(channelID, seq));
    } catch (failure) {
      if (!(failure instanceof RequestFailure)) throw failure;
      this.store.dispatch({ type: "markFailed", channelID, problem: `Not marked unread. ${failure.message}` });
    }
  }

  private tellPositions(): void {
    const { session, joined } = this.store.getState();
    if (session.phase !== "signedIn") return;
    for (const [channelID, { reading }] of Object.entries(joined)) {
      if (reading.readSeq <= reading.confirmedSeq || this.busy.has(channelID)) continue;
      this.busy.set(channelID, this.tell(channelID));
    }
  }

  private async tell(channelID: ChannelID, attempt = 0): Promise<void> {
    const sinceLast = Date.now() - (this.toldAt.get(channelID) ?? 0);
    await pause(Math.max(pauseMilliseconds, readingOnMilliseconds - sinceLast));
    this.toldAt.set(channelID, Date.now());
    const seq = this.pendingPosition(channelID);
    let isDone = true;
    if (seq !== undefined) {
      try {
        this.take(await this.api.markRead(channelID, seq));
      } catch (failure) {
        if (!(failure instanceof RequestFailure)) throw failure;
        isDone = !failure.isTransient;
      }
      // The same again would be told in vain.
      if (this.pendingPosition(channelID) === seq && isDone) this.store.dispatch({ type: "positionRefused", channelID });
    }
    if (!isDone) {
      await pause(backoffMilliseconds(attempt, Math.random()));
      return this.tell(channelID, attempt + 1);
    }
    this.busy.delete(channelID);
    this.tellPositions();
  }

  private pendingPosition(channelID: ChannelID): number | undefined {
    const { session, joined } = this.store.getState();
    const reading = session.phase === "signedIn" ? joined[channelID]?.reading : undefined;
    return reading && reading.readSeq > reading.confirmedSeq ? reading.readSeq : undefined;
  }

  private take(unread: ChannelUnread): void {
    this.store.dispatch({ type: "unreadLoaded", unread });
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
