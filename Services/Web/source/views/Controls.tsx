import { useId } from "react";
import type { InputHTMLAttributes, ReactNode } from "react";
import type { RequestFailure } from "../shell/http";
import { Icon } from "./icons";
import type { IconName } from "./icons";

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  label: string;
  /** The name the server uses for it: a problem with this `field` is shown here. */
  name: string;
  testID?: string;
  hint?: string;
  failure?: RequestFailure;
  onText: (text: string) => void;
}

/** A labelled line of text with its hint and its problem. */
export function Field({ label, name, testID, hint, failure, onText, ...input }: FieldProps) {
  const id = useId();
  const problem = isAbout(failure, name) ? failure?.message : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input} id={id} name={name} data-testid={testID} aria-invalid={problem !== undefined}
        aria-describedby={`${id}-note`} onChange={(event) => onText(event.currentTarget.value)}
      />
      <p id={`${id}-note`} className={problem ? "field-problem" : "field-hint"} role={problem ? "alert" : undefined}>
        {problem ?? hint}
      </p>
    </div>
  );
}

/** What went wrong, unless it is shown beside one of these fields. */
export function Problem({ failure, fields = [] }: { failure: RequestFailure | undefined; fields?: string[] }) {
  if (!failure || fields.some((field) => isAbout(failure, field))) return null;
  const { title, detail } = failure.problem ?? {};
  return <p className="problem" role="alert">{title && detail ? `${title}. ${detail}` : failure.message}</p>;
}

/** Which field a problem is about: the one it names, or the one its code means. */
function isAbout(failure: RequestFailure | undefined, field: string): boolean {
  const { problem } = failure ?? {};
  if (!problem) return false;
  const meant = { email_taken: "email", username_taken: "username", name_taken: "name" } as Record<string, string>;
  return (problem.field ?? meant[problem.code]) === field;
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  testID?: string;
  isPressed?: boolean;
  isDanger?: boolean;
}

export function IconButton({ icon, label, onClick, testID, isPressed, isDanger }: IconButtonProps) {
  return (
    <button
      type="button" className={isDanger ? "icon-button danger" : "icon-button"} aria-label={label} title={label}
      aria-pressed={isPressed} data-testid={testID} onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

interface ToggleProps {
  icon: IconName;
  iconOff: IconName;
  label: string;
  isOn: boolean;
  /** Whether the button is pressed when the thing is off, as "Mute" is. */
  isInverse?: boolean;
  testID?: string;
  /** Why it cannot be turned on. */
  held?: string;
  onClick: () => void;
}

/** A round button of a call. Its name stays; whether it is pressed says how things are. */
export function Toggle({ icon, iconOff, label, isOn, isInverse = false, testID, held, onClick }: ToggleProps) {
  return (
    <button
      type="button" className={isOn ? "toggle" : "toggle off"} aria-label={label} title={held ?? label}
      aria-pressed={isOn !== isInverse} aria-disabled={held !== undefined} data-testid={testID}
      onClick={() => { if (held === undefined) onClick(); }}
    >
      <Icon name={isOn ? icon : iconOff} />
      {held !== undefined && <span className="toggle-lock"><Icon name="lock" /></span>}
    </button>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <span className="empty-icon"><Icon name={icon} /></span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
