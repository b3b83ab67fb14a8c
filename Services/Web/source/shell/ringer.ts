import type { CallRing } from "../core/contracts";
import { incomingRings, outgoingRing } from "../core/rings";
import type { Store } from "./store";
import { incomingPattern, play, ringbackPattern } from "./tones";
import type { Pattern } from "./tones";

/** The tabs of one browser ring once. */
const lockName = "roost.ringing";

/**
 * Makes what rings heard, and ends it by this device's own clock where no word of its end comes. Which of the two sounds
 * it is follows from the state.
 */
export class Ringer {
  private sounding: { pattern: Pattern; stop: () => void } | undefined;
  private readonly ends = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly store: Store) {
    store.subscribe(() => this.follow());
  }

  private follow(): void {
    const state = this.store.getState();
    const incoming = incomingRings(state);
    const outgoing = outgoingRing(state);
    this.limit(outgoing ? [...incoming, outgoing] : incoming);
    // Who is in a call is shown another one, but not deafened by it.
    const isBusy = state.call.phase !== "idle";
    this.sound(incoming.length > 0 && !isBusy ? incomingPattern : outgoing ? ringbackPattern : undefined);
  }

  private sound(pattern: Pattern | undefined): void {
    if (this.sounding?.pattern === pattern) return;
    this.sounding?.stop();
    this.sounding = undefined;
    if (pattern) this.sounding = { pattern, stop: pattern === incomingPattern ? playInOneTab(pattern) : play(pattern) };
  }

  /** A ring is over after as long as it may take from when it is first seen, whatever the clocks say and whoever is cut off. */
  private limit(rings: readonly CallRing[]): void {
    const open = new Set(rings.map(({ id }) => id));
    for (const [id, timer] of this.ends) {
      if (open.has(id)) continue;
      clearTimeout(timer);
      this.ends.delete(id);
    }
    for (const { id, startedAt, endsAt } of rings) {
      if (this.ends.has(id)) continue;
      const end = () => this.store.dispatch({ type: "ringEnded", ringID: id, outcome: "unanswered" });
      this.ends.set(id, setTimeout(end, Date.parse(endsAt) - Date.parse(startedAt)));
    }
  }
}

/** Waits for its turn, so that another tab takes over when the one that sounds is closed. */
function playInOneTab(pattern: Pattern): () => void {
  // Browsers have locks on secure pages only.
  if (!("locks" in navigator)) return play(pattern);
  const abort = new AbortController();
  const turn = navigator.locks.request(lockName, { signal: abort.signal }, () => new Promise<void>((release) => {
    const stop = play(pattern);
    abort.signal.addEventListener("abort", () => {
      stop();
      release();
    });
  }));
  turn.catch(() => undefined); // It was over before the turn came.
  return () => abort.abort();
}
