import { useEffect, useState } from "react";
import { meterPlace, meterRange } from "../core/voiceGate";
import type { TalkMode } from "../core/voiceGate";
import { keyName } from "../shell/pushToTalk";
import { Choice } from "./Choice";
import { useClient, useLocalMedia } from "./context";
import { LevelMeter } from "./LevelMeter";

const modes: { value: TalkMode; title: string; testID: string }[] = [
  { value: "open", title: "Always", testID: "talk-open" },
  { value: "gate", title: "Voice gate", testID: "voice-gate" },
  { value: "key", title: "Push to talk", testID: "push-to-talk" },
];

const hints: Readonly<Record<TalkMode, string>> = {
  open: "You are heard whenever your microphone is on.",
  gate: "You are heard while you are louder than the mark: drag it to just above what your room sounds like.",
  key: "You are heard only while you hold a key, wherever in Roost you are but in a text field.",
};

/** When the microphone is heard: always, while it is loud, or while a key is held. */
export function TalkModeChoice() {
  const { media } = useClient().caller;
  const { choices, tracks } = useLocalMedia();
  const { talkMode, talkKey, gateThreshold } = choices;
  return (
    <div className="talk-mode">
      <Choice
        legend="Microphone is heard" name="talk-mode" value={talkMode} options={modes}
        onChoose={(mode) => media.chooseTalkMode(mode)}
      />
      <p className="field-hint">{hints[talkMode]}</p>
      {talkMode === "gate" && (
        <div className="gate">
          {tracks.microphone && <LevelMeter track={tracks.microphone} threshold={meterPlace(gateThreshold)} />}
          <input
            type="range" min={meterRange.quietest} max={meterRange.loudest} step={1} value={gateThreshold}
            aria-label="Loudness from which you are heard, in decibels" data-testid="gate-threshold"
            onChange={(event) => media.chooseThreshold(Number(event.currentTarget.value))}
          />
        </div>
      )}
      {talkMode === "key" && <KeyChoice code={talkKey} onChoose={(code) => media.chooseTalkKey(code)} />}
    </div>
  );
}

function KeyChoice({ code, onChoose }: { code: string; onChoose: (code: string) => void }) {
  const [isListening, setListening] = useState(false);
  useEffect(() => {
    if (!isListening) return undefined;
    const take = (event: KeyboardEvent) => {
      // Tab leads on, Escape back: neither can be had as the key.
      if (event.code === "Tab") return setListening(false);
      event.preventDefault();
      event.stopPropagation();
      if (event.code !== "Escape") onChoose(event.code);
      setListening(false);
    };
    addEventListener("keydown", take, { capture: true });
    return () => removeEventListener("keydown", take, { capture: true });
  }, [isListening]);
  return (
    <button
      type="button" className="button small" data-testid="talk-key" aria-pressed={isListening}
      onClick={() => setListening(!isListening)}
    >
      {isListening ? "Press the key…" : <>Key: <kbd>{keyName(code)}</kbd></>}
    </button>
  );
}
