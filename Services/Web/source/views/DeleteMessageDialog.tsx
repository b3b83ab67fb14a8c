import type { ChannelID, MessageID } from "../core/contracts";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { Markdown } from "./Markdown";

export function DeleteMessageDialog({ channelID, messageID }: { channelID: ChannelID; messageID: MessageID }) {
  const message = useAppState().joined[channelID]?.timeline.messages[messageID];
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const remove = () => run(async () => {
    await api.deleteMessage(channelID, messageID);
    close();
  });
  return (
    <Dialog title="Delete this message?" onClose={close}>
      <p className="dialog-lead">It goes for everybody and cannot be brought back.</p>
      {message && (
        <blockquote className="excerpt">
          <Markdown text={message.content} />
          {message.attachments && <p>{message.attachments.map(({ name }) => name).join(", ")}</p>}
        </blockquote>
      )}
      <Problem failure={failure} />
      <div className="dialog-actions">
        <button type="button" className="button" onClick={close}>Keep it</button>
        <button
          type="button" className="button danger solid" data-testid="confirm-delete" disabled={isBusy}
          onClick={() => void remove()}
        >
          {isBusy ? "Deleting…" : "Delete"}
        </button>
      </div>
    </Dialog>
  );
}
