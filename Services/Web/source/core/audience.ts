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
  const { audience, hands, participants } = call.remote;
  const listeners = participants.filter(({ participantID }) => audience.includes(participantID))
    .map(({ participantID, userID }): Listener => {
      const place = hands.indexOf(participantID);
      return {
        participantID, userID, isOwn: participantID === call.participantID, hand: place < 0 ? undefined : place + 1,
      };
    });
  return listeners.sort((left, right) => placeOf(left) - placeOf(right));
}

function placeOf({ hand }: Listener): number {
  return hand ?? Number.MAX_SAFE_INTEGER;
}
