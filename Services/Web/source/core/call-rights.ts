import type { ActiveCall, CallEffect } from "./call-model";
import type { CallSource, CallState, ParticipantID } from "./contracts";

const allSources: readonly CallSource[] = ["microphone", "camera", "screen", "screenAudio"];

const sourceWords: Readonly<Record<CallSource, string>> = {
  microphone: "microphone", camera: "camera", screen: "screen", screenAudio: "screen's sound",
};

/** Whether this person may mute, invite and remove others. */
export function isModerator({ remote, participantID }: ActiveCall): boolean {
  return remote?.moderators.includes(participantID) ?? false;
}

/** Whether this person only listens, on a stage. */
export function isAudience({ remote, participantID }: ActiveCall): boolean {
  return remote?.audience.includes(participantID) ?? false;
}

/** The sources of a participant of which nobody gets anything, whatever the participant does. */
export function heldBack(state: CallState | undefined, participant: ParticipantID): readonly CallSource[] {
  if (state?.audience.includes(participant)) return allSources;
  return (state?.mutes ?? []).filter(({ participantID }) => participantID === participant).map(({ source }) => source);
}

/** What a new state makes of this person: what is held back goes off here too, and the person is told why. */
export function ruling(call: ActiveCall, before: CallState | undefined, now: CallState): CallEffect[] {
  const me = call.participantID;
  const held = heldBack(now, me);
  const off = call.active.filter((source) => held.includes(source));
  const effects: CallEffect[] = off.length > 0 ? [{ type: "turnOff", sources: off }] : [];
  const notice = wordsOf(before, now, me, off);
  if (notice !== undefined) effects.push({ type: "tell", notice });
  return effects;
}

function wordsOf(
  before: CallState | undefined, now: CallState, me: ParticipantID, off: readonly CallSource[],
): string | undefined {
  const [was, is] = [before?.audience.includes(me), now.audience.includes(me)];
  if (is && was === undefined) return "You are in the audience of this stage. Raise your hand to speak.";
  if (is && !was) return "A moderator sent you back to the audience. Raise your hand to speak again.";
  if (is) return undefined;
  if (was) return "You may speak now: turn on your microphone when you are ready.";
  if (off.length > 0) return `A moderator turned off your ${listOf(off)}. It stays off until a moderator allows it again.`;
  const given = heldBack(before, me).filter((source) => !heldBack(now, me).includes(source));
  return given.length > 0 ? `You may turn on your ${listOf(given)} again.` : undefined;
}

function listOf(sources: readonly CallSource[]): string {
  return sources.map((source) => sourceWords[source]).join(" and ");
}
