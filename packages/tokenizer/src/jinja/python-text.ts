import type { Budget } from './budget';
import { fault } from './values';
import { textLength } from './items';

/** Python's definition of whitespace. */
// eslint-disable-next-line no-control-regex -- four of them are white space there
const space = /[\s\u001c-\u001f\u0085]/u;
export const isSpace = (character: string): boolean => character !== '\ufeff' && space.test(character);
export const cased = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u;

/** Strips whitespace, or the given characters, from the ends. */
export function strip(self: string, characters: string | null, left: boolean, right: boolean): string {
  const set = characters === null ? undefined : new Set(characters);
  const takes = (character: string): boolean => (set === undefined ? isSpace(character) : set.has(character));
  let start = 0;
  let end = self.length;
  while (left && start < end) {
    const character = String.fromCodePoint(self.codePointAt(start)!);
    if (!takes(character)) break;
    start += character.length;
  }
  while (right && end > start) {
    const unit = self.charCodeAt(end - 1);
    const wide = unit >= 0xdc00 && unit <= 0xdfff && end - 2 >= start && self.codePointAt(end - 2)! > 0xffff;
    const character = self.slice(end - (wide ? 2 : 1), end);
    if (!takes(character)) break;
    end -= character.length;
  }
  return self.slice(start, end);
}

export function replace(self: string, old: string, fresh: string, count: number, budget: Budget): string {
  budget.step(1 + Math.floor(self.length / 100));
  if (count === 0) return self;
  if (old === '') {
    const characters = Array.from(self);
    const most = count < 0 ? characters.length + 1 : Math.min(count, characters.length + 1);
    budget.text(self.length + most * fresh.length);
    return (
      characters.map((character, index) => (index < most ? fresh + character : character)).join('') +
      (characters.length < most ? fresh : '')
    );
  }
  const parts: string[] = [];
  let from = 0;
  for (
    let place = self.indexOf(old);
    place >= 0 && (count < 0 || parts.length < count);
    place = self.indexOf(old, from)
  ) {
    parts.push(self.slice(from, place));
    from = place + old.length;
  }
  budget.step(parts.length);
  budget.text(self.length + parts.length * (fresh.length - old.length));
  parts.push(self.slice(from));
  return parts.join(fresh);
}

export function splitAtSpaces(self: string, most: number): string[] {
  const words: string[] = [];
  let place = 0;
  for (;;) {
    while (place < self.length && isSpace(self[place]!)) place += 1;
    if (place >= self.length) return words;
    if (words.length === most) {
      words.push(strip(self.slice(place), null, false, true));
      return words;
    }
    const start = place;
    while (place < self.length && !isSpace(self[place]!)) place += 1;
    words.push(self.slice(start, place));
  }
}

export function splitLines(self: string, keep: boolean): string[] {
  const lines: string[] = [];
  // eslint-disable-next-line no-control-regex -- they end lines in Python
  const end = /\r\n|[\n\r\v\f\u001c-\u001e\u0085\u2028\u2029]/g;
  let from = 0;
  for (const match of self.matchAll(end)) {
    lines.push(self.slice(from, keep ? match.index + match[0].length : match.index));
    from = match.index + match[0].length;
  }
  if (from < self.length) lines.push(self.slice(from));
  return lines;
}

export function padded(
  self: string,
  width: number,
  fill: string,
  place: 'left' | 'right' | 'both',
  budget: Budget,
): string {
  if (textLength(fill) !== 1) throw fault('The fill character must be exactly one character long');
  const missing = Math.max(0, width - textLength(self));
  budget.text(self.length + missing * fill.length);
  const left = place === 'left' ? missing : place === 'right' ? 0 : Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(left) + self + fill.repeat(missing - left);
}

export function title(self: string): string {
  let result = '';
  let afterCased = false;
  for (const character of self) {
    result += afterCased ? character.toLowerCase() : titleCase(character);
    afterCased = cased.test(character);
  }
  return result;
}

function titleCase(character: string): string {
  const upper = character.toUpperCase();
  // ß becomes Ss, ǆ becomes ǅ.
  if (/[\u01c4-\u01cc\u01f1-\u01f3]/.test(character))
    return { Ǆ: 'ǅ', ǅ: 'ǅ', ǆ: 'ǅ', Ǉ: 'ǈ', ǈ: 'ǈ', ǉ: 'ǈ', Ǌ: 'ǋ', ǋ: 'ǋ', ǌ: 'ǋ', Ǳ: 'ǲ', ǲ: 'ǲ', ǳ: 'ǲ' }[
      character
    ]!;
  const [first, ...rest] = Array.from(upper);
  return first === undefined ? '' : first + rest.join('').toLowerCase();
}

export function capitalize(self: string): string {
  const [first, ...rest] = Array.from(self);
  return first === undefined ? '' : titleCase(first) + lowered(first + rest.join('')).slice(lowered(first).length);
}

/** JavaScript and Python treat a final Σ alike. */
export function lowered(self: string): string {
  return self.toLowerCase();
}

export function count(self: string, part: string): number {
  if (part === '') return textLength(self) + 1;
  let found = 0;
  for (let place = self.indexOf(part); place >= 0; place = self.indexOf(part, place + part.length)) found += 1;
  return found;
}

const isCased = (self: string, wanted: 'upper' | 'lower'): boolean => {
  let some = false;
  for (const character of self) {
    if (wanted === 'upper' ? /[\p{Lowercase}\p{Lt}]/u.test(character) : /[\p{Uppercase}\p{Lt}]/u.test(character))
      return false;
    if (wanted === 'upper' ? /\p{Uppercase}/u.test(character) : /\p{Lowercase}/u.test(character)) some = true;
  }
  return some;
};
export const isUpper = (self: string): boolean => isCased(self, 'upper');
export const isLower = (self: string): boolean => isCased(self, 'lower');
