import type { ReactNode } from "react";
import type { Channel } from "../core/contracts";
import { presenceOf, presenceWords } from "../core/presence";
import { badgeOf, channelGroups, partnerOf, titleOf, waitingIn } from "../core/selectors";
import type { DialogState } from "../core/state";
import { PersonAvatar, StatusMark } from "./Avatar";
import { CallMark, SidebarCall } from "./ChannelCall";
import { ConnectionMark } from "./ConnectionBanner";
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
  return (
    <div className="sidebar">
      <header className="sidebar-head">
        <h2>
          <button
            type="button" className="workspace-button" title={workspace?.name} data-testid="workspace-details"
            disabled={!workspace} onClick={() => dialogs.open({ name: "workspace" })}
          >
            {workspace?.name ?? "Opening…"}
          </button>
        </h2>
        <ConnectionMark />
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
        <Me />
        <IconButton
          icon="settings" label="Settings" testID="settings" onClick={() => dialogs.open({ name: "settings" })}
        />
      </footer>
    </div>
  );
}

/** The person, and the way to say how reachable they are. */
function Me() {
  const state = useAppState();
  const dialogs = useDialogs();
  const me = state.session.phase === "signedIn" ? state.session.user : undefined;
  const presence = presenceOf(state, me?.id);
  const words = presence === undefined ? "" : presence.state === "offline" ? "Invisible" : presenceWords[presence.state];
  return (
    <button
      type="button" className="me-button" title="Set how reachable you are" data-testid="own-presence"
      data-presence={presence?.state} onClick={() => dialogs.open({ name: "status" })}
    >
      <PersonAvatar user={me} />
      <span className="me-words">
        <strong>{me?.displayName}</strong>
        <span>
          {presence?.status ? `${presence.status.emoji ?? "💬"} ${presence.status.text}` : words}
          <span className="visually-hidden">{presence?.status ? `, ${words}` : ""}, @{me?.username}</span>
        </span>
      </span>
    </button>
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
  const { unread, calls } = waitingIn(state, channel.id);
  const hasDraft = channel.id in state.drafts && channel.id !== state.view.channelID;
  const partner = channel.kind === "direct" ? partnerOf(state, channel) : undefined;
  const presence = presenceOf(state, partner?.id);
  return (
    <button
      type="button" className={unread > 0 ? "channel-button unread" : "channel-button"} data-channel-id={channel.id}
      data-unread={unread} data-mentions={calls} aria-current={channel.id === state.view.channelID ? "page" : undefined}
      onClick={() => dispatch({ type: "channelChosen", channelID: channel.id })}
    >
      {channel.kind === "direct" ? <PersonAvatar user={partner} size="small" /> : <ChannelIcon channel={channel} />}
      <span className="channel-name">
        {titleOf(state, channel)}
        {presence && <span className="visually-hidden">, {presenceWords[presence.state].toLowerCase()}</span>}
      </span>
      <StatusMark status={presence?.status} />
      <CallMark channel={channel} />
      {hasDraft && (
        <span className="draft-mark" title="Draft"><Icon name="edit" /><span className="visually-hidden">, draft</span></span>
      )}
      {calls > 0 && (
        <span className="badge" data-testid="badge">
          {badgeOf(calls)}<span className="visually-hidden"> {channel.kind === "direct" ? "unread" : "for you"}</span>
        </span>
      )}
      {unread > 0 && calls === 0 && (
        <span className="unread-dot" data-testid="unread-dot">
          <span className="visually-hidden">, {badgeOf(unread)} unread</span>
        </span>
      )}
    </button>
  );
}

export function ChannelIcon({ channel }: { channel: Channel }) {
  const icons = { voice: "voice", stage: "stage", direct: "chat", text: "hash" } as const;
  return <Icon name={channel.kind === "text" && channel.visibility === "private" ? "lock" : icons[channel.kind]} />;
}
