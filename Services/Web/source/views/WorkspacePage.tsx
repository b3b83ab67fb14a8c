import { useEffect } from "react";
import { neighbourChannel } from "../core/selectors";
import type { Client } from "../shell/client";
import { CallBar } from "./CallBar";
import { ChannelPage } from "./ChannelPage";
import { useAppState, useClient } from "./context";
import { RecordingBanner } from "./Recording";
import { Sidebar } from "./Sidebar";
import { WorkspaceRail } from "./WorkspaceRail";

/** Workspaces, their channels, the channel in view, and the call wherever it is. */
export function WorkspacePage() {
  const client = useClient();
  const { view } = useAppState();
  const { dispatch } = client.store;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => handleKey(client, event);
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [client]);
  return (
    <div className={view.isSidebarOpen || view.channelID === undefined ? "workspace with-drawer" : "workspace"}>
      <a className="skip-link" href="#channel">Skip to the channel</a>
      <div className="drawer">
        <WorkspaceRail />
        <Sidebar />
      </div>
      <button
        type="button" className="drawer-backdrop" aria-label="Close the list of channels"
        onClick={() => dispatch({ type: "sidebarToggled", isOpen: false })}
      />
      <div className="place">
        <CallBar />
        <RecordingBanner />
        <ChannelPage />
      </div>
    </div>
  );
}

/** Keys that work wherever the focus is. */
function handleKey(client: Client, event: KeyboardEvent): void {
  const { dispatch, getState } = client.store;
  const { view } = getState();
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    dispatch(view.dialog ? { type: "dialogClosed" } : { type: "dialogOpened", dialog: { name: "switcher" } });
    return;
  }
  if (view.dialog) return;
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const channelID = neighbourChannel(getState(), event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (channelID !== undefined) dispatch({ type: "channelChosen", channelID });
  }
  if (event.key === "Escape") {
    if (view.isSidebarOpen) dispatch({ type: "sidebarToggled", isOpen: false });
    else if (view.isMembersOpen) dispatch({ type: "membersToggled", isOpen: false });
    else if (view.channelID !== undefined) client.markRead(view.channelID);
  }
}
