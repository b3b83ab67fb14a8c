import { memo, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import type { Message, PresenceState, PresenceStatus, Timestamp, User } from "../core/contracts";
import { audienceWords } from "../core/mentions";
import { lengthProblem } from "../core/message-text";
import type { Outgoing } from "../core/outbox";
import type { Presence } from "../core/presence-model";
import { Attachments } from "./Attachments";
import { Avatar, StatusMark } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { IconButton, Problem } from "./Controls";
import { Markdown } from "./Markdown";
import { MentionBox } from "./MentionBox";
import { clockTime, fullTime, useSecondsUntil } from "./times";

interface RowProps {
  author: User | undefined;
  presence?: PresenceState;
  status?: PresenceStatus;
  at: Timestamp;
  startsGroup: boolean;
  /** Whether it calls the reader. */
  isCall?: boolean;
  id?: string;
  state: "pending" | "sent" | "failed";
  children: ReactNode;
  actions?: ReactNode;
}

/** One message: with picture and name when it starts a group, else only its time in the margin. */
function Row({ author, presence, status, at, startsGroup, isCall = false, id, state, children, actions }: RowProps) {
  const name = author?.displayName ?? "Somebody";
  const className = `message-row${startsGroup ? " starts" : ""}${isCall ? " call-to-me" : ""}`;
  return (
    <article
      className={className} data-testid="message" data-message-id={id} data-state={state}
      aria-label={`${name}, ${clockTime(at)}${isCall ? ", mentions you" : ""}`}
    >
      {startsGroup
        ? <Avatar user={author} presence={presence} />
        : <time className="margin-time" dateTime={at} title={fullTime(at)}>{clockTime(at)}</time>}
      <div className="message-body">
        {startsGroup && (
          <p className="byline">
            <strong className="author">{name}</strong>
            <StatusMark status={status} />
            <time dateTime={at} title={fullTime(at)}>{clockTime(at)}</time>
          </p>
        )}
        {children}
      </div>
      {actions && <div className="message-actions">{actions}</div>}
    </article>
  );
}

interface MessageRowProps {
  message: Message;
  startsGroup: boolean;
  author: User | undefined;
  /** Only of the first of a group: the others show no face. */
  presence?: Presence;
  /** What is called in it, and what of that means the reader; see `Markdown`. */
  names: string;
  mine: string;
  isMine: boolean;
  isEditing: boolean;
}

/** A message the server has. It takes what it shows as properties, so that hundreds of them rest while one types. */
export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, startsGroup, author, presence, names, mine, isMine, isEditing } = props;
  const client = useClient();
  const dialogs = useDialogs();
  const { id, channelID, seq } = message;
  const actions = !isEditing && (
    <>
      <IconButton
        icon="unread" label="Mark unread from here" testID="mark-unread"
        onClick={() => void client.markUnread(channelID, seq)}
      />
      {isMine && (
        <IconButton
          icon="edit" label="Edit message" testID="edit-message"
          onClick={() => client.store.dispatch({ type: "editingChanged", messageID: id })}
        />
      )}
      {isMine && (
        <IconButton
          icon="trash" label="Delete message" testID="delete-message" isDanger
          onClick={() => dialogs.open({ name: "deleteMessage", channelID, messageID: id })}
        />
      )}
    </>
  );
  return (
    <Row
      author={author} presence={presence?.state} status={presence?.status} at={message.createdAt}
      startsGroup={startsGroup} isCall={mine !== "" && !isMine} id={id} state="sent" actions={actions}
    >
      {isEditing ? <Editor message={message} /> : (
        <>
          {message.content !== "" && <Markdown text={message.content} names={names} mine={mine} />}
          {message.editedAt !== undefined && (
            <span className="edited" title={fullTime(message.editedAt)}>(edited)</span>
          )}
        </>
      )}
      {message.attachments && <Attachments channelID={channelID} files={message.attachments} />}
    </Row>
  );
});

