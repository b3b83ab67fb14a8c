import { useId, useLayoutEffect, useRef } from "react";
import type { AriaAttributes, KeyboardEvent, SyntheticEvent } from "react";

interface TextBoxProps {
  id?: string;
  label: string;
  placeholder?: string;
  testID: string;
  text: string;
  describedBy?: string;
  hasFocus?: boolean;
  /** What a list beside it adds: its role, and where in the list one is. */
  list?: AriaAttributes & { role?: "combobox" };
  /** Where the caret goes after the next change of the text that is not the person's own. */
  caret?: number;
  onText: (text: string, caret: number) => void;
  onCaret?: (caret: number) => void;
  /** Enter without Shift; on touch keyboards Enter is a new line. */
  onEnter: () => void;
  /** Comes first: what it prevents is not done here. */
  onKeyDown?: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
  onBlur?: () => void;
}

const isTouch = matchMedia("(pointer: coarse) and (hover: none)");

/** A text area that is as high as its text, up to the bound of the style sheet. */
export function TextBox(props: TextBoxProps) {
  const { label, placeholder, testID, text, describedBy, hasFocus = false, list, caret, onText, onEnter } = props;
  const fallbackID = useId();
  const id = props.id ?? fallbackID;
  const element = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (!element.current) return;
    element.current.style.height = "auto";
    element.current.style.height = `${element.current.scrollHeight}px`;
  }, [text]);
  useLayoutEffect(() => {
    if (!hasFocus) return;
    element.current?.focus();
    element.current?.setSelectionRange(text.length, text.length);
  }, []);
  useLayoutEffect(() => {
    if (caret === undefined) return;
    element.current?.focus();
    element.current?.setSelectionRange(caret, caret);
  }, [caret]);
  const handleKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    props.onKeyDown?.(event);
    if (event.defaultPrevented) return;
    const isEnter = event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing && !isTouch.matches;
    if (!isEnter) return;
    event.preventDefault();
    onEnter();
  };
  const tellCaret = (event: SyntheticEvent<HTMLTextAreaElement>) => props.onCaret?.(event.currentTarget.selectionStart);
  return (
    <>
      <label htmlFor={id} className="visually-hidden">{label}</label>
      <textarea
        {...list} id={id} ref={element} rows={1} value={text} placeholder={placeholder} data-testid={testID} dir="auto"
        aria-describedby={describedBy} onChange={(event) => onText(event.currentTarget.value, event.currentTarget.selectionStart)}
        onSelect={tellCaret} onKeyDown={handleKey} onBlur={props.onBlur}
      />
    </>
  );
}
