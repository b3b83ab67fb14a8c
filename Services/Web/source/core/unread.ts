import type { ChannelRead, ChannelUnread, Message, MessageDeleted, MessageID, UserID } from "./contracts";
import { mentionsUser } from "./mentions";
import type { Timeline } from "./timeline";

/** The server counts no further, and neither does anybody here: it stands for this many or more. */
export const unreadLimit = 100;

/**
 * How far a person has read a channel and what lies ahead: the server's count of it at one place of the stream, and the
 * messages that events brought since, one by one. Its numbers equal a recount, or it is `isStale` and is counted anew.
 */
export interface Reading {
  /** Messages up to this number are read, as far as this tab knows. */
  readSeq: number;
  /** The position the server has confirmed; when `readSeq` is beyond it, the server must be told. */
  confirmedSeq: number;
  /** Of the confirmed position: its number in the user's stream. */
  version: number;
  /** The place in the channel's stream at which `counted` and `countedMentions` were true. */
  headSeq: number;
  counted: number;
  countedMentions: number;
  /** Unread messages of others after `headSeq`. */
  live: Readonly<Record<MessageID, { seq: number; isMention: boolean }>>;
  /** The last edit or deletion of something unread: a count from before it is of no use. */
  changedSeq: number;
  isStale: boolean;
}

/** Of a channel just joined whose stream stands at `seq`: everything so far counts as read. */
export function readingFrom(seq: number): Reading {
  return {
    readSeq: seq, confirmedSeq: seq, version: 0, headSeq: seq, counted: 0, countedMentions: 0, live: {}, changedSeq: 0,
    isStale: false,
  };
}

/** What is known of a channel before its first count. */
export const unknownReading: Reading = { ...readingFrom(0), version: -1, isStale: true };

/** Unread messages of others; `unreadLimit` stands for that many or more. */
export function unreadIn(reading: Reading): number {
  return Math.min(unreadLimit, reading.counted + Object.keys(reading.live).length);
}

/** Those of them that name the person, or everybody. */
export function mentionsIn(reading: Reading): number {
  const live = Object.values(reading.live).filter(({ isMention }) => isMention).length;
  return Math.min(unreadLimit, reading.countedMentions + live);
}

// MARK: Events of the channel. `seq` is the number of the event, in the stream or in the message itself.

export function countCreated(reading: Reading, message: Message, me: UserID | undefined): Reading {
  const { id, seq, authorID } = message;
  if (authorID === me || seq <= reading.headSeq || seq <= reading.readSeq) return reading;
  const live = { ...reading.live, [id]: { seq, isMention: mentionsUser(message, me) } };
  return folded({ ...reading, live });
}

/** `known` is the message as it was before, if it is at hand. */
export function countEdited(
  reading: Reading, message: Message, me: UserID | undefined, known: Message | undefined,
): Reading {
  const eventSeq = message.version;
  const { id, seq, authorID } = message;
  if (authorID === me || seq <= reading.readSeq || eventSeq <= reading.headSeq) return reading;
  const isMention = mentionsUser(message, me);
  const changed = { ...reading, changedSeq: Math.max(reading.changedSeq, eventSeq) };
  if (id in reading.live) return { ...changed, live: { ...reading.live, [id]: { seq, isMention } } };
  if (known && known.version < message.version) {
    const step = Number(isMention) - Number(mentionsUser(known, me));
    if (step === 0) return changed;
    if (reading.countedMentions < unreadLimit) {
      return { ...changed, countedMentions: reading.countedMentions + step };
    }
  }
  // None of those counted named the person, or all of them did: then what it was before is known too.
  if (reading.countedMentions === 0) return { ...changed, countedMentions: Number(isMention) };
  if (isMention && reading.countedMentions === reading.counted) return changed;
  return { ...changed, isStale: true };
}

/** `known` is the message, if it is at hand. */
export function countDeleted(
  reading: Reading, deletion: MessageDeleted, me: UserID | undefined, known: Message | undefined,
): Reading {
  const { id, seq, authorID, version: eventSeq } = deletion;
  if (authorID === me || seq <= reading.readSeq || eventSeq <= reading.headSeq) return reading;
  const changed = { ...reading, changedSeq: Math.max(reading.changedSeq, eventSeq) };
  if (id in reading.live) {
    const { [id]: _, ...live } = reading.live;
    return { ...changed, live };
  }
  // Replayed after its deletion, it was never counted; nor was it when nothing is.
  if (seq > reading.headSeq || reading.counted === 0) return changed;
  if (!known || reading.counted >= unreadLimit) return { ...changed, isStale: true };
  return {
    ...changed, counted: reading.counted - 1,
    countedMentions: reading.countedMentions - Number(mentionsUser(known, me)),
  };
}

