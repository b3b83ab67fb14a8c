import { useEffect, useState } from "react";
import type { ChannelID } from "../core/contracts";
import { typingSentence } from "../core/typing";
import { useAppState } from "./context";

/** A pause in somebody's writing is no end of it to a listener. */
const announceMilliseconds = 1_000;

/** Who is writing. To screen readers it is said once for as long as anybody is, not with each change. */
export function TypingLine({ channelID }: { channelID: ChannelID }) {
  const sentence = typingSentence(useAppState(), channelID);
  const [announced, setAnnounced] = useState("");
  const isAnybody = sentence !== "";
  useEffect(() => {
    const timer = setTimeout(() => setAnnounced(sentence), isAnybody ? announceMilliseconds : 2 * announceMilliseconds);
    return () => clearTimeout(timer);
  }, [isAnybody]);
  return (
    <div className="typing">
      <p aria-hidden="true" data-testid="typing">
        {isAnybody && <span className="typing-dots"><i /><i /><i /></span>}{sentence}
      </p>
      <p className="visually-hidden" aria-live="polite">{announced}</p>
    </div>
  );
}
