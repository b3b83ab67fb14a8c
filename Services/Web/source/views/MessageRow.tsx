import { memo, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import type { Message, Timestamp, User } from "../core/contracts";
import { lengthProblem } from "../core/message-text";
import type { Outgoing } from "../core/outbox";
import { Avatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { IconButton, Problem } from "./Controls";
import { Markdown } from "./Markdown";
import { TextBox } from "./TextBox";
import { clockTime, fullTime, useSecondsUntil } from "./times";

interface RowProps {
  author: User | undefined;
  at: Timestamp;
  startsGroup: boolean;
  id?: string;
  state: "pending" | "sent" | "failed";
  children: ReactNode;
  actions?: ReactNode;
}

/** One message: with picture and name when it starts a group, else only its time in the margin. */
function Row({ author, at, startsGroup, id, state, children, actions }: RowProps) {
  const name = author?.displayName ?? "Somebody";
  return (
    <article
      className={startsGroup ? "message-row starts" : "message-row"} data-testid="message" data-message-id={id}
      data-state={state} aria-label={`${name}, ${clockTime(at)}`}
    >
      {startsGroup
        ? <Avatar user={author} />
        : <time className="margin-time" dateTime={at} title={fullTime(at)}>{clockTime(at)}</time>}
      <div className="message-body">
        {startsGroup && (
          <p className="byline">
            <strong className="author">{name}</strong>
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
  isMine: boolean;
  isEditing: boolean;
}

/** A message the server has. It takes what it shows as properties, so that hundreds of them rest while one types. */
export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, startsGroup, author, isMine, isEditing } = props;
  const { dispatch } = useClient().store;
  const dialogs = useDialogs();
  const { id, channelID } = message;
  const actions = isMine && !isEditing && (
    <>
      <IconButton
        icon="edit" label="Edit message" testID="edit-message"
        onClick={() => dispatch({ type: "editingChanged", messageID: id })}
      />
      <IconButton
        icon="trash" label="Delete message" testID="delete-message" isDanger
        onClick={() => dialogs.open({ name: "deleteMessage", channelID, messageID: id })}
      />
    </>
  );
  return (
    <Row author={author} at={message.createdAt} startsGroup={startsGroup} id={id} state="sent" actions={actions}>
      {isEditing ? <Editor message={message} /> : (
        <>
          <Markdown text={message.content} />
          {message.editedAt !== undefined && (
            <span className="edited" title={fullTime(message.editedAt)}>(edited)</span>
          )}
        </>
      )}
    </Row>
  );
});

function Editor({ message }: { message: Message }) {
  const client = useClient();
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
      <TextBox label="Edit message" testID="edit-box" text={text} onText={setText} onEnter={save} onKeyDown={onKeyDown} hasFocus />
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
      <Markdown text={outgoing.content} />
      {outgoing.state === "failed" && <FailedNote outgoing={outgoing} mutedUntil={state.mutedUntil[outgoing.channelID] ?? 0} />}
    </Row>
  );
}

function FailedNote({ outgoing, mutedUntil }: { outgoing: Outgoing; mutedUntil: number }) {
  const { dispatch } = useClient().store;
  const seconds = useSecondsUntil(mutedUntil);
  return (
    <div className="failed" role="alert">
      <p>Not sent. {seconds > 0 ? "You are sending very fast." : outgoing.problem}</p>
      <button
        type="button" className="button small" data-testid="retry-message" disabled={seconds > 0}
        onClick={() => dispatch({ type: "sendRetried", key: outgoing.key })}
      >
        {seconds > 0 ? `Retry in ${seconds} s` : "Retry"}
      </button>
      <button
        type="button" className="button small" data-testid="discard-message"
        onClick={() => dispatch({ type: "sendDiscarded", key: outgoing.key })}
      >
        Discard
      </button>
    </div>
  );
}
