import { useLayoutEffect, useMemo, useRef, useState } from "react";
import type { RefObject } from "react";
import type { Channel } from "../core/contracts";
import { presenceOf, presenceUpdateOf } from "../core/presence";
import type { Presence } from "../core/presence-model";
import { rowsOf } from "../core/rows";
import type { Row } from "../core/rows";
import { badgeOf, isRoom, myID, partnerOf, titleOf, waitingIn } from "../core/selectors";
import type { JoinedChannel, State } from "../core/state";
import { orderedMessages } from "../core/timeline";
import { useAppState, useClient, useDialogs } from "./context";
import { Icon } from "./icons";
import { calledIn, MessageRow, OutgoingRow } from "./MessageRow";
import { NoticeRow } from "./NoticeRow";
import { dayOf, dayTitle } from "./times";

/** How near the end a reader must be to be taken along by new messages, and how near the top to be given older ones. */
const nearEndPixels = 80;
const nearTopPixels = 400;

/** The messages of a channel. What the reader looks at stays in place whatever is added above or below. */
export function MessageList({ channel, joined }: { channel: Channel; joined: JoinedChannel }) {
  const state = useAppState();
  const client = useClient();
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const place = useRef({ isAtEnd: true, topKey: "", height: 0, isPlaced: false });
  const [isAway, setAway] = useState(false);
  const { timeline } = joined;
  const { newFrom } = state.view;
  const rows = useMemo(
    () => rowsOf(
      orderedMessages(timeline), state.outbox.filter((item) => item.channelID === channel.id), newFrom, myID(state),
      dayOf),
    [timeline, state.outbox, newFrom, channel.id]);
  // One object for as long as it is the same, so that rows rest.
  const mine = useMemo(() => presenceUpdateOf(state.ownPresence, state.isIdle), [state.ownPresence, state.isIdle]);
  const isLoaded = timeline.status === "loaded";

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !isLoaded) return;
    const topKey = firstMessageKey(rows);
    const newLine = place.current.isPlaced ? null : element.querySelector<HTMLElement>(".new-line");
    if (newLine) {
      element.scrollTop = newLine.offsetTop - element.clientHeight / 3;
    } else if (place.current.isAtEnd) {
      element.scrollTop = element.scrollHeight;
    } else if (topKey !== place.current.topKey) {
      element.scrollTop += element.scrollHeight - place.current.height;
    }
    place.current.topKey = topKey;
    place.current.isPlaced = true;
    measure();
  }, [rows, isLoaded]);

  // The composer grows, a message is edited, the window changes: whoever reads the end goes on reading the end.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !content.current) return undefined;
    const observer = new ResizeObserver(() => {
      if (place.current.isAtEnd) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);

  const measure = () => {
    const element = scroller.current;
    if (!element) return;
    const fromEnd = element.scrollHeight - element.scrollTop - element.clientHeight;
    place.current.isAtEnd = fromEnd < nearEndPixels;
    place.current.height = element.scrollHeight;
    setAway(!place.current.isAtEnd);
    if (isLoaded) client.store.dispatch({ type: "endReached", channelID: channel.id, isAtEnd: place.current.isAtEnd });
    if (isLoaded && element.scrollTop < nearTopPixels) void client.loadOlder(channel.id);
  };

  const problem = state.loadProblems[`timeline:${channel.id}`];
  return (
    <div className="messages-frame">
      {isLoaded && <UnreadBar channel={channel} scroller={scroller} />}
      <div
        className="messages" ref={scroller} tabIndex={0} role="region" aria-label="Messages" aria-busy={!isLoaded}
        onScroll={measure}
      >
        <div className="messages-content" ref={content}>
          {problem && !isLoaded && <p className="problem" role="alert">{problem} Trying again…</p>}
          {!isLoaded && <MessageSkeleton />}
          {isLoaded && timeline.before === undefined && <Beginning channel={channel} />}
          {timeline.isLoadingOlder && <p className="loading-older" role="status">Fetching older messages…</p>}
          {isLoaded && <ol>{rows.map((row) => <li key={row.key} className={row.kind}>{rowOf(row, state, mine)}</li>)}</ol>}
        </div>
      </div>
      {isAway && isLoaded && (
        <button
          type="button" className="to-end"
          onClick={() => scroller.current?.scrollTo({ top: scroller.current.scrollHeight })}
        >
          <Icon name="down" />Newest
        </button>
      )}
    </div>
  );
}

