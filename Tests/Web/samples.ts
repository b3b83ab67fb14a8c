import type { Channel, ChannelUnread, EventFrame, EventName, EventPayloads, Message } from "../../Services/Web/source/core/contracts";
import { defaultPresence } from "../../Services/Web/source/core/presence-model";
import { reduce } from "../../Services/Web/source/core/reducer";
import { initialState } from "../../Services/Web/source/core/state";
import type { State } from "../../Services/Web/source/core/state";

export const ana = { id: "u-ana", username: "ana", displayName: "Ana" };
export const ben = { id: "u-ben", username: "ben", displayName: "Ben" };
export const time = "2026-11-21T06:28:01.123Z";
export const general: Channel = {
  id: "c-general", workspaceID: "w-barn", kind: "text", visibility: "public", name: "general", topic: "",
  participants: [], createdAt: time, version: 1,
};
export const channelStream = `channel:${general.id}`;
export const userStream = `user:${ana.id}`;
export const workspaceStream = "workspace:w-barn";

export function message(seq: number, changes: Partial<Message> = {}): Message {
  return {
    id: `m-${seq}`, channelID: general.id, seq, authorID: ben.id, content: `message ${seq}`,
    idempotencyKey: `key-of-${seq}`, createdAt: time, mentions: [], version: seq, ...changes,
  };
}

export function event<N extends EventName>(stream: string, seq: number, name: N, data: EventPayloads[N]): EventFrame {
  return { type: "event", stream, seq, name, data } as EventFrame;
}

/** The server's word that all of #general is read as of a place in its stream. */
export function read(seq: number, changes: Partial<ChannelUnread> = {}): ChannelUnread {
  return { channelID: general.id, readSeq: seq, unreadCount: 0, mentionCount: 0, headSeq: seq, version: 0, ...changes };
}

/** Ana, signed in, in #general of the barn; every stream stands at 10. Nothing of the channel is loaded. */
export function signedIn(): State {
  const user = { ...ana, email: "ana@example.org", createdAt: time };
  const started = reduce(initialState, { type: "signedIn", user, sessionID: "s-1", drafts: {}, unsent: [], ownPresence: defaultPresence });
  return reduce(started, {
    type: "bootstrapLoaded",
    snapshot: {
      user, sessionID: "s-1", workspaces: [{ id: "w-barn", name: "Barn", createdAt: time }], channels: [general], calls: [],
      rings: [], unread: [read(10)],
      cursors: [userStream, workspaceStream, channelStream].map((stream) => ({ stream, seq: 10 })),
    },
  });
}

/** The same, looking at #general with the messages 1 to 3 loaded. */
export function reading(): State {
  const asked = reduce(signedIn(), { type: "timelineAsked", channelID: general.id });
  const page = { messages: [message(1), message(2), message(3)], seq: 10 };
  return reduce(asked, { type: "newestLoaded", channelID: general.id, page });
}

export function contents(state: State): string[] {
  const messages = Object.values(state.joined[general.id]?.timeline.messages ?? {});
  return messages.sort((left, right) => left.seq - right.seq).map(({ content }) => content);
}
