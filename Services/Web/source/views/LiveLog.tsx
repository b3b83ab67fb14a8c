import { useEffect, useRef, useState } from "react";
import type { ChannelID, Message } from "../core/contracts";
import { myID } from "../core/selectors";
import { orderedMessages } from "../core/timeline";
import { useAppState } from "./context";

const keptCount = 10;

/** The names of the files of a message, for who cannot see them. */
function filesIn({ attachments = [] }: Message): string {
  return attachments.length === 0 ? "" : ` (${attachments.length === 1 ? "file" : "files"}: ${attachments.map(({ name }) => name).join(", ")})`;
}

/** Reads new messages of others to screen readers. History and one's own words stay silent, unlike in a live list. */
export function LiveLog({ channelID }: { channelID: ChannelID }) {
  const state = useAppState();
  const [lines, setLines] = useState<{ id: string; text: string }[]>([]);
  const lastSeq = useRef<number>();
  const timeline = state.joined[channelID]?.timeline;
  useEffect(() => {
    if (timeline?.status !== "loaded") return;
    const messages = orderedMessages(timeline);
    const known = lastSeq.current;
    lastSeq.current = Math.max(known ?? 0, messages[messages.length - 1]?.seq ?? 0);
    if (known === undefined) return;
    const fresh = messages.filter((message) => message.seq > known && message.authorID !== myID(state)).map((message) => ({
      id: message.id, text: `${state.users[message.authorID]?.displayName ?? "Somebody"}: ${message.content}${filesIn(message)}`,
    }));
    if (fresh.length > 0) setLines((lines) => [...lines, ...fresh].slice(-keptCount));
  }, [timeline]);
  return (
    <div className="visually-hidden" role="log" aria-live="polite" aria-label="New messages">
      {lines.map((line) => <p key={line.id}>{line.text}</p>)}
    </div>
  );
}
