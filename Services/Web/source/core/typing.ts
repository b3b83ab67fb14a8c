import type { ChannelID, Typing, UserID } from "./contracts";
import { without } from "./state";
import type { State } from "./state";

/** Somebody else is no longer writing this long after their last sign of it. */
export const typingMilliseconds = 3_000;
/** One's own sign is repeated this often while one writes. */
export const typingRepeatMilliseconds = 2_000;

/** Until when each person is writing, by channel, in Unix milliseconds. */
export type Typists = Readonly<Record<ChannelID, Readonly<Record<UserID, number>>>>;

export function withTypist(typists: Typists, channelID: ChannelID, userID: UserID, until: number | undefined): Typists {
  const known = typists[channelID] ?? {};
  if (until === undefined && !(userID in known)) return typists;
  const people = until === undefined ? without(known, userID) : { ...known, [userID]: until };
  return Object.keys(people).length === 0 ? without(typists, channelID) : { ...typists, [channelID]: people };
}

/** Without those whose time is over. */
export function withoutSilent(typists: Typists, now: number): Typists {
  let rest = typists;
  for (const [channelID, people] of Object.entries(typists)) {
    for (const [userID, until] of Object.entries(people)) {
      if (until <= now) rest = withTypist(rest, channelID, userID, undefined);
    }
  }
  return rest;
}

/** When the next of them falls silent. */
export function nextSilence(typists: Typists): number | undefined {
  const moments = Object.values(typists).flatMap((people) => Object.values(people));
  return moments.length === 0 ? undefined : Math.min(...moments);
}

const namedTypists = 3;

/** "Ada is typing…"; nothing when nobody is; no names when they are more than three. */
export function typingSentence(state: State, channelID: ChannelID): string {
  const names = Object.keys(state.typists[channelID] ?? {}).sort()
    .map((userID) => state.users[userID]?.displayName ?? "Somebody");
  if (names.length === 0) return "";
  if (names.length > namedTypists) return "Several people are typing…";
  const last = names[names.length - 1] ?? "";
  const sentence = names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
  return `${sentence} ${names.length === 1 ? "is" : "are"} typing…`;
}

/** The last sign of one's own writing. */
export interface TypingSign {
  channelID: ChannelID;
  at: number;
}

/** What to tell the others when the person writes in a channel, or stops: the frames, and the sign to remember. */
export function signTyping(
  last: TypingSign | undefined, channelID: ChannelID, isWriting: boolean, now: number,
): { signs: Typing[]; last: TypingSign | undefined } {
  const isFresh = last !== undefined && now - last.at < typingMilliseconds;
  const signs: Typing[] = [];
  if (last && isFresh && last.channelID !== channelID) signs.push({ channelID: last.channelID, isTyping: false });
  if (!isWriting) {
    if (last && isFresh && last.channelID === channelID) signs.push({ channelID, isTyping: false });
    return { signs, last: undefined };
  }
  const isKnown = last !== undefined && last.channelID === channelID && now - last.at < typingRepeatMilliseconds;
  if (isKnown) return { signs, last };
  return { signs: [...signs, { channelID, isTyping: true }], last: { channelID, at: now } };
}
