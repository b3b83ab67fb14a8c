import type { LocalMedia } from "./localMedia";

/** Opens the microphone while a key is held, wherever in the page the focus is, unless the key writes something there. */
export class PushToTalk {
  private isHeld = false;

  constructor(private readonly media: LocalMedia, private readonly isInCall: () => boolean) {
    // Before the page's own listeners: a button under the focus must not be pressed by the key.
    addEventListener("keydown", (event) => this.pressed(event), { capture: true });
    addEventListener("keyup", (event) => this.released(event), { capture: true });
    // The key may be let go where this page does not hear of it.
    addEventListener("blur", () => this.let());
    document.addEventListener("visibilitychange", () => this.let());
  }

  private pressed(event: KeyboardEvent): void {
    const { talkMode, talkKey } = this.media.getState().choices;
    if (talkMode !== "key" || event.code !== talkKey || !this.isInCall() || isWriting(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.isHeld) return;
    this.isHeld = true;
    this.media.talk(true);
  }

  private released(event: KeyboardEvent): void {
    if (!this.isHeld || event.code !== this.media.getState().choices.talkKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.let();
  }

  private let(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.media.talk(false);
  }
}

/** Whether what has the focus takes text. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  const silent = ["button", "checkbox", "radio", "range", "submit", "reset", "file", "color"];
  return target instanceof HTMLInputElement && !silent.includes(target.type);
}

/** A key as its keyboard shows it, as far as its name tells. */
export function keyName(code: string): string {
  const known: Record<string, string> = { Backquote: "`", Space: "Space", ControlLeft: "Left Ctrl", ControlRight: "Right Ctrl" };
  return known[code] ?? code.replace(/^(Key|Digit)/, "").replace(/([a-z])([A-Z0-9])/g, "$1 $2");
}
