import { useState } from "react";
import type { KeyboardEvent } from "react";
import type { Channel } from "../core/contracts";
import { lengthProblem } from "../core/message-text";
import { lastOwnMessage, titleOf } from "../core/selectors";
import { useAppState, useClient } from "./context";
import { Icon } from "./icons";
import { MentionBox } from "./MentionBox";
import { useSecondsUntil } from "./times";

/** Where one writes. The draft of each channel is kept until it is sent. */
export function Composer({ channel }: { channel: Channel }) {
  const state = useAppState();
  const client = useClient();
  const [text, setText] = useState(state.drafts[channel.id] ?? "");
  const mutedSeconds = useSecondsUntil(state.mutedUntil[channel.id] ?? 0);
  const problem = lengthProblem(text);
  const title = channel.kind === "direct" ? titleOf(state, channel) : `#${titleOf(state, channel)}`;

  const write = (next: string) => {
    setText(next);
    client.writeDraft(channel.id, next);
  };
  const send = () => {
    if (text.trim() === "" || problem || mutedSeconds > 0) return;
    client.sendMessage(channel.id, text);
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowUp" || event.altKey || text !== "") return;
    const last = lastOwnMessage(client.store.getState(), channel.id);
    if (!last) return;
    event.preventDefault();
    client.store.dispatch({ type: "editingChanged", messageID: last.id });
  };
  return (
    <form className="composer" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <div className="composer-box">
        <MentionBox
          channel={channel} id="composer" label={`Message ${title}`} placeholder={`Message ${title}`} testID="composer"
          text={text} describedBy="composer-note" onText={write} onEnter={send} onKeyDown={onKeyDown}
        />
        <button
          className="send" aria-label="Send" title="Send" data-testid="send"
          disabled={text.trim() === "" || problem !== undefined || mutedSeconds > 0}
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
          : problem ?? <KeyHint />}
      </p>
    </form>
  );
}

function KeyHint() {
  return (
    <span className="key-hint">
      <b>Enter</b> sends · <b>Shift Enter</b> new line · <b>@</b> mentions · **bold** _italic_ `code`
    </span>
  );
}
