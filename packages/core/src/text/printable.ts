// C0 and C1 controls except tab and line feed, DEL, and the marks that turn the direction of text
// (Unicode TR 36, "bidirectional text spoofing").
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A text for a terminal: control characters written as `\u001b`, so that what came from a model, a token or a file can
 * set no colour, title or cursor. Line feeds and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same in one line, so that a name or value inside of a message cannot look like a line of ours. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\u000a');
}
