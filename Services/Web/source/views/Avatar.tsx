import type { User } from "../core/contracts";

/** A person's egg: initials on one of eight warm colours that stays theirs. */
export function Avatar({ user, size = "medium" }: { user: User | undefined; size?: "small" | "medium" | "large" }) {
  return (
    <span className={`avatar avatar-${size} tint-${tintOf(user?.id ?? "")}`} aria-hidden="true">
      {initialsOf(user?.displayName ?? "")}
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
