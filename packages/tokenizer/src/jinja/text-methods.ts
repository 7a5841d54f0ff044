import type { Budget } from './budget';
import { formatBraces } from './format';
import { Arguments } from './inputs';
import { type CallInputs, fault, Tuple, typeName } from './values';
import { iterate, textLength } from './items';
import {
  isSpace,
  cased,
  strip,
  replace,
  splitAtSpaces,
  splitLines,
  padded,
  title,
  capitalize,
  lowered,
  count,
  isUpper,
  isLower,
} from './python-text';

type Method = (self: string, inputs: CallInputs, budget: Budget) => unknown;

const stripMethod =
  (left: boolean, right: boolean): Method =>
  (self, inputs) => {
    const chars = new Arguments('strip', inputs, ['chars']).get('chars', null);
    if (chars !== null && typeof chars !== 'string')
      throw fault(`strip arg must be None or str, not ${typeName(chars)}`);
    return strip(self, chars, left, right);
  };

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

/** The slice of a string between two code point positions, with its offset in UTF-16 units. */
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

/** True if the string is not empty and all characters satisfy the predicate. */
const all =
  (expression: RegExp): Method =>
  (self) =>
    self !== '' && Array.from(self).every((character) => expression.test(character));

const plain =
  (change: (self: string) => unknown): Method =>
  (self, inputs, budget) => {
    if (inputs.positional.length + inputs.named.size > 0) throw fault('the method takes no arguments');
    budget.text(self.length);
    return change(self);
  };

/** Methods of `str`. */
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
