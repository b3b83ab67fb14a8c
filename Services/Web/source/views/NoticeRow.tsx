import { memo } from "react";
import type { Message } from "../core/contracts";
import { useClient, useDialogs } from "./context";
import { Icon } from "./icons";
import { IconButton } from "./Controls";
import { clockTime, fullTime } from "./times";

interface NoticeRowProps {
  message: Message;
  isMine: boolean;
  /** Who called, or who was called. */
  name: string;
}

/** What the system wrote among the messages: a call that was missed, and the way to call back. */
export const NoticeRow = memo(function NoticeRow({ message, isMine, name }: NoticeRowProps) {
  const client = useClient();
  const dialogs = useDialogs();
  const { id, channelID, seq, createdAt } = message;
  const words = isMine ? `${name} missed your call` : `Missed call from ${name}`;
  return (
    <article
      className={isMine ? "notice-row" : "notice-row missed"} data-testid="message" data-message-id={id} data-state="sent"
      data-notice={message.notice} aria-label={`${words}, ${clockTime(createdAt)}`}
    >
      <span className="notice-icon"><Icon name="missed" /></span>
      <p><strong>{words}</strong> <time dateTime={createdAt} title={fullTime(createdAt)}>{clockTime(createdAt)}</time></p>
      <button
        type="button" className="button small" data-testid="call-back"
        onClick={() => dialogs.open({ name: "joinCall", channelID })}
      >
        {isMine ? "Call again" : "Call back"}
      </button>
      <div className="message-actions">
        <IconButton
          icon="unread" label="Mark unread from here" testID="mark-unread"
          onClick={() => void client.markUnread(channelID, seq)}
        />
      </div>
    </article>
  );
});
