import { useId, useLayoutEffect, useRef } from "react";
import type { KeyboardEvent } from "react";

interface TextBoxProps {
  id?: string;
  label: string;
  placeholder?: string;
  testID: string;
  text: string;
  describedBy?: string;
  hasFocus?: boolean;
  onText: (text: string) => void;
  /** Enter without Shift; on touch keyboards Enter is a new line. */
  onEnter: () => void;
  onKeyDown?: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
}

const isTouch = matchMedia("(pointer: coarse) and (hover: none)");

/** A text area that is as high as its text, up to the bound of the style sheet. */
export function TextBox(props: TextBoxProps) {
  const { label, placeholder, testID, text, describedBy, hasFocus = false, onText, onEnter, onKeyDown } = props;
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
  const handleKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const isEnter = event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing && !isTouch.matches;
    if (isEnter) {
      event.preventDefault();
      onEnter();
    }
    onKeyDown?.(event);
  };
  return (
    <>
      <label htmlFor={id} className="visually-hidden">{label}</label>
      <textarea
        id={id} ref={element} rows={1} value={text} placeholder={placeholder} data-testid={testID} dir="auto"
        aria-describedby={describedBy} onChange={(event) => onText(event.currentTarget.value)} onKeyDown={handleKey}
      />
    </>
  );
}
