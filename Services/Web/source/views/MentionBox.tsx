import { useId, useState } from "react";
import type { KeyboardEvent } from "react";
import type { Channel } from "../core/contracts";
import { mentionChoices, mentionQueryAt, withMention } from "../core/mentions";
import type { MentionChoice } from "../core/mentions";
import { channelPeople, myID, partnerOf } from "../core/selectors";
import { PersonAvatar } from "./Avatar";
import { useAppState, useClient } from "./context";
import { Icon } from "./icons";
import { TextBox } from "./TextBox";

interface MentionBoxProps {
  channel: Channel;
  id?: string;
  label: string;
  placeholder?: string;
  testID: string;
  text: string;
  describedBy?: string;
  hasFocus?: boolean;
  onText: (text: string) => void;
  onEnter: () => void;
  onKeyDown?: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
}

/** A text box that completes names after an @: arrows choose, Enter or Tab takes, Esc closes. */
export function MentionBox({ channel, text, onText, onKeyDown, ...box }: MentionBoxProps) {
  const state = useAppState();
  const { dispatch } = useClient().store;
  const listID = useId();
  const [caret, setCaret] = useState(text.length);
  const [target, setTarget] = useState<number>();
  const [chosen, setChosen] = useState(0);
  const [dismissedAt, setDismissedAt] = useState<number>();
  // A draft that is only looked at asks for nobody.
  const [isLeft, setLeft] = useState(true);
  const query = mentionQueryAt(text, caret);
  const partner = channel.kind === "direct" ? partnerOf(state, channel) : undefined;
  const people = channel.kind === "direct"
    ? [partner].flatMap((user) => user ?? [])
    : channelPeople(state, channel.id).filter((user) => user.id !== myID(state));
  const isOpen = query !== undefined && query.from !== dismissedAt && !isLeft;
  const choices = isOpen ? mentionChoices(people, query.words) : [];
  const active = Math.min(chosen, choices.length - 1);

  const write = (next: string, at: number) => {
    setCaret(at);
    setTarget(undefined);
    setChosen(0);
    setLeft(false);
    const now = mentionQueryAt(next, at);
    if (now) dispatch({ type: "mentioningStarted" });
    if (now?.from !== dismissedAt) setDismissedAt(undefined);
    onText(next);
  };
  const take = (choice: MentionChoice | undefined) => {
    if (!query || !choice) return;
    const result = withMention(text, query, choice.name);
    setCaret(result.caret);
    setTarget(result.caret);
    onText(result.text);
  };
  const handleKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (choices.length === 0 || event.nativeEvent.isComposing) return onKeyDown?.(event);
    const step = { ArrowDown: 1, ArrowUp: choices.length - 1 }[event.key];
    if (step !== undefined) setChosen((active + step) % choices.length);
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") take(choices[active]);
    else if (event.key === "Escape") setDismissedAt(query?.from);
    else return onKeyDown?.(event);
    event.preventDefault();
    event.stopPropagation();
  };
  const list = choices.length === 0 ? {} : {
    role: "combobox" as const, "aria-expanded": true, "aria-autocomplete": "list" as const, "aria-haspopup": "listbox" as const,
    "aria-controls": listID, "aria-activedescendant": `${listID}-${active}`,
  };
  return (
    <>
      <TextBox
        {...box} text={text} list={list} caret={target} onText={write} onKeyDown={handleKey}
        onCaret={(at) => { setCaret(at); if (at !== target) setTarget(undefined); }} onBlur={() => setLeft(true)}
      />
      {choices.length > 0 && (
        <ul className="mention-list" id={listID} role="listbox" aria-label="People to mention" data-testid="mention-list">
          {choices.map((choice, index) => (
            <li
              key={choice.name} id={`${listID}-${index}`} role="option" aria-selected={index === active}
              // Before the box loses the focus.
              onMouseDown={(event) => { event.preventDefault(); take(choice); }} onMouseMove={() => setChosen(index)}
            >
              {choice.user ? <PersonAvatar user={choice.user} size="small" /> : <Icon name="people" />}
              <strong>{choice.title}</strong>
              <span>@{choice.name}</span>
            </li>
          ))}
        </ul>
      )}
      <p className="visually-hidden" role="status">
        {choices.length > 0 && `${choices.length} ${choices.length === 1 ? "suggestion" : "suggestions"}`}
      </p>
    </>
  );
}
