import type { Attachment, ChannelID, Message, Timestamp, UserID } from "./contracts";

/** A message on its way to the server. Its key is sent with every attempt, so that it arrives once. */
export interface Outgoing {
  key: string;
  channelID: ChannelID;
  authorID: UserID;
  content: string;
  /** Files that are on the server already. */
  attachments?: readonly Attachment[];
  writtenAt: Timestamp;
  state: "pending" | "failed";
  /** Why it failed, or why it waits, for a person. */
  problem?: string;
}

/** Without the message that the server now has. Another person may have used the same key: the author must match. */
export function withoutTaken(outbox: readonly Outgoing[], message: Message): readonly Outgoing[] {
  const rest = outbox.filter((outgoing) => !(
    outgoing.key === message.idempotencyKey && outgoing.channelID === message.channelID
    && outgoing.authorID === message.authorID
  ));
  return rest.length === outbox.length ? outbox : rest;
}

export function withFailure(outbox: readonly Outgoing[], key: string, problem: string): readonly Outgoing[] {
  return outbox.map((outgoing) => outgoing.key === key ? { ...outgoing, state: "failed", problem } : outgoing);
}

/** It is tried again by itself; meanwhile the person is told why it takes so long. */
export function withDelay(outbox: readonly Outgoing[], key: string, problem: string): readonly Outgoing[] {
  return outbox.map((outgoing) =>
    outgoing.key === key && outgoing.state === "pending" && outgoing.problem !== problem ? { ...outgoing, problem } : outgoing);
}

/** What this device kept of an earlier page, in the order it was written; a reload is a new attempt. */
export function restored(unsent: readonly Outgoing[]): Outgoing[] {
  return [...unsent]
    .sort((left, right) => left.writtenAt.localeCompare(right.writtenAt) || left.key.localeCompare(right.key))
    .map((outgoing) => {
      if (outgoing.state === "failed") return outgoing;
      const { problem: _, ...rest } = outgoing;
      return rest;
    });
}

/** Back in the queue, with the same key. */
export function withRetry(outbox: readonly Outgoing[], key: string): readonly Outgoing[] {
  return outbox.map((outgoing) => {
    if (outgoing.key !== key) return outgoing;
    const { problem: _, ...rest } = outgoing;
    return { ...rest, state: "pending" };
  });
}

/** The message to send next in each channel: the first one written that has not failed. One at a time keeps the order. */
export function nextToSend(outbox: readonly Outgoing[]): Outgoing[] {
  const first = new Map<ChannelID, Outgoing>();
  for (const outgoing of outbox) {
    if (outgoing.state === "pending" && !first.has(outgoing.channelID)) first.set(outgoing.channelID, outgoing);
  }
  return [...first.values()];
}
