import type { Action } from "../core/actions";
import { reduce } from "../core/reducer";
import { initialState } from "../core/state";
import type { State } from "../core/state";

/** Holds the one state. Its listeners run at most once a frame, however many events a replay brings. */
export class Store {
  private state: State = initialState;
  private readonly listeners = new Set<() => void>();
  private isNotifying = false;

  readonly getState = (): State => this.state;

  readonly dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    this.scheduleNotification();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private scheduleNotification(): void {
    if (this.isNotifying) return;
    this.isNotifying = true;
    const notify = () => {
      if (!this.isNotifying) return;
      this.isNotifying = false;
      for (const listener of this.listeners) listener();
    };
    // Hidden pages get no animation frames; they are served by the timer.
    requestAnimationFrame(notify);
    setTimeout(notify, 50);
  }
}
