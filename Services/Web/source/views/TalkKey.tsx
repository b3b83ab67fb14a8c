import { useEffect, useState } from "react";
import { keyName } from "../shell/pushToTalk";
import { useClient, useLocalMedia } from "./context";

/** Whether one speaks only while a key is held, and which key that is. */
export function TalkKey() {
  const { media } = useClient().caller;
  const { choices } = useLocalMedia();
  return (
    <div className="talk-key">
      <label className="check">
        <input
          type="checkbox" checked={choices.pushToTalk} data-testid="push-to-talk"
          onChange={(event) => media.choosePushToTalk(event.currentTarget.checked)}
        />
        <span>
          <strong>Push to talk</strong>
          <small>You are heard only while you hold a key, wherever in Roost you are but in a text field.</small>
        </span>
      </label>
      {choices.pushToTalk && <KeyChoice code={choices.talkKey} onChoose={(code) => media.chooseTalkKey(code)} />}
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
