import type { ActiveCall } from "./call-model";
import type { ParticipantID, UserID } from "./contracts";

/** Somebody who listens to a stage. */
export interface Listener {
  participantID: ParticipantID;
  userID: UserID;
  isOwn: boolean;
  /** The place in the queue of those who ask for the word, from 1 on. */
  hand: number | undefined;
}

/** Those who ask for the word first, in their order, then the others by when they joined. */
export function audienceOf(call: ActiveCall): Listener[] {
  if (!call.remote) return [];
  const { hands, participants } = call.remote;
  const audience = new Set(call.remote.audience);
  const places = new Map(hands.map((participantID, index) => [participantID, index + 1]));
  const listeners = participants.filter(({ participantID }) => audience.has(participantID))
    .map(({ participantID, userID }): Listener => ({
      participantID, userID, isOwn: participantID === call.participantID, hand: places.get(participantID),
    }));
  return listeners.sort((left, right) => placeOf(left) - placeOf(right));
}

function placeOf({ hand }: Listener): number {
  return hand ?? Number.MAX_SAFE_INTEGER;
}
