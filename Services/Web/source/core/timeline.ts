import type { Message, MessageDeleted, MessageID, MessagePage } from "./contracts";
import { without } from "./state";

/**
 * The messages of one channel: those of the pages read so far and of every event since the first was asked for.
 * The result is the same in whatever order pages, events and answers come.
 */
export interface Timeline {
  /** `absent` keeps nothing; `loading` and `loaded` keep every event. */
  status: "absent" | "loading" | "loaded";
  /** A newest page that is older than this would leave a hole before the events kept. */
  requiredSeq: number;
  messages: Readonly<Record<MessageID, Message>>;
  /** Versions of the deleted, so that a page read before the deletion cannot bring them back. */
  deleted: Readonly<Record<MessageID, number>>;
  /** The cursor of older messages; absent when there are none. */
  before: string | undefined;
  isLoadingOlder: boolean;
}

/** A channel that is not in view forgets its messages beyond this many and loads them anew when it is. */
export const keptMessageCount = 600;

export const emptyTimeline: Timeline = {
  status: "absent",
  requiredSeq: 0,
  messages: {},
  deleted: {},
  before: undefined,
  isLoadingOlder: false,
};

/** The newest page has been asked for while the stream stood at `cursor`: from here on nothing may be missed. */
export function askTimeline(timeline: Timeline, cursor: number): Timeline {
  return timeline.status === "absent" ? { ...emptyTimeline, status: "loading", requiredSeq: cursor } : timeline;
}

/** Takes a state of a message; the higher version wins and a deleted one stays deleted. */
export function applyMessage(timeline: Timeline, message: Message): Timeline {
  if (timeline.status === "absent") return timeline;
  const messages = withMessage(timeline, timeline.messages, message);
  return messages === timeline.messages ? timeline : { ...timeline, messages };
}

export function applyDeletion(timeline: Timeline, deletion: MessageDeleted): Timeline {
  if (timeline.status === "absent") return timeline;
  return {
    ...timeline,
    messages: without(timeline.messages, deletion.id),
    deleted: { ...timeline.deleted, [deletion.id]: deletion.version },
  };
}

/** Takes the newest page unless it is older than what the timeline must join on to; the loader then asks again. */
export function applyNewest(timeline: Timeline, page: MessagePage): Timeline {
  if (timeline.status !== "loading" || page.seq < timeline.requiredSeq) return timeline;
  return { ...withPage(timeline, page), status: "loaded", before: page.before };
}

/** Takes older messages unless the timeline was reset since they were asked for. */
export function applyOlder(timeline: Timeline, before: string, page: MessagePage): Timeline {
  if (timeline.before !== before) return timeline;
  return { ...withPage(timeline, page), before: page.before, isLoadingOlder: false };
}

/** The messages in the order of the channel. */
export function orderedMessages(timeline: Timeline): Message[] {
  return Object.values(timeline.messages).sort((left, right) => left.seq - right.seq);
}

function withPage(timeline: Timeline, page: MessagePage): Timeline {
  const messages = page.messages.reduce((known, message) => withMessage(timeline, known, message), timeline.messages);
  return { ...timeline, messages };
}

function withMessage(
  timeline: Timeline, known: Readonly<Record<MessageID, Message>>, message: Message,
): Readonly<Record<MessageID, Message>> {
  if (message.id in timeline.deleted) return known;
  const present = known[message.id];
  if (present && present.version >= message.version) return known;
  return { ...known, [message.id]: message };
}
