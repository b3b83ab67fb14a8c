import type { Action } from "../core/actions";
import { reduce } from "../core/reducer";
import { initialState } from "../core/state";
import type { State } from "../core/state";

/** However slow the page, events are shown after this long. */
const longestQuietMilliseconds = 500;

/**
 * Holds the one state. What the person does shows at once, or the next key would go where the focus was; gateway events
 * show at most once a frame, and when showing takes long, as with thousands of rows in a replay, about a third of the time
 * goes into it.
 */
export class Store {
  private state: State = initialState;
  private readonly listeners = new Set<() => void>();
  private isScheduled = false;
  private quietUntil = 0;

  readonly getState = (): State => this.state;

  readonly dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    if (action.type === "event") this.scheduleNotification();
    else this.notify();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private notify(): void {
    this.isScheduled = false;
    const start = performance.now();
    for (const listener of this.listeners) listener();
    const end = performance.now();
    this.quietUntil = end + Math.min(longestQuietMilliseconds, 2 * (end - start));
  }

  private scheduleNotification(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    const notifyIfDue = () => { if (this.isScheduled) this.notify(); };
    const quiet = this.quietUntil - performance.now();
    // Hidden pages get no animation frames; they are served by the timer.
    if (quiet < 16) requestAnimationFrame(notifyIfDue);
    setTimeout(notifyIfDue, Math.max(50, quiet));
  }
}
