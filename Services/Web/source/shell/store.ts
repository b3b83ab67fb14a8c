import type { Action } from "../core/actions";
import { reduce } from "../core/reducer";
import { initialState } from "../core/state";
import type { State } from "../core/state";

/**
 * Holds the one state. What the person does shows at once, or the next key would go where the focus was; gateway events
 * show at most once a frame, however many of them a replay brings.
 */
export class Store {
  private state: State = initialState;
  private readonly listeners = new Set<() => void>();
  private isScheduled = false;

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
    for (const listener of this.listeners) listener();
  }

  private scheduleNotification(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    const notifyIfDue = () => { if (this.isScheduled) this.notify(); };
    // Hidden pages get no animation frames; they are served by the timer.
    requestAnimationFrame(notifyIfDue);
    setTimeout(notifyIfDue, 50);
  }
}
