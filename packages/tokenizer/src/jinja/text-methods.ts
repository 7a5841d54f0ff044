import type { Budget } from './budget';
import { formatBraces } from './format';
import { Arguments } from './inputs';
import { type CallInputs, fault, iterate, textLength, Tuple, typeName } from './values';

/** Python's idea of white space. */
// eslint-disable-next-line no-control-regex -- four of them are white space there
const space = /[\s\u001c-\u001f\u0085]/u;
const isSpace = (character: string): boolean => character !== '\ufeff' && space.test(character);
const cased = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u;

type Method = (self: string, inputs: CallInputs, budget: Budget) => unknown;

/** Takes characters off the ends: white space, or those of a set. */
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

const stripMethod =
  (left: boolean, right: boolean): Method =>
  (self, inputs) => {
    const chars = new Arguments('strip', inputs, ['chars']).get('chars', null);
    if (chars !== null && typeof chars !== 'string')
      throw fault(`strip arg must be None or str, not ${typeName(chars)}`);
    return strip(self, chars, left, right);
  };

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

function splitAtSpaces(self: string, most: number): string[] {
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

const split =
  (fromRight: boolean): Method =>
  (self, inputs, budget) => {
    const given = new Arguments('split', inputs, ['sep', 'maxsplit']);
    const separator = given.get('sep', null);
    const most = given.whole('maxsplit', -1);
    budget.step(1 + Math.floor(self.length / 20));
    const limit = most < 0 ? Infinity : most;
    if (separator === null) {
      if (!fromRight) return splitAtSpaces(self, limit);
      const mirrored = splitAtSpaces(Array.from(self).reverse().join(''), limit);
      return mirrored.map((word) => Array.from(word).reverse().join('')).reverse();
    }
    if (typeof separator !== 'string') throw fault(`must be str or None, not ${typeName(separator)}`);
    if (separator === '') throw fault('empty separator');
    const parts = self.split(separator);
    if (parts.length - 1 <= limit) return parts;
    return fromRight
      ? [parts.slice(0, parts.length - limit).join(separator), ...parts.slice(parts.length - limit)]
      : [...parts.slice(0, limit), parts.slice(limit).join(separator)];
  };

function splitLines(self: string, keep: boolean): string[] {
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

/** The part of a text between two places, in characters, as units. */
function window(self: string, given: Arguments): { text: string; offset: number } {
  if (!given.has('start') && !given.has('end')) return { text: self, offset: 0 };
  const characters = Array.from(self);
  const bound = (name: string, otherwise: number): number => {
    const value = given.get(name, null) === null ? otherwise : given.whole(name);
    return Math.max(0, Math.min(characters.length, value < 0 ? value + characters.length : value));
  };
  const start = bound('start', 0);
  return { text: characters.slice(start, bound('end', characters.length)).join(''), offset: start };
}

const starts =
  (atEnd: boolean): Method =>
  (self, inputs) => {
    const given = new Arguments(atEnd ? 'endswith' : 'startswith', inputs, ['prefix', 'start', 'end']);
    const { text } = window(self, given);
    const prefix = given.get('prefix');
    const all = prefix instanceof Tuple ? prefix.items : [prefix];
    return all.some((one) => {
      if (typeof one !== 'string')
        throw fault(
          `${atEnd ? 'endswith' : 'startswith'} first arg must be str or a tuple of str, not ${typeName(one)}`,
        );
      return atEnd ? text.endsWith(one) : text.startsWith(one);
    });
  };

const find =
  (last: boolean, strict: boolean): Method =>
  (self, inputs) => {
    const given = new Arguments('find', inputs, ['sub', 'start', 'end']);
    const { text, offset } = window(self, given);
    const place = last ? text.lastIndexOf(given.text('sub')) : text.indexOf(given.text('sub'));
    if (place < 0 && strict) throw fault('substring not found');
    return place < 0 ? -1 : offset + textLength(text.slice(0, place));
  };

const partition =
  (last: boolean): Method =>
  (self, inputs) => {
    const separator = new Arguments('partition', inputs, ['sep']).text('sep');
    if (separator === '') throw fault('empty separator');
    const place = last ? self.lastIndexOf(separator) : self.indexOf(separator);
    if (place < 0) return new Tuple(last ? ['', '', self] : [self, '', '']);
    return new Tuple([self.slice(0, place), separator, self.slice(place + separator.length)]);
  };

const pad =
  (place: 'left' | 'right' | 'both'): Method =>
  (self, inputs, budget) => {
    const given = new Arguments('just', inputs, ['width', 'fillchar']);
    return padded(self, given.whole('width'), given.text('fillchar', ' '), place, budget);
  };

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

/** True where all characters are such, and there are some. */
const all =
  (expression: RegExp): Method =>
  (self) =>
    self !== '' && Array.from(self).every((character) => expression.test(character));

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

/** JavaScript and Python both look at the end of a word for Σ. */
function lowered(self: string): string {
  return self.toLowerCase();
}

function count(self: string, part: string): number {
  if (part === '') return textLength(self) + 1;
  let found = 0;
  for (let place = self.indexOf(part); place >= 0; place = self.indexOf(part, place + part.length)) found += 1;
  return found;
}

const plain =
  (change: (self: string) => unknown): Method =>
  (self, inputs, budget) => {
    if (inputs.positional.length + inputs.named.size > 0) throw fault('the method takes no arguments');
    budget.text(self.length);
    return change(self);
  };

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

/** The methods of a str. */
export const textMethods: Readonly<Record<string, Method>> = {
  capitalize: plain(capitalize),
  casefold: plain((self) => Array.from(self, (character) => character.toUpperCase().toLowerCase()).join('')),
  center: pad('both'),
  count: (self, inputs) => {
    const given = new Arguments('count', inputs, ['sub', 'start', 'end']);
    return count(window(self, given).text, given.text('sub'));
  },
  endswith: starts(true),
  expandtabs: (self, inputs, budget) => {
    const size = new Arguments('expandtabs', inputs, ['tabsize']).whole('tabsize', 8);
    budget.text(self.length + count(self, '\t') * Math.max(0, size));
    let column = 0;
    let result = '';
    for (const character of self) {
      if (character === '\t') {
        const spaces = size > 0 ? size - (column % size) : 0;
        result += ' '.repeat(spaces);
        column += spaces;
      } else {
        result += character;
        column = character === '\n' || character === '\r' ? 0 : column + 1;
      }
    }
    return result;
  },
  find: find(false, false),
  format: (self, inputs, budget) => formatBraces(self, inputs, budget),
  index: find(false, true),
  isalnum: all(/[\p{L}\p{N}]/u),
  isalpha: all(/\p{L}/u),
  isascii: (self) => !/[^\0-\x7f]/.test(self),
  isdecimal: all(/\p{Nd}/u),
  isdigit: all(/[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490]/u),
  isidentifier: (self) => /^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(self),
  islower: plain(isLower),
  isnumeric: all(/\p{N}/u),
  isprintable: (self) => Array.from(self).every((character) => character === ' ' || !/[\p{C}\p{Z}]/u.test(character)),
  isspace: (self) => self !== '' && Array.from(self).every(isSpace),
  istitle: plain((self) => cased.test(self) && title(self) === self),
  isupper: plain(isUpper),
  join: (self, inputs, budget) => {
    const items = iterate(new Arguments('join', inputs, ['iterable']).get('iterable'), budget);
    let length = 0;
    items.forEach((item, index) => {
      if (typeof item !== 'string')
        throw fault(`sequence item ${index}: expected str instance, ${typeName(item)} found`);
      length += item.length + self.length;
    });
    budget.text(length);
    return items.join(self);
  },
  ljust: pad('right'),
  lower: plain(lowered),
  lstrip: stripMethod(true, false),
  partition: partition(false),
  removeprefix: (self, inputs) => {
    const prefix = new Arguments('removeprefix', inputs, ['prefix']).text('prefix');
    return self.startsWith(prefix) ? self.slice(prefix.length) : self;
  },
  removesuffix: (self, inputs) => {
    const suffix = new Arguments('removesuffix', inputs, ['suffix']).text('suffix');
    return suffix !== '' && self.endsWith(suffix) ? self.slice(0, -suffix.length) : self;
  },
  replace: (self, inputs, budget) => {
    const given = new Arguments('replace', inputs, ['old', 'new', 'count']);
    return replace(self, given.text('old'), given.text('new'), given.whole('count', -1), budget);
  },
  rfind: find(true, false),
  rindex: find(true, true),
  rjust: pad('left'),
  rpartition: partition(true),
  rsplit: split(true),
  rstrip: stripMethod(false, true),
  split: split(false),
  splitlines: (self, inputs, budget) => {
    budget.step(1 + Math.floor(self.length / 20));
    return splitLines(self, new Arguments('splitlines', inputs, ['keepends']).get('keepends', false) === true);
  },
  startswith: starts(false),
  strip: stripMethod(true, true),
  swapcase: plain((self) =>
    Array.from(self, (character) =>
      /\p{Uppercase}/u.test(character) ? character.toLowerCase() : character.toUpperCase(),
    ).join(''),
  ),
  title: plain(title),
  upper: plain((self) => self.toUpperCase()),
  zfill: (self, inputs, budget) => {
    const width = new Arguments('zfill', inputs, ['width']).whole('width');
    const sign = /^[+-]/.exec(self)?.[0] ?? '';
    return sign + padded(self.slice(sign.length), width - sign.length, '0', 'left', budget);
  },
};