/** Above the messages while some are unread out of sight: how many, the way to them, and to be done with them. */
function UnreadBar({ channel, scroller }: { channel: Channel; scroller: RefObject<HTMLDivElement> }) {
  const state = useAppState();
  const client = useClient();
  const { unread } = waitingIn(state, channel.id);
  if (unread === 0) return null;
  const showFirst = () => {
    const line = scroller.current?.querySelector<HTMLElement>(".new-line");
    if (line && scroller.current) scroller.current.scrollTop = line.offsetTop - scroller.current.clientHeight / 3;
  };
  return (
    <p className="unread-bar" data-testid="unread-bar">
      <button type="button" className="unread-jump" onClick={showFirst}>
        {badgeOf(unread)} new {unread === 1 ? "message" : "messages"}
      </button>
      <button
        type="button" className="unread-done" data-testid="mark-read" title="Mark as read (Esc)"
        onClick={() => client.markRead(channel.id)}
      >
        <Icon name="check" />Mark as read
      </button>
    </p>
  );
}

function rowOf(row: Row, state: State, mine: Presence) {
  switch (row.kind) {
    case "day": return <h2 className="day-line"><span>{dayTitle(row.at)}</span></h2>;
    case "new": return <p className="new-line" data-testid="new-line"><span>New</span></p>;
    case "message": {
      const { message, startsGroup } = row;
      const me = myID(state);
      const isMine = message.authorID === me;
      const presence = !startsGroup ? undefined : isMine ? mine : presenceOf(state, message.authorID);
      const [called, callsMe] = calledIn(message, state.users, me === undefined ? undefined : state.users[me]);
      return (
        <MessageRow
          message={message} startsGroup={startsGroup} author={state.users[message.authorID]} presence={presence}
          names={called} mine={callsMe} isMine={isMine} isEditing={state.view.editing === message.id}
        />
      );
    }
    case "system": {
      const { message } = row;
      const isMine = message.authorID === myID(state);
      const other = isMine ? channelPartner(state, message.channelID) : state.users[message.authorID];
      return <NoticeRow message={message} isMine={isMine} name={other?.displayName ?? "Somebody"} />;
    }
    case "outgoing": return <OutgoingRow outgoing={row.outgoing} startsGroup={row.startsGroup} />;
  }
}

function channelPartner(state: State, channelID: string) {
  const channel = state.channels[channelID];
  return channel && partnerOf(state, channel);
}

function firstMessageKey(rows: readonly Row[]): string {
  return rows.find((row) => row.kind === "message" || row.kind === "system")?.key ?? "";
}

/** What stands above the first message of a channel. */
function Beginning({ channel }: { channel: Channel }) {
  const state = useAppState();
  const dialogs = useDialogs();
  const title = titleOf(state, channel);
  if (channel.kind === "direct") {
    return (
      <div className="beginning">
        <h2>{partnerOf(state, channel)?.displayName}</h2>
        <p>This is the beginning of your conversation. Only the two of you can read it.</p>
      </div>
    );
  }
  return (
    <div className="beginning">
      <h2>The beginning of {title}</h2>
      <p>
        {isRoom(channel)
          ? `A ${channel.kind === "stage" ? "stage to speak from" : "room to talk in"}. What is written stays here beside the call.`
          : channel.topic || "Say hello, or tell people what this channel is for."}
      </p>
      <div className="beginning-actions">
        <button
          type="button" className="button" onClick={() => dialogs.open({ name: "channel", channelID: channel.id })}
        >
          {channel.topic === "" ? "Set a topic" : "About this channel"}
        </button>
        <button type="button" className="button" onClick={() => dialogs.open({ name: "invite" })}>Invite people</button>
      </div>
    </div>
  );
}

export function MessageSkeleton() {
  return (
    <div className="skeletons" aria-hidden="true">
      {["wide", "short", "middle", "wide", "middle", "short"].map((width, index) => (
        <div className="skeleton" key={index}>
          <span className="skeleton-egg" />
          <span className="skeleton-lines"><span className="short" /><span className={width} /></span>
        </div>
      ))}
    </div>
  );
}
