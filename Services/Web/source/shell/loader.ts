import { backoffMilliseconds } from "../core/backoff";
import { neededLoads } from "../core/loads";
import type { Load } from "../core/loads";
import type { API } from "./api";
import { RequestFailure } from "./http";
import type { Store } from "./store";

/** Events that make a count doubtful come in bursts: it is read once they have had time to come. */
const countMilliseconds = 150;

/** Reads what the state lacks: each load once at a time, and again, ever more slowly, for as long as it is needed. */
export class Loader {
  private readonly running = new Set<string>();
  private readonly attempts = new Map<string, number>();

  constructor(private readonly store: Store, private readonly api: API) {
    store.subscribe(() => this.loadNeeded());
  }

  private loadNeeded(): void {
    for (const load of neededLoads(this.store.getState())) {
      if (!this.running.has(load.key)) void this.run(load);
    }
  }

  private async run(load: Load): Promise<void> {
    this.running.add(load.key);
    const attempt = this.attempts.get(load.key) ?? 0;
    try {
      await this.perform(load);
    } catch (failure) {
      if (!(failure instanceof RequestFailure)) throw failure;
      this.store.dispatch({ type: "loadFailed", key: load.key, problem: failure.message });
    } finally {
      // An answer that was too old leaves the load needed, just as a failure does.
      const isNeeded = neededLoads(this.store.getState()).some((needed) => needed.key === load.key);
      if (isNeeded) this.attempts.set(load.key, attempt + 1); else this.attempts.delete(load.key);
      setTimeout(() => {
        this.running.delete(load.key);
        this.loadNeeded();
      }, isNeeded ? backoffMilliseconds(attempt, Math.random()) : 0);
    }
  }

  private async perform(load: Load): Promise<void> {
    const { dispatch } = this.store;
    switch (load.kind) {
      case "bootstrap":
        return dispatch({ type: "bootstrapLoaded", snapshot: await this.api.bootstrap() });
      case "workspace": {
        const { workspaceID } = load;
        const [members, { channels }] = await Promise.all([
          this.api.listWorkspaceMembers(workspaceID), this.api.listChannels(workspaceID),
        ]);
        return dispatch({ type: "workspaceLoaded", workspaceID, members, channels });
      }
      case "channel":
        return dispatch({ type: "channelLoaded", channel: await this.api.readChannel(load.channelID) });
      case "call":
        return dispatch({ type: "callLoaded", call: await this.api.readCall(load.channelID) });
      case "unread":
        await new Promise((resolve) => setTimeout(resolve, countMilliseconds));
        return dispatch({ type: "unreadLoaded", unread: await this.api.readUnread(load.channelID) });
      case "members": {
        const members = await this.api.listChannelMembers(load.channelID);
        return dispatch({ type: "channelMembersLoaded", channelID: load.channelID, members });
      }
      case "timeline": {
        dispatch({ type: "timelineAsked", channelID: load.channelID });
        const page = await this.api.listMessages(load.channelID);
        return dispatch({ type: "newestLoaded", channelID: load.channelID, page });
      }
    }
  }
}
