import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventFrame, Message } from "../../Services/Web/source/core/contracts";
import { neededLoads } from "../../Services/Web/source/core/loads";
import { reduce } from "../../Services/Web/source/core/reducer";
import { badgeOf, waitingIn, waitingInAll } from "../../Services/Web/source/core/selectors";
import type { State } from "../../Services/Web/source/core/state";
import { ana, ben, channelStream, event, general, message, read, reading, signedIn, userStream } from "./samples";

const waiting = (state: State) => waitingIn(state, general.id);
const isStale = (state: State) => state.joined[general.id]?.reading.isStale;
const asksForCount = (state: State) => neededLoads(state).some(({ kind }) => kind === "unread");
const created = (state: State, seq: number, changes: Partial<Message> = {}): State =>
  reduce(state, { type: "event", frame: event(channelStream, seq, "message.created", message(seq, changes)) });
const edited = (state: State, eventSeq: number, seq: number, changes: Partial<Message> = {}): State => {
  const data = message(seq, { version: eventSeq, ...changes });
  return reduce(state, { type: "event", frame: event(channelStream, eventSeq, "message.edited", data) });
};
const deleted = (state: State, eventSeq: number, seq: number, authorID = ben.id): State => {
  const data = { id: `m-${seq}`, channelID: general.id, seq, authorID, version: eventSeq };
  return reduce(state, { type: "event", frame: event(channelStream, eventSeq, "message.deleted", data) });
};
const moved = (state: State, userSeq: number, seq: number): State => {
  const data = { channelID: general.id, seq, version: userSeq };
  return reduce(state, { type: "event", frame: event(userStream, userSeq, "channel.read", data) });
};
const counted = (state: State, unreadCount: number, mentionCount = 0, changes = {}): State =>
  reduce(state, { type: "unreadLoaded", unread: read(10, { readSeq: 2, unreadCount, mentionCount, ...changes }) });
/** Away from the channel: nothing is read by being there. */
const away = (state = reading()): State => reduce(state, { type: "attentionChanged", isAttended: false });
const atEnd = (state: State): State => reduce(state, { type: "endReached", channelID: general.id, isAtEnd: true });

test("Messages of others count as unread, those that name the person as calls, one's own not at all", () => {
  let state = away();
  state = created(state, 11);
  state = created(state, 12, { mentions: [ana.id] });
  state = created(state, 13, { audience: "here" });
  state = created(state, 14, { authorID: ana.id, mentions: [ana.id] });
  assert.deepEqual(waiting(state), { unread: 3, calls: 2 });
  assert.deepEqual(waitingInAll(state, "w-barn"), { unread: 3, calls: 2 });
  assert.deepEqual(waitingInAll(state, "w-other"), { unread: 0, calls: 0 });
});

test("In a direct conversation every unread message calls", () => {
  const direct = { ...away(), channels: { [general.id]: { ...general, kind: "direct" as const } } };
  assert.deepEqual(waiting(created(direct, 11)), { unread: 1, calls: 1 });
});

test("A message before one's eyes is read at once, and the server is to be told", () => {
  const state = created(atEnd(reading()), 11);
  assert.equal(waiting(state).unread, 0);
  assert.deepEqual([state.joined[general.id]?.reading.readSeq, state.joined[general.id]?.reading.confirmedSeq], [11, 10]);
  assert.equal(state.view.newFrom, undefined);
});

test("Below the end, away, or held: nothing is read by itself", () => {
  assert.equal(waiting(created(reading(), 11)).unread, 1);
  assert.equal(waiting(created(away(atEnd(reading())), 11)).unread, 1);
  const held = reduce(atEnd(reading()), { type: "markedUnread", channelID: general.id, seq: 3 });
  assert.equal(waiting(held).unread, 1);
  assert.equal(waiting(created(held, 11)).unread, 2);
});

test("Whoever comes back finds the line above what came meanwhile, and has read it", () => {
  const state = created(created(away(atEnd(reading())), 11, { authorID: ana.id }), 12);
  assert.equal(state.view.newFrom, 11);
  const back = reduce(state, { type: "attentionChanged", isAttended: true });
  assert.equal(waiting(back).unread, 0);
  assert.equal(back.view.newFrom, 11);
});

test("O17 another device moves the position forward, and back", () => {
  const state = created(created(away(), 11), 12);
  assert.equal(waiting(moved(state, 11, 11)).unread, 1);
  assert.equal(waiting(moved(state, 11, 12)).unread, 0);
  const back = moved(moved(state, 11, 12), 12, 10);
  assert.deepEqual([waiting(back).unread, isStale(back)], [2, false]);
});

