import { useState } from "react";
import type { PresenceChoice } from "../core/presence-model";
import { Choice } from "./Choice";
import { useAppState, useClient, useDialogs } from "./context";
import { Field } from "./Controls";
import { Dialog } from "./Dialog";

/** As the contract bounds them (`PresenceStatus`). */
const limits = { emoji: 32, text: 100 };

const suggestions = [
  { emoji: "🎧", text: "Focusing" },
  { emoji: "🥪", text: "At lunch" },
  { emoji: "🚆", text: "On the way" },
  { emoji: "🤒", text: "Out sick" },
  { emoji: "🌴", text: "On holiday" },
];

/** How reachable one is, and what one says about it. */
export function StatusDialog() {
  const { ownPresence } = useAppState();
  const client = useClient();
  const { close } = useDialogs();
  const [choice, setChoice] = useState<PresenceChoice>(ownPresence.choice);
  const [emoji, setEmoji] = useState(ownPresence.status?.emoji ?? "");
  const [text, setText] = useState(ownPresence.status?.text ?? "");
  const save = () => {
    const isSaid = emoji.trim() !== "" || text.trim() !== "";
    client.choosePresence({
      choice, status: isSaid ? { emoji: emoji.trim() || undefined, text: text.trim() } : undefined,
    });
    close();
  };
  return (
    <Dialog title="How you are" onClose={close} className="status-dialog">
      <form className="form" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <Choice
          legend="Show me as" name="presence" value={choice} onChoose={setChoice}
          options={[
            { value: "online", title: "Online", hint: "Away by itself after five minutes" },
            { value: "busy", title: "Do not disturb", hint: "Here, but busy" },
            { value: "offline", title: "Invisible", hint: "As if you were not here" },
          ]}
        />
        <div className="status-line">
          <Field
            label="Emoji" name="emoji" testID="status-emoji" maxLength={limits.emoji} value={emoji} placeholder="🌴"
            autoComplete="off" onText={setEmoji}
          />
          <Field
            label="Status" name="status" testID="status-text" maxLength={limits.text} value={text}
            placeholder="What others should know" autoComplete="off" onText={setText}
          />
        </div>
        <ul className="suggestions" aria-label="Suggestions">
          {suggestions.map((suggestion) => (
            <li key={suggestion.text}>
              <button
                type="button" className="button small"
                onClick={() => { setEmoji(suggestion.emoji); setText(suggestion.text); }}
              >
                <span aria-hidden="true">{suggestion.emoji}</span>{suggestion.text}
              </button>
            </li>
          ))}
        </ul>
        <div className="dialog-actions">
          <button
            type="button" className="button" data-testid="clear-status" disabled={emoji === "" && text === ""}
            onClick={() => { setEmoji(""); setText(""); }}
          >
            Clear status
          </button>
          <span className="spring" />
          <button type="button" className="button" onClick={close}>Cancel</button>
          <button className="button primary" data-testid="save-status">Save</button>
        </div>
      </form>
    </Dialog>
  );
}