function Editor({ message }: { message: Message }) {
  const client = useClient();
  const channel = useAppState().channels[message.channelID];
  const { isBusy, failure, run } = useTask();
  const [text, setText] = useState(message.content);
  const close = () => {
    client.store.dispatch({ type: "editingChanged", messageID: undefined });
    document.getElementById("composer")?.focus();
  };
  const problem = lengthProblem(text);
  const save = () => {
    if (text.trim() === "" || problem || isBusy) return;
    if (text === message.content) return close();
    void run(async () => {
      await client.editMessage(message.channelID, message.id, text);
      close();
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <form className="editor" onSubmit={(event) => { event.preventDefault(); save(); }}>
      {channel && (
        <MentionBox
          channel={channel} label="Edit message" testID="edit-box" text={text} onText={setText} onEnter={save}
          onKeyDown={onKeyDown} hasFocus
        />
      )}
      {problem && <p className="field-problem" role="alert">{problem}</p>}
      <Problem failure={failure} />
      <p className="editor-actions">
        <button className="button primary small" disabled={isBusy || text.trim() === ""}>{isBusy ? "Saving…" : "Save"}</button>
        <button type="button" className="button small" onClick={close}>Cancel</button>
        <span className="key-hint">Enter saves, Esc cancels</span>
      </p>
    </form>
  );
}

/** A message the server does not have yet. */
export function OutgoingRow({ outgoing, startsGroup }: { outgoing: Outgoing; startsGroup: boolean }) {
  const state = useAppState();
  return (
    <Row
      author={state.users[outgoing.authorID]} at={outgoing.writtenAt} startsGroup={startsGroup} state={outgoing.state}
    >
      {outgoing.content !== "" && <Markdown text={outgoing.content} />}
      {outgoing.attachments && <Attachments channelID={outgoing.channelID} files={outgoing.attachments} />}
      <OutgoingNote outgoing={outgoing} mutedUntil={state.mutedUntil[outgoing.channelID] ?? 0} />
    </Row>
  );
}

/** Why it is not there yet, and what can be done: nothing while it goes its quick way. */
function OutgoingNote({ outgoing, mutedUntil }: { outgoing: Outgoing; mutedUntil: number }) {
  const { dispatch } = useClient().store;
  const seconds = useSecondsUntil(mutedUntil);
  const isFailed = outgoing.state === "failed";
  const isMuted = !isFailed && seconds > 0;
  if (!isFailed && !isMuted && outgoing.problem === undefined) return null;
  return (
    <div className={isFailed ? "failed" : "delayed"} role={isFailed ? "alert" : undefined} data-testid="outgoing-note">
      <p>
        {isFailed && `Not sent. ${outgoing.problem ?? ""}`}
        {!isFailed && (isMuted ? `You are sending very fast. It is sent by itself in ${seconds} s.` : outgoing.problem)}
      </p>
      {isFailed && (
        <button
          type="button" className="button small" data-testid="retry-message"
          onClick={() => dispatch({ type: "sendRetried", key: outgoing.key })}
        >
          Retry
        </button>
      )}
      <button
        type="button" className="button small" data-testid="discard-message"
        onClick={() => dispatch({ type: "sendDiscarded", key: outgoing.key })}
      >
        Discard
      </button>
    </div>
  );
}

/** What a message calls and what of it means the reader, as `Markdown` takes it. */
export function calledIn(message: Message, users: Readonly<Record<string, User>>, me: User | undefined): [string, string] {
  if (message.audience === undefined && message.mentions.length === 0) return ["", ""];
  const people = message.mentions.map((id) => users[id]?.username.toLowerCase() ?? "");
  const everybody = message.audience === undefined ? [] : audienceWords;
  const isCalled = me !== undefined && message.mentions.includes(me.id);
  const mine = [...everybody, ...(isCalled ? [me.username.toLowerCase()] : [])];
  return [[...people, ...everybody].join(" "), mine.join(" ")];
}
