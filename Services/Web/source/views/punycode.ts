// What markdown-it asks of node's module of this name; the build puts this file in its place.

/** The host name as it goes on the wire; the browser's own reader of addresses knows how (UTS #46). */
export function toASCII(host: string): string {
  return new URL(`http://${host}`).hostname;
}

/** Left as it goes on the wire: letters that look alike cannot pass one host off as another. */
export function toUnicode(host: string): string {
  return host;
}
