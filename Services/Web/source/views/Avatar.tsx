import type { PresenceState, PresenceStatus, User } from "../core/contracts";
import { presenceOf, presenceWords } from "../core/presence";
import { useAppState } from "./context";

type Size = "small" | "medium" | "large";

interface AvatarProps {
  user: User | undefined;
  size?: Size;
  /** How reachable they are, as a mark at the foot; none if it is not known or does not matter. */
  presence?: PresenceState;
}

/** A person's egg: initials on one of eight warm colours that stays theirs. */
export function Avatar({ user, size = "medium", presence }: AvatarProps) {
  return (
    <span className={`avatar avatar-${size} tint-${tintOf(user?.id ?? "")}`} aria-hidden="true">
      {initialsOf(user?.displayName ?? "")}
      {presence && <span className={`presence presence-${presence}`} data-presence={presence} title={presenceWords[presence]} />}
    </span>
  );
}

/** The egg of a person whose presence is watched. */
export function PersonAvatar({ user, size }: { user: User | undefined; size?: Size }) {
  const state = useAppState();
  return <Avatar user={user} size={size} presence={presenceOf(state, user?.id)?.state} />;
}

/** What a person says of themselves, as its emoji; the words are in its title and for screen readers. */
export function StatusMark({ status }: { status: PresenceStatus | undefined }) {
  if (!status) return null;
  return (
    <span className="status-mark" title={status.text} data-testid="status">
      <span aria-hidden="true">{status.emoji ?? "💬"}</span>
      <span className="visually-hidden">{status.text}</span>
    </span>
  );
}

export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...(word ?? "")][0]?.toLocaleUpperCase() ?? "").join("") || "?";
}

export function tintOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) % 65_521;
  return sum % 8;
}
