import type { Message, User, UserID } from "./contracts";

/** Whether a message names a person, or everybody. */
export function mentionsUser(message: Pick<Message, "mentions" | "audience">, userID: UserID | undefined): boolean {
  return userID !== undefined && (message.audience !== undefined || message.mentions.includes(userID));
}

/** What one can write after an @ to call everybody; the last two mean all. */
export const audienceWords: readonly string[] = ["all", "here", "channel", "everyone"];

/** A piece of text: plain, or a name with its @. */
export interface MentionPart {
  text: string;
  /** In lower case, without the @. */
  name?: string;
}

/** Finds the names of `names` (in lower case) that stand at the beginning of a word with an @. */
export function splitMentions(text: string, names: ReadonlySet<string>): MentionPart[] {
  const parts: MentionPart[] = [];
  let end = 0;
  for (const match of text.matchAll(/(^|[^\p{L}\p{N}_@./-])(@(\w+))/gu)) {
    const [, before = "", mention = "", word = ""] = match;
    const name = word.toLowerCase();
    if (!names.has(name)) continue;
    const from = (match.index ?? 0) + before.length;
    if (from > end) parts.push({ text: text.slice(end, from) });
    end = from + mention.length;
    parts.push({ text: mention, name });
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

// MARK: Completing a name while it is written

/** An @ and what was written after it, before the caret. */
export interface MentionQuery {
  /** Where the @ is. */
  from: number;
  to: number;
  words: string;
}

export interface MentionChoice {
  /** What stands after the @. */
  name: string;
  title: string;
  user?: User;
}

const shownChoices = 8;
const audiences: readonly MentionChoice[] = [
  { name: "all", title: "Everybody in the channel" },
  { name: "here", title: "Everybody here now" },
];

export function mentionQueryAt(text: string, caret: number): MentionQuery | undefined {
  const match = /(?:^|[\s([{"'*_~>])@([\p{L}\p{N}_]{0,32})$/u.exec(text.slice(0, caret));
  const words = match?.[1];
  return words === undefined ? undefined : { from: caret - words.length - 1, to: caret, words };
}

/** Whom the query may mean: user names first, then names, then everybody. */
export function mentionChoices(people: readonly User[], words: string): MentionChoice[] {
  const query = words.toLocaleLowerCase();
  const ranked = people
    .map((user) => ({ user, rank: rankOf(user, query) }))
    .filter(({ rank }) => rank < 2)
    .sort((left, right) => left.rank - right.rank || left.user.displayName.localeCompare(right.user.displayName))
    .map(({ user }): MentionChoice => ({ name: user.username, title: user.displayName, user }));
  const everybody = audiences.filter(({ name }) => name.startsWith(query));
  return [...ranked.slice(0, shownChoices - everybody.length), ...everybody];
}

function rankOf(user: User, query: string): number {
  if (user.username.toLocaleLowerCase().startsWith(query)) return 0;
  const words = user.displayName.toLocaleLowerCase().split(/[\s_-]+/);
  return words.some((word) => word.startsWith(query)) ? 1 : 2;
}

/** The text with the name in place of the query, and where the caret goes. */
export function withMention(text: string, query: MentionQuery, name: string): { text: string; caret: number } {
  const rest = text.slice(query.to);
  const before = `${text.slice(0, query.from)}@${name} `;
  return { text: before + rest.replace(/^ /, ""), caret: before.length };
}
