import { createContext, useContext, useState, useSyncExternalStore } from "react";
import type { DialogState, State } from "../core/state";
import type { Client } from "../shell/client";
import type { LocalState } from "../shell/localMedia";
import { RequestFailure } from "../shell/http";

export const ClientContext = createContext<Client | undefined>(undefined);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error("A view needs a ClientContext around it.");
  return client;
}

export function useAppState(): State {
  const { store } = useClient();
  return useSyncExternalStore(store.subscribe, store.getState);
}

/** Microphone, camera and screen of this person. */
export function useLocalMedia(): LocalState {
  const { media } = useClient().caller;
  return useSyncExternalStore(media.subscribe, media.getState);
}

export function useDialogs(): { open: (dialog: DialogState) => void; close: () => void } {
  const { dispatch } = useClient().store;
  return {
    open: (dialog) => dispatch({ type: "dialogOpened", dialog }),
    close: () => dispatch({ type: "dialogClosed" }),
  };
}

/** One thing the person asked for: whether it runs, and why it failed last. */
export interface Task {
  isBusy: boolean;
  failure: RequestFailure | undefined;
  run: (work: () => Promise<void>) => Promise<void>;
}

export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<RequestFailure>();
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error;
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, failure, run };
}
