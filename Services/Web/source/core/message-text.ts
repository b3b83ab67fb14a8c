import { limits } from "./contracts";

/** Why a text cannot be sent, for a person; `undefined` if it can. Nothing but space is no message and no problem. */
export function lengthProblem(text: string): string | undefined {
  // Counting is only worth it near a limit: a UTF-16 unit is at least a third of its bytes and half of its scalar.
  if (text.length <= limits.messageScalarCount.max && text.length * 3 <= limits.messageByteCount) return undefined;
  const scalars = [...text].length;
  const over = scalars - limits.messageScalarCount.max;
  if (over > 0) return `${over} ${over === 1 ? "character" : "characters"} too long`;
  const bytes = new TextEncoder().encode(text).length;
  return bytes > limits.messageByteCount ? "This text takes more space than a message may" : undefined;
}
