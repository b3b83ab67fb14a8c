import { useRef, useState } from "react";
import type { ClipboardEvent, KeyboardEvent } from "react";
import { areReady } from "../core/attachments";
import type { PendingFile } from "../core/attachments";
import type { Channel } from "../core/contracts";
import { lengthProblem } from "../core/message-text";
import { lastOwnMessage, titleOf } from "../core/selectors";
import { useAppState, useClient } from "./context";
import { Icon } from "./icons";
import { MentionBox } from "./MentionBox";
import { PendingFiles } from "./PendingFiles";
import { useSecondsUntil } from "./times";

/** Where one writes. The draft of each channel is kept until it is sent. */
export function Composer({ channel }: { channel: Channel }) {
  const state = useAppState();
  const client = useClient();
  const [text, setText] = useState(state.drafts[channel.id] ?? "");
  const mutedSeconds = useSecondsUntil(state.mutedUntil[channel.id] ?? 0);
  const chooser = useRef<HTMLInputElement>(null);
  const files = state.attaching.filter((file) => file.channelID === channel.id);
  const problem = lengthProblem(text);
  const isEmpty = text.trim() === "" && files.length === 0;
  const canSend = !isEmpty && areReady(files) && problem === undefined && mutedSeconds === 0;
  const title = channel.kind === "direct" ? titleOf(state, channel) : `#${titleOf(state, channel)}`;

  const write = (next: string) => {
    setText(next);
    client.writeDraft(channel.id, next);
  };
  const send = () => {
    if (!canSend) return;
    client.sendMessage(channel.id, text);
    setText("");
  };
  const choose = (chosen: FileList | null) => {
    client.uploader.attach(channel.id, [...chosen ?? []]);
    // The same file may be chosen again.
    if (chooser.current) chooser.current.value = "";
    document.getElementById("composer")?.focus();
  };
  const paste = (event: ClipboardEvent) => {
    // What is copied from a document comes as text with a picture of it: then the text is meant.
    if (event.clipboardData.files.length === 0 || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    client.uploader.attach(channel.id, [...event.clipboardData.files]);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowUp" || event.altKey || text !== "") return;
    const last = lastOwnMessage(client.store.getState(), channel.id);
    if (!last) return;
    event.preventDefault();
    client.store.dispatch({ type: "editingChanged", messageID: last.id });
  };
  return (
    <form className="composer" onSubmit={(event) => { event.preventDefault(); send(); }} onPaste={paste}>
      <PendingFiles files={files} />
      <div className="composer-box">
        <button
          type="button" className="attach" aria-label="Attach files" title="Attach files" data-testid="attach"
          onClick={() => chooser.current?.click()}
        >
          <Icon name="attach" />
        </button>
        <input
          ref={chooser} type="file" multiple hidden tabIndex={-1} aria-hidden="true" data-testid="file-chooser"
          onChange={(event) => choose(event.currentTarget.files)}
        />
        <MentionBox
          channel={channel} id="composer" label={`Message ${title}`} placeholder={`Message ${title}`} testID="composer"
          text={text} describedBy="composer-note" onText={write} onEnter={send} onKeyDown={onKeyDown}
        />
        <button
          className="send" aria-label="Send" title="Send" data-testid="send"
          disabled={!canSend}
        >
          <Icon name="send" />
        </button>
      </div>
      <p
        id="composer-note" className={problem || mutedSeconds > 0 ? "composer-note problem-note" : "composer-note"}
        data-testid="composer-note"
      >
        {mutedSeconds > 0
          ? `That was a lot at once. You can write again in ${mutedSeconds} s; what waits is sent then.`
          : problem ?? filesNote(files) ?? <KeyHint />}
      </p>
    </form>
  );
}

/** Why what is attached cannot be sent yet. */
function filesNote(files: readonly PendingFile[]): string | undefined {
  const failed = files.filter(({ state }) => state === "failed");
  if (failed.length > 0) {
    return failed.some(({ isHopeless }) => !isHopeless)
      ? "Try the failed file again or take it off, then send." : "Take the failed file off, then send.";
  }
  return areReady(files) ? undefined : "Files are being uploaded. You can send when they are there.";
}

function KeyHint() {
  return (
    <span className="key-hint">
      <b>Enter</b> sends · <b>Shift Enter</b> new line · <b>@</b> mentions · **bold** _italic_ `code`
    </span>
  );
}
