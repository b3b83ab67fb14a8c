import type { ReactNode } from "react";
import type { Channel } from "../core/contracts";
import { channelGroups, partnerOf, titleOf } from "../core/selectors";
import type { DialogState } from "../core/state";
import { Avatar } from "./Avatar";
import { CallMark, SidebarCall } from "./ChannelCall";
import { useAppState, useClient, useDialogs } from "./context";
import { IconButton } from "./Controls";
import { Icon } from "./icons";

/** The channels of the workspace in view, and the person at its foot. */
export function Sidebar() {
  const state = useAppState();
  const dialogs = useDialogs();
  const { workspaceID } = state.view;
  const workspace = workspaceID === undefined ? undefined : state.workspaces[workspaceID]?.workspace;
  const groups = channelGroups(state, workspaceID);
  const me = state.session.phase === "signedIn" ? state.session.user : undefined;
  return (
    <div className="sidebar">
      <header className="sidebar-head">
        <h2 title={workspace?.name}>{workspace?.name ?? "Opening…"}</h2>
        <IconButton
          icon="invite" label="Invite people" testID="invite-people" onClick={() => dialogs.open({ name: "invite" })}
        />
      </header>
      <button type="button" className="jump" data-testid="switcher" onClick={() => dialogs.open({ name: "switcher" })}>
        <Icon name="search" />Find a place<kbd>Ctrl K</kbd>
      </button>
      <nav className="channels" aria-label="Channels" data-testid="channel-list">
        <Group
          title="Channels" channels={groups.text} add={{ name: "createChannel" }} addLabel="New channel"
          addTestID="new-channel"
          more={(
            <button type="button" className="more" data-testid="browse" onClick={() => dialogs.open({ name: "browse" })}>
              <Icon name="compass" />Browse channels
            </button>
          )}
        />
        {groups.voice.length > 0 && <Group title="Voice" channels={groups.voice} />}
        <Group
          title="Direct messages" channels={groups.direct} add={{ name: "direct" }} addLabel="New direct message"
          addTestID="new-direct"
          more={groups.direct.length === 0 && (
            <button type="button" className="more" onClick={() => dialogs.open({ name: "direct" })}>
              <Icon name="chat" />Write to somebody
            </button>
          )}
        />
      </nav>
      <footer className="me">
        <Avatar user={me} />
        <p>
          <strong>{me?.displayName}</strong>
          <span>@{me?.username}</span>
        </p>
        <IconButton
          icon="settings" label="Settings" testID="settings" onClick={() => dialogs.open({ name: "settings" })}
        />
      </footer>
    </div>
  );
}

interface GroupProps {
  title: string;
  channels: Channel[];
  add?: DialogState;
  addLabel?: string;
  addTestID?: string;
  more?: ReactNode;
}

function Group({ title, channels, add, addLabel = "", addTestID, more }: GroupProps) {
  const dialogs = useDialogs();
  return (
    <section className="group">
      <header>
        <h3>{title}</h3>
        {add && <IconButton icon="add" label={addLabel} testID={addTestID} onClick={() => dialogs.open(add)} />}
      </header>
      <ul>
        {channels.map((channel) => (
          <li key={channel.id}>
            <ChannelButton channel={channel} />
            <SidebarCall channel={channel} />
          </li>
        ))}
      </ul>
      {more}
    </section>
  );
}

function ChannelButton({ channel }: { channel: Channel }) {
  const state = useAppState();
  const { dispatch } = useClient().store;
  const unread = state.joined[channel.id]?.unread ?? 0;
  const hasDraft = channel.id in state.drafts && channel.id !== state.view.channelID;
  return (
    <button
      type="button" className={unread > 0 ? "channel-button unread" : "channel-button"} data-channel-id={channel.id}
      aria-current={channel.id === state.view.channelID ? "page" : undefined}
      onClick={() => dispatch({ type: "channelChosen", channelID: channel.id })}
    >
      {channel.kind === "direct" ? <Avatar user={partnerOf(state, channel)} size="small" /> : <ChannelIcon channel={channel} />}
      <span className="channel-name">{titleOf(state, channel)}</span>
      <CallMark channel={channel} />
      {hasDraft && <span className="draft-mark" title="Draft"><Icon name="edit" /><span className="visually-hidden">, draft</span></span>}
      {unread > 0 && (
        <span className="badge">{unread > 99 ? "99+" : unread}<span className="visually-hidden"> unread</span></span>
      )}
    </button>
  );
}

export function ChannelIcon({ channel }: { channel: Channel }) {
  const icon = channel.kind === "voice" ? "voice" : channel.visibility === "private" ? "lock" : "hash";
  return <Icon name={channel.kind === "direct" ? "chat" : icon} />;
}
