import type { ChannelID } from "./contracts";
import { changeReading, meOf } from "./events";
import type { State } from "./state";
import { moveTo, unreadIn } from "./unread";

/**
 * What the person sees is read; what they do not see yet gets a line above it. Nothing else marks a channel read by
 * itself.
 */
export function settleReading(state: State): State {
  const { channelID, isAttended, isAtEnd, isHeldUnread, newFrom } = state.view;
  const joined = channelID === undefined ? undefined : state.joined[channelID];
  if (channelID === undefined || !joined || unreadIn(joined.reading) === 0) return state;
  const isSeen = isAttended && isAtEnd && !isHeldUnread && joined.timeline.status === "loaded";
  if (isSeen) return readAll(state, channelID);
  return newFrom !== undefined ? state : { ...state, view: { ...state.view, newFrom: joined.reading.readSeq + 1 } };
}

/** Everything that has come of the channel so far is read. */
function readAll(state: State, channelID: ChannelID): State {
  return changeReading(state, channelID, (reading, { timeline }) => {
    const end = Math.max(state.cursors[`channel:${channelID}`] ?? 0, reading.readSeq);
    return moveTo(reading, end, meOf(state), timeline);
  });
}

/** Said by the person, wherever they are in the channel. */
export function markedRead(state: State, channelID: ChannelID): State {
  const next = readAll(state, channelID);
  if (state.view.channelID !== channelID) return next;
  return { ...next, view: { ...next.view, isHeldUnread: false, newFrom: undefined } };
}

/** The messages from `seq` on are unread again. The server is told by itself, so nothing waits to be confirmed. */
export function markedUnread(state: State, channelID: ChannelID, seq: number): State {
  const next = changeReading(state, channelID, (reading, { timeline }) =>
    ({ ...moveTo(reading, seq - 1, meOf(state), timeline), confirmedSeq: seq - 1 }));
  if (state.view.channelID !== channelID) return next;
  return { ...next, view: { ...next.view, isHeldUnread: true, newFrom: seq } };
}

/** Whoever comes back finds the line above what came meanwhile, not where it was before they went. */
export function attentionChanged(state: State, isAttended: boolean): State {
  const { channelID, isHeldUnread } = state.view;
  const reading = channelID === undefined ? undefined : state.joined[channelID]?.reading;
  const isRead = reading === undefined || unreadIn(reading) === 0;
  const newFrom = !isAttended && isRead && !isHeldUnread ? undefined : state.view.newFrom;
  return { ...state, view: { ...state.view, isAttended, newFrom } };
}