test("An older position than the one known changes nothing", () => {
  const state = moved(created(away(), 11), 11, 11);
  const late = event(userStream, 12, "channel.read", { channelID: general.id, seq: 3, version: 9 });
  assert.deepEqual(reduce(state, { type: "event", frame: late }).joined, state.joined);
});

test("A position that another device read up to earlier does not take back what was read here since", () => {
  const here = created(created(atEnd(reading()), 11), 12);
  const state = moved(here, 11, 11);
  assert.equal(state.joined[general.id]?.reading.readSeq, 12);
  assert.equal(waiting(state).unread, 0);
});

test("Messages marked unread elsewhere stay so in the channel in view", () => {
  const state = moved(atEnd(reading()), 11, 1);
  assert.deepEqual([waiting(state).unread, state.view.newFrom, state.view.isHeldUnread], [2, 2, true]);
  const again = atEnd(reduce(state, { type: "channelChosen", channelID: general.id }));
  assert.equal(waiting(again).unread, 0);
});

test("Escape, or coming back, ends what was marked unread; so does writing", () => {
  const held = reduce(atEnd(reading()), { type: "markedUnread", channelID: general.id, seq: 2 });
  assert.deepEqual([waiting(held).unread, held.view.newFrom], [2, 2]);
  const read = reduce(held, { type: "markedRead", channelID: general.id });
  assert.deepEqual([waiting(read).unread, read.view.newFrom], [0, undefined]);
});

test("A position told in vain is not told again", () => {
  const state = reduce(created(atEnd(reading()), 11), { type: "positionRefused", channelID: general.id });
  const known = state.joined[general.id]?.reading;
  assert.equal(known?.readSeq, known?.confirmedSeq);
});

test("Deletions and edits of what events brought are accounted for", () => {
  let state = created(created(away(signedIn()), 11, { mentions: [ana.id] }), 12);
  state = edited(state, 13, 12, { mentions: [ana.id] });
  assert.deepEqual(waiting(state), { unread: 2, calls: 2 });
  state = deleted(edited(state, 14, 11), 15, 12);
  assert.deepEqual([waiting(state), asksForCount(state)], [{ unread: 1, calls: 0 }, false]);
});

test("A deletion of something counted that is not at hand asks for a new count", () => {
  const state = deleted(counted(away(signedIn()), 5), 11, 7);
  assert.equal(asksForCount(state), true);
  const stale = counted(state, 5);
  assert.equal(asksForCount(stale), true, "a count from before the deletion was taken");
  const fresh = counted(state, 4, 0, { headSeq: 11 });
  assert.deepEqual([waiting(fresh).unread, asksForCount(fresh)], [4, false]);
});

test("What is read already, one's own, or counted as none asks for nothing", () => {
  const state = counted(away(signedIn()), 5);
  assert.equal(isStale(deleted(state, 11, 2)), false);
  assert.equal(isStale(deleted(state, 11, 7, ana.id)), false);
  assert.equal(isStale(deleted(counted(away(signedIn()), 0), 11, 7)), false);
});

test("A count that ended at its bound is not counted down from", () => {
  const known = counted(away(), 100);
  assert.equal(asksForCount(deleted(known, 11, 3)), true);
  assert.equal(badgeOf(waiting(known).unread), "99+");
  assert.equal(badgeOf(99), "99");
});

test("However many are unread, no more than the bound of them are remembered one by one", () => {
  let state = away(signedIn());
  for (let seq = 11; seq < 400; seq += 1) state = created(state, seq);
  assert.equal(badgeOf(waiting(state).unread), "99+");
  assert(Object.keys(state.joined[general.id]?.reading.live ?? {}).length <= 100);
  assert.equal(asksForCount(deleted(state, 400, 12)), true);
});

test("A count that stands further than the events is not counted twice", () => {
  const ahead = counted(away(signedIn()), 1, 0, { readSeq: 10, headSeq: 11 });
  assert.equal(waiting(created(ahead, 11)).unread, 1);
  assert.equal(waiting(created(created(ahead, 11), 12)).unread, 2);
});

test("After a reset the channel is counted anew", () => {
  const state = reduce(signedIn(), { type: "reset", frame: { stream: channelStream, seq: 900 } });
  assert.equal(asksForCount(state), true);
  assert.equal(asksForCount(counted(state, 3, 0, { headSeq: 899 })), true);
  assert.equal(waiting(counted(state, 3, 0, { headSeq: 900 })).unread, 3);
});

// MARK: The badge always equals a recount

interface Stored { seq: number; version: number; authorID: string; mentions: string[]; isDeleted: boolean }

/** The truth, as the server has it: one channel and one person's position in it. */
class Truth {
  messages: Stored[] = [];
  head = 10;
  userHead = 10;
  position = { seq: 10, version: 0 };

