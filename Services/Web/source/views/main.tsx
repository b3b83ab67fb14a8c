import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { badgeOf, titleOf, waitingInAll } from "../core/selectors";
import { incomingRings } from "../core/rings";
import type { State } from "../core/state";
import { followAddress } from "../shell/addresses";
import { Client } from "../shell/client";
import { chooseTheme, readTheme } from "../shell/keepsakes";
import { App } from "./App";
import { ClientContext } from "./context";
import { Rescue } from "./Rescue";

/** Puts the parts together and starts them. */
function main(): void {
  chooseTheme(readTheme());
  const client = new Client();
  followAddress(client.store, pageTitle);
  client.store.subscribe(() => { document.body.dataset.state = connectionWord(client.store.getState()); });
  const root = document.getElementById("root");
  if (!root) throw new Error("The page has no #root.");
  createRoot(root).render(
    <StrictMode>
      <ClientContext.Provider value={client}>
        <Rescue><App /></Rescue>
      </ClientContext.Provider>
    </StrictMode>,
  );
  void client.start();
}

/** The number is that of what calls the person; a dot says that something else is unread. */
function pageTitle(state: State): string {
  const channel = state.view.channelID === undefined ? undefined : state.channels[state.view.channelID];
  const workspace = state.view.workspaceID === undefined ? undefined : state.workspaces[state.view.workspaceID];
  if (state.session.phase !== "signedIn" || !workspace) return "Roost";
  const { unread, calls } = waitingInAll(state);
  const [ring] = incomingRings(state);
  if (ring) return `${state.users[ring.callerID]?.displayName ?? "Somebody"} calls you · Roost`;
  const mark = calls > 0 ? `(${badgeOf(calls)}) ` : unread > 0 ? "• " : "";
  const place = channel ? `${titleOf(state, channel)} · ${workspace.workspace.name}` : workspace.workspace.name;
  return `${mark}${place} · Roost`;
}

/** The connection in one word, for whoever looks at `<body data-state>`. */
function connectionWord({ connection }: State): "current" | "connecting" | "offline" {
  if (connection.phase === "current") return "current";
  const hasFailed = connection.phase === "stopped" || (connection.phase === "waiting" && connection.attempt > 0);
  return hasFailed ? "offline" : "connecting";
}

main();
