import { parseJson } from '@subtext/core';

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** A number as JSON writes them. */
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether reading a number as one of JavaScript's would change it: whole numbers from 2⁵³ on, long fractions, overflow. */
function loses(text: string): boolean {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) return !Number.isSafeInteger(value);
  if (!Number.isFinite(value)) return true;
  return (
    text
      .replace(/[eE].*$/, '')
      .replace(/[-.]/g, '')
      .replace(/^0+/, '').length > 17
  );
}

/** The text with quotes around the numbers that would lose digits. */
function quoteLongNumbers(text: string): string {
  const parts: string[] = [];
  let done = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      for (at += 1; at < text.length && text.charCodeAt(at) !== 0x22; at += 1)
        if (text.charCodeAt(at) === 0x5c) at += 1;
    } else if (code === 0x2d || isDigit(code)) {
      let end = at + 1;
      while (end < text.length && /[0-9.eE+-]/.test(text[end]!)) end += 1;
      const literal = text.slice(at, end);
      if (literal.length > 15 || /[eE]/.test(literal)) {
        if (number.test(literal) && loses(literal)) {
          parts.push(text.slice(done, at), '"', literal, '"');
          done = end;
        }
      }
      at = end - 1;
    }
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(done);
}

/**
 * Parses JSON of a data file: nesting bounded, and numbers that JavaScript would change given as the text that stands in
 * the file. An id of 19 digits stays that id.
 *
 * @throws SubtextError `invalid-json`, `json-too-deep`
 */
export function parseExactJson({ text, name }: { text: string; name: string }): unknown {
  return parseJson({ text: /\d{16}|\d[eE][+]?\d|[\d.]{17}/.test(text) ? quoteLongNumbers(text) : text, name });
}