  recount(): { unread: number; calls: number } {
    const unread = this.messages.filter(({ seq, authorID, isDeleted }) =>
      seq > this.position.seq && authorID !== ana.id && !isDeleted);
    const calls = unread.filter(({ mentions }) => mentions.includes(ana.id));
    return { unread: Math.min(100, unread.length), calls: Math.min(100, calls.length) };
  }

  answer() {
    const { unread, calls } = this.recount();
    return read(this.head, {
      readSeq: this.position.seq, unreadCount: unread, mentionCount: calls, headSeq: this.head, version: this.position.version,
    });
  }

  wire = ({ seq, version, authorID, mentions }: Stored): Message => message(seq, { version, authorID, mentions });
}

/** A generator of numbers in 0..<1 (mulberry32), so that a seed makes the same history again. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function history(seed: number, steps: number): number {
  const random = randomFrom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const truth = new Truth();
  let state = random() < 0.5 ? signedIn() : reading();
  if (random() < 0.5) state = away(state);
  const apply = (frame: EventFrame) => { state = reduce(state, { type: "event", frame }); };
  const channelEvents: (() => void)[] = [];
  const userEvents: (() => void)[] = [];
  const answers: (() => void)[] = [];
  let compared = 0;

  const act = () => {
    const live = truth.messages.filter(({ isDeleted }) => !isDeleted);
    const chosen = live[below(live.length)];
    const roll = random();
    const mentions = random() < 0.3 ? [ana.id] : [];
    if (roll < 0.5 || !chosen) {
      const seq = (truth.head += 1);
      const stored = { seq, version: seq, authorID: random() < 0.2 ? ana.id : ben.id, mentions, isDeleted: false };
      truth.messages.push(stored);
      const wire = truth.wire(stored);
      channelEvents.push(() => apply(event(channelStream, seq, "message.created", wire)));
    } else if (roll < 0.65) {
      const seq = (truth.head += 1);
      Object.assign(chosen, { version: seq, mentions });
      const wire = truth.wire(chosen);
      channelEvents.push(() => apply(event(channelStream, seq, "message.edited", wire)));
    } else if (roll < 0.8) {
      const seq = (truth.head += 1);
      chosen.isDeleted = true;
      const { authorID } = chosen;
      channelEvents.push(() => { state = deleted(state, seq, chosen.seq, authorID); });
    } else {
      const seq = 10 + below(truth.head - 9);
      const version = (truth.userHead += 1);
      truth.position = { seq, version };
      userEvents.push(() => { state = moved(state, version, seq); });
    }
  };
  const ask = () => {
    if (asksForCount(state) || random() < 0.1) {
      const unread = truth.answer();
      answers.push(() => { state = reduce(state, { type: "unreadLoaded", unread }); });
    }
  };
  const deliver = (queue: (() => void)[]) => queue.shift()?.();
  const settle = () => {
    const queues = [channelEvents, userEvents, answers];
    while (queues.some((queue) => queue.length > 0)) queues.forEach(deliver);
    // What was seen meanwhile is told, as the shell does.
    const known = state.joined[general.id]?.reading;
    if (known && known.readSeq > known.confirmedSeq) {
      truth.position = { seq: known.readSeq, version: (truth.userHead += 1) };
      state = moved(state, truth.userHead, known.readSeq);
    }
    for (let round = 0; asksForCount(state) && round < 3; round += 1) {
      state = reduce(state, { type: "unreadLoaded", unread: truth.answer() });
    }
    assert.deepEqual([waiting(state), isStale(state)], [truth.recount(), false], `seed ${seed}`);
    compared += 1;
  };
  for (let step = 0; step < steps; step += 1) {
    act();
    ask();
    for (const queue of [channelEvents, userEvents, answers]) while (random() < 0.6 && queue.length > 0) deliver(queue);
    if (random() < 0.05) state = reduce(state, { type: "attentionChanged", isAttended: random() < 0.5 });
    if (random() < 0.05) state = reduce(state, { type: "endReached", channelID: general.id, isAtEnd: random() < 0.5 });
    if (random() < 0.1) settle();
  }
  settle();
  return compared;
}

test("Whatever happens in whatever order, the badge equals a recount once all is told", () => {
  const { ROOST_SEED } = process.env;
  const seeds = ROOST_SEED === undefined ? Array.from({ length: 300 }, (_, seed) => seed) : [Number(ROOST_SEED)];
  const compared = seeds.reduce((sum, seed) => sum + history(seed, seed % 10 === 0 ? 600 : 120), 0);
  assert(compared >= seeds.length);
});
