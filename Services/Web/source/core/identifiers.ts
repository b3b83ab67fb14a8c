/**
 * A UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then the version, the variant and 74 random bits of the
 * 10 bytes of `entropy`.
 */
export function identifierOf(milliseconds: number, entropy: Uint8Array): string {
  const time = milliseconds.toString(16).padStart(12, "0");
  const bytes = [...entropy.subarray(0, 10)];
  const [first = 0, , third = 0] = bytes;
  bytes[0] = 0x70 | first & 0x0f;
  bytes[2] = 0x80 | third & 0x3f;
  const digits = time + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([from, to]) => digits.slice(from, to)).join("-");
}