// MARK: Positions

/** The person has read up to `seq`, or counts the messages after it as unread again. */
export function moveTo(reading: Reading, seq: number, me: UserID | undefined, timeline: Timeline): Reading {
  if (seq === reading.readSeq) return reading;
  const moved = { ...reading, readSeq: seq };
  if (seq > reading.readSeq) {
    const live = Object.fromEntries(Object.entries(reading.live).filter(([, message]) => message.seq > seq));
    if (seq >= reading.headSeq && seq >= reading.changedSeq) {
      return { ...moved, live, counted: 0, countedMentions: 0, isStale: reading.version < 0 };
    }
    if (reading.counted === 0 && !reading.isStale) return { ...moved, live };
  }
  return countedOf(moved, me, timeline) ?? { ...moved, isStale: true };
}

/** A position from the user's stream or an answer. What this tab has read since is not taken back by an older one. */
export function confirm(
  reading: Reading, { seq, version }: Pick<ChannelRead, "seq" | "version">, me: UserID | undefined, timeline: Timeline,
): Reading {
  if (version <= reading.version) return reading;
  const isStep = seq >= reading.confirmedSeq;
  const confirmed = { ...reading, confirmedSeq: seq, version };
  if (reading.version < 0) return { ...confirmed, readSeq: seq };
  return isStep && seq < reading.readSeq ? confirmed : moveTo(confirmed, seq, me, timeline);
}

/** Takes a count of the server, unless something happened since that it does not contain. */
export function applyCount(reading: Reading, answer: ChannelUnread, me: UserID | undefined, timeline: Timeline): Reading {
  const isOlder = answer.version < reading.version || answer.headSeq < reading.changedSeq
    || answer.headSeq < reading.headSeq;
  if (isOlder) return reading;
  const live = Object.fromEntries(Object.entries(reading.live).filter(([, { seq }]) => seq > answer.headSeq));
  const taken: Reading = {
    readSeq: answer.readSeq,
    confirmedSeq: answer.readSeq,
    version: answer.version,
    headSeq: answer.headSeq,
    counted: answer.unreadCount,
    countedMentions: answer.mentionCount,
    live,
    changedSeq: reading.changedSeq,
    isStale: false,
  };
  const isAhead = reading.readSeq > reading.confirmedSeq && reading.readSeq > answer.readSeq;
  return isAhead ? moveTo(taken, reading.readSeq, me, timeline) : taken;
}

/** After a reset the events of the stream up to `seq` are unknown. */
export function doubt(reading: Reading, seq = reading.changedSeq): Reading {
  return { ...reading, changedSeq: Math.max(reading.changedSeq, seq), isStale: true };
}

/** Counts what is unread from the messages at hand, if they reach back to the position. */
function countedOf(reading: Reading, me: UserID | undefined, timeline: Timeline): Reading | undefined {
  if (timeline.status !== "loaded") return undefined;
  const messages = Object.values(timeline.messages);
  const reachesBack = timeline.before === undefined || messages.some(({ seq }) => seq <= reading.readSeq);
  if (!reachesBack) return undefined;
  const unread = messages.filter(({ seq, authorID }) => seq > reading.readSeq && authorID !== me);
  const live = Object.fromEntries(unread.map((message) =>
    [message.id, { seq: message.seq, isMention: mentionsUser(message, me) }]));
  return folded({
    ...reading, headSeq: reading.readSeq, counted: 0, countedMentions: 0, live, isStale: reading.version < 0,
  });
}

/** The list of messages is bounded: beyond the count that is shown, their number is all that is kept of them. */
function folded(reading: Reading): Reading {
  const live = Object.values(reading.live);
  if (live.length <= unreadLimit) return reading;
  return {
    ...reading, headSeq: live.reduce((last, { seq }) => Math.max(last, seq), reading.headSeq), counted: unreadIn(reading),
    countedMentions: mentionsIn(reading), live: {},
  };
}
