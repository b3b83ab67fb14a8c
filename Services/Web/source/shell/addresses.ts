import type { State } from "../core/state";
import type { Store } from "./store";

/** Takes what the address names into view: `/c/<channel>`, `/w/<workspace>` or `/invite/<code>`. */
export function openAddress(store: Store, path: string): void {
  const [, kind, value] = path.split("/");
  if (!value) return;
  // Until the snapshot is here every channel may exist; after it an old address of a channel that was left does not.
  const { snapshot, joined } = store.getState();
  if (kind === "c" && (snapshot === "missing" || value in joined)) {
    store.dispatch({ type: "channelChosen", channelID: value });
  }
  if (kind === "w") store.dispatch({ type: "workspaceChosen", workspaceID: value });
  if (kind === "invite") store.dispatch({ type: "inviteOpened", code: decodeURIComponent(value) });
}

/** Keeps the address and the title of the page those of what is in view, both ways. */
export function followAddress(store: Store, titleOf: (state: State) => string): void {
  openAddress(store, location.pathname);
  addEventListener("popstate", () => openAddress(store, location.pathname));
  store.subscribe(() => {
    const state = store.getState();
    const path = addressOf(state);
    if (path !== undefined && path !== location.pathname) {
      // Until something is chosen the address is only completed, so that "back" leaves the page.
      if (location.pathname.startsWith("/c/")) history.pushState(null, "", path);
      else history.replaceState(null, "", path);
    }
    document.title = titleOf(state);
  });
}

function addressOf({ session, snapshot, view }: State): string | undefined {
  if (session.phase !== "signedIn" || snapshot === "missing") return undefined;
  if (view.inviteCode !== undefined) return `/invite/${encodeURIComponent(view.inviteCode)}`;
  if (view.channelID !== undefined) return `/c/${view.channelID}`;
  return view.workspaceID === undefined ? "/" : `/w/${view.workspaceID}`;
}
