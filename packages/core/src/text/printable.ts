// C0 and C1 controls except tab and line feed, DEL, and the bidirectional formatting characters
// (Unicode TR 36, "bidirectional text spoofing").
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Escapes control characters as `\u001b`, so that text from a model, token or file cannot set a terminal's colour, title
 * or cursor. Line feeds and tabs are kept.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As {@link printable}, on one line, so that a name or value in a message cannot pass for a line of its own. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\u000a');
}
