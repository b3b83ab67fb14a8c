import { partnerOf, titleOf } from "../core/selectors";
import type { Channel } from "../core/contracts";
import { presenceOf } from "../core/presence";
import { PersonAvatar, StatusMark } from "./Avatar";
import { CallPanel } from "./CallPanel";
import { CallButton, CallInvitation } from "./ChannelCall";
import { Composer } from "./Composer";
import { ConnectionBanner } from "./ConnectionBanner";
import { DropZone } from "./DropZone";
import { useAppState, useClient, useDialogs } from "./context";
import { Empty, IconButton } from "./Controls";
import { LiveLog } from "./LiveLog";
import { MembersPanel } from "./MembersPanel";
import { MessageList, MessageSkeleton } from "./MessageList";
import { Notice } from "./Notice";
import { ChannelIcon } from "./Sidebar";
import { TypingLine } from "./TypingLine";

/** The channel in view: its head, its call, its messages, the composer and, when asked for, its members. */
export function ChannelPage() {
  const state = useAppState();
  const { channelID, isMembersOpen } = state.view;
  const channel = channelID === undefined ? undefined : state.channels[channelID];
  const joined = channelID === undefined ? undefined : state.joined[channelID];
  if (!channel || !joined) return <NoChannel isOpening={channelID !== undefined} />;
  return (
    <div className={isMembersOpen ? "channel-page with-members" : "channel-page"}>
      <DropZone key={`drop:${channel.id}`} channel={channel}>
        <ChannelHead channel={channel} />
        <ConnectionBanner />
        {state.call.phase !== "idle" && state.call.channelID === channel.id
          ? <CallPanel key={`call:${channel.id}`} call={state.call} channel={channel} />
          : <CallInvitation channel={channel} />}
        <MessageList key={`list:${channel.id}`} channel={channel} joined={joined} />
        <LiveLog key={`log:${channel.id}`} channelID={channel.id} />
        <Notice />
        <TypingLine key={`typing:${channel.id}`} channelID={channel.id} />
        <Composer key={`composer:${channel.id}`} channel={channel} />
      </DropZone>
      {isMembersOpen && <MembersPanel channel={channel} />}
    </div>
  );
}

function ChannelHead({ channel }: { channel: Channel }) {
  const state = useAppState();
  const { dispatch } = useClient().store;
  const dialogs = useDialogs();
  const { isMembersOpen } = state.view;
  const partner = channel.kind === "direct" ? partnerOf(state, channel) : undefined;
  return (
    <header className="channel-head">
      <MenuButton />
      {partner ? <PersonAvatar user={partner} size="small" /> : <ChannelIcon channel={channel} />}
      <div className="channel-heading">
        <h1 id="channel-title">{titleOf(state, channel)}</h1>
        {partner && <p><StatusMark status={presenceOf(state, partner.id)?.status} /> @{partner.username}</p>}
        {!partner && channel.topic !== "" && <p title={channel.topic}>{channel.topic}</p>}
      </div>
      <CallButton channel={channel} />
      {channel.kind === "direct" && (
        <IconButton
          icon="log" label="Past calls" testID="call-log"
          onClick={() => dialogs.open({ name: "callLog", channelID: channel.id })}
        />
      )}
      {channel.kind !== "direct" && (
        <>
          <IconButton
            icon="people" label="Members" testID="members" isPressed={isMembersOpen}
            onClick={() => dispatch({ type: "membersToggled", isOpen: !isMembersOpen })}
          />
          <IconButton
            icon="details" label="About this channel" testID="channel-details"
            onClick={() => dialogs.open({ name: "channel", channelID: channel.id })}
          />
        </>
      )}
    </header>
  );
}

function MenuButton() {
  const { dispatch } = useClient().store;
  return (
    <span className="menu-button">
      <IconButton
        icon="menu" label="Channels and workspaces" testID="menu"
        onClick={() => dispatch({ type: "sidebarToggled", isOpen: true })}
      />
    </span>
  );
}

function NoChannel({ isOpening }: { isOpening: boolean }) {
  const dialogs = useDialogs();
  return (
    <div className="channel-page">
      <main className="channel" id="channel" tabIndex={-1} aria-busy={isOpening}>
        <header className="channel-head"><MenuButton /></header>
        <ConnectionBanner />
        {isOpening ? <div className="messages"><MessageSkeleton /></div> : (
          <Empty icon="hash" title="Choose a channel">
            <p>Pick one from the list, or see which public channels there are to join.</p>
            <button type="button" className="button" onClick={() => dialogs.open({ name: "browse" })}>
              Browse channels
            </button>
          </Empty>
        )}
      </main>
    </div>
  );
}
