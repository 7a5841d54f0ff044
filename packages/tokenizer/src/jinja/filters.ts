import { attributeGetter, attribute as attributeOf, Group } from './access';
import type { Budget } from './budget';
import { formatPercent } from './format';
import { Arguments } from './inputs';
import { binary } from './operators';
import { capitalize, padded, replace, strip, textMethods } from './text-methods';
import { toJson } from './to-json';
import {
  type CallInputs,
  compare,
  dictKey,
  equal,
  fault,
  Float,
  iterate,
  Lazy,
  lengthOf,
  numeric,
  text,
  textLength,
  truthy,
  Tuple,
  typeName,
  Undefined,
  undefinedFault,
} from './values';

/** What filters ask of the interpreter. */
export interface FilterContext {
  budget: Budget;
  filter(name: string, value: unknown, inputs: CallInputs): unknown;
  test(name: string, value: unknown, inputs: readonly unknown[]): boolean;
}

type Filter = (value: unknown, inputs: CallInputs, context: FilterContext) => unknown;

const noInputs: CallInputs = { positional: [], named: new Map() };

/** A filter of a text: values that are none become one. */
const ofText =
  (change: (value: string, budget: Budget) => unknown): Filter =>
  (value, inputs, { budget }) => {
    new Arguments('the filter', inputs, []);
    const self = text(value, budget);
    budget.text(self.length);
    return change(self, budget);
  };

function lazily(items: Iterable<unknown>): Lazy {
  return new Lazy(items[Symbol.iterator]());
}

const ignoringCase = (sensitive: boolean, value: unknown): unknown =>
  sensitive || typeof value !== 'string' ? value : value.toLowerCase();

const length: Filter = (value, inputs, { budget }) => {
  new Arguments('length', inputs, []);
  return lengthOf(value, budget);
};

const byDefault: Filter = (value, inputs) => {
  const given = new Arguments('default', inputs, ['default_value', 'boolean']);
  return value instanceof Undefined || (truthy(given.get('boolean', false)) && !truthy(value))
    ? given.get('default_value', '')
    : value;
};

const escapeHtml = ofText((value, budget) => {
  budget.text(4 * value.length);
  return value.replace(
    /[&<>'"]/g,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' })[character]!,
  );
});

const extreme =
  (sign: 1 | -1): Filter =>
  (value, inputs, { budget }) => {
    const given = new Arguments(sign > 0 ? 'max' : 'min', inputs, ['case_sensitive', 'attribute']);
    const getter = attributeGetter(given.get('attribute', null), budget);
    const key = (item: unknown): unknown => ignoringCase(truthy(given.get('case_sensitive', false)), getter(item));
    const items = iterate(value, budget);
    if (items.length === 0) return new Undefined('No aggregated item, sequence was empty.');
    return items.reduce((best, item) =>
      sign * compare(key(item), key(best), budget, sign > 0 ? '>' : '<') > 0 ? item : best,
    );
  };

function sorted(
  items: readonly unknown[],
  key: (item: unknown) => unknown,
  reverse: boolean,
  budget: Budget,
): unknown[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  // Python's reverse keeps the order of equals.
  keyed.sort((first, second) => (reverse ? -1 : 1) * (compareKeys(first.key, second.key, budget) || 0));
  return keyed.map(({ item }) => item);
}

function compareKeys(first: unknown, second: unknown, budget: Budget): number {
  return equal(first, second, budget) ? 0 : compare(first, second, budget, '<');
}

/** `select`, `reject`, `selectattr`, `rejectattr` */
const selecting =
  (keeps: boolean, byAttribute: boolean): Filter =>
  (value, inputs, context) => {
    const positional = [...inputs.positional];
    if (byAttribute && positional.length === 0) throw fault('missing parameter for attribute name');
    const getter = byAttribute ? attributeGetter(positional.shift(), context.budget) : (item: unknown): unknown => item;
    const [name, ...rest] = positional;
    if (name !== undefined && typeof name !== 'string') throw fault('the name of a test is a text');
    const items = value instanceof Lazy ? value : iterate(value, context.budget);
    return lazily(
      (function* () {
        for (const item of items instanceof Lazy ? iterate(items, context.budget) : items) {
          context.budget.step();
          const found = getter(item);
          if ((name === undefined ? truthy(found) : context.test(name, found, rest)) === keeps) yield item;
        }
      })(),
    );
  };

const mapping: Filter = (value, inputs, context) => {
  const { budget } = context;
  let change: (item: unknown) => unknown;
  if (inputs.positional.length === 0 && inputs.named.has('attribute')) {
    for (const name of inputs.named.keys())
      if (name !== 'attribute' && name !== 'default') throw fault(`Unexpected keyword argument '${name}'`);
    change = attributeGetter(inputs.named.get('attribute'), budget, inputs.named.get('default'));
  } else {
    const [name, ...positional] = inputs.positional;
    if (typeof name !== 'string') throw fault('map requires a filter argument');
    change = (item) => context.filter(name, item, { positional, named: inputs.named });
  }
  const items = value instanceof Lazy ? value : iterate(value, budget);
  return lazily(
    (function* () {
      for (const item of items instanceof Lazy ? iterate(items, budget) : items) {
        budget.step();
        yield change(item);
      }
    })(),
  );
};

const toWhole: Filter = (value, inputs) => {
  const given = new Arguments('int', inputs, ['default', 'base']);
  const base = given.whole('base', 10);
  if (value instanceof Undefined) throw undefinedFault(value);
  let number = numeric(value);
  if (typeof value === 'string') {
    const plain = strip(value, null, true, true).replace(/(?<=[\da-zA-Z])_(?=[\da-zA-Z])/g, '');
    const sign = plain.startsWith('-') ? -1 : 1;
    const digits = plain
      .replace(/^[+-]/, '')
      .replace(base === 16 ? /^0[xX]/ : base === 8 ? /^0[oO]/ : base === 2 ? /^0[bB]/ : /^$/, '');
    const allowed = '0123456789abcdefghijklmnopqrstuvwxyz'.slice(0, base);
    if (digits !== '' && Array.from(digits.toLowerCase()).every((digit) => allowed.includes(digit)))
      number = sign * parseInt(digits, base);
    else number = parseFloatText(plain);
  }
  if (number === undefined || !Number.isFinite(number)) return given.get('default', 0);
  const cut = Math.trunc(number);
  if (!Number.isSafeInteger(cut)) throw fault('a number becomes larger than 2^53');
  return cut === 0 ? 0 : cut;
};

function parseFloatText(value: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return Number(value);
  if (/^[+-]?(?:inf|infinity)$/i.test(value)) return value.startsWith('-') ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(value) ? NaN : undefined;
}

const toFloat: Filter = (value, inputs) => {
  const given = new Arguments('float', inputs, ['default']);
  if (value instanceof Undefined) throw undefinedFault(value);
  const number =
    typeof value === 'string'
      ? parseFloatText(strip(value, null, true, true).replace(/(?<=\d)_(?=\d)/g, ''))
      : numeric(value);
  return number === undefined ? given.get('default', new Float(0)) : new Float(number);
};

const round: Filter = (value, inputs) => {
  const given = new Arguments('round', inputs, ['precision', 'method']);
  const precision = given.whole('precision', 0);
  const kind = given.text('method', 'common');
  if (value instanceof Undefined) throw undefinedFault(value);
  const number = numeric(value);
  if (number === undefined) throw fault(`type ${typeName(value)} doesn't define __round__ method`);
  if (kind === 'ceil' || kind === 'floor') {
    const scale = 10 ** precision;
    return new Float(Math[kind](number * scale) / scale);
  }
  if (kind !== 'common') throw fault('method must be common, ceil or floor');
  const rounded =
    precision >= 0
      ? roundHalfEven(number, Math.min(precision, 100))
      : Math.round(number / 10 ** -precision) * 10 ** -precision;
  return value instanceof Float ? new Float(rounded) : rounded;
};

/** By the number's exact decimals, halves to the even digit, as Python rounds. */
function roundHalfEven(value: number, precision: number): number {
  if (!Number.isFinite(value)) return value;
  const exact = Math.abs(value).toFixed(Math.min(100, precision + 60));
  const point = exact.indexOf('.');
  const cut = point + (precision === 0 ? 0 : precision + 1);
  const rest = exact.slice(cut).replace('.', '');
  const kept = exact.slice(0, cut);
  const half = /^50*$/.test(rest);
  const digits = kept.replace('.', '');
  const odd = Number(digits.at(-1) ?? '0') % 2 === 1;
  if (rest === '' || rest[0]! < '5' || (half && !odd)) return Math.sign(value) * Number(kept);
  const raised = (BigInt(digits) + 1n).toString().padStart(digits.length, '0');
  return (
    Math.sign(value) * Number(precision === 0 ? raised : `${raised.slice(0, -precision)}.${raised.slice(-precision)}`)
  );
}

const join: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('join', inputs, ['d', 'attribute']);
  const getter = attributeGetter(given.get('attribute', null), budget);
  const separator = text(given.get('d', ''), budget);
  const parts = iterate(value, budget).map((item) => text(getter(item), budget));
  budget.text(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
};

const indent: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('indent', inputs, ['width', 'first', 'blank']);
  const width = given.get('width', 4);
  const space = typeof width === 'string' ? width : padded('', given.whole('width', 4), ' ', 'right', budget);
  const self = text(value, budget);
  const lines = textMethods['splitlines']!(`${self}\n`, noInputs, budget) as string[];
  budget.text(self.length + lines.length * (space.length + 1));
  const blank = truthy(given.get('blank', false));
  const result = lines.map((line, index) => (index > 0 && (blank || line !== '') ? space + line : line)).join('\n');
  return truthy(given.get('first', false)) ? space + result : result;
};

const title = ofText((value) =>
  value
    .split(/([-\s({[<]+)/)
    .map((part) => {
      const [first = '', ...rest] = Array.from(part);
      return first.toUpperCase() + rest.join('').toLowerCase();
    })
    .join(''),
);

const groupBy: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('groupby', inputs, ['attribute', 'default', 'case_sensitive']);
  const getter = attributeGetter(given.get('attribute'), budget, given.get('default', null));
  const key = (item: unknown): unknown => ignoringCase(truthy(given.get('case_sensitive', false)), getter(item));
  const groups: { key: unknown; items: unknown[] }[] = [];
  for (const item of sorted(iterate(value, budget), key, false, budget)) {
    const itemKey = key(item);
    const group = groups.at(-1);
    if (group !== undefined && equal(group.key, itemKey, budget)) group.items.push(item);
    else groups.push({ key: itemKey, items: [item] });
  }
  return groups.map(({ items }) => new Group([getter(items[0]), items]));
};

const sliceFilter: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('slice', inputs, ['slices', 'fill_with']);
  const items = iterate(value, budget);
  const slices = given.whole('slices');
  if (slices < 1) throw fault('slice needs at least one slice');
  budget.step(slices);
  const each = Math.floor(items.length / slices);
  const more = items.length % slices;
  let offset = 0;
  return lazily(
    Array.from({ length: slices }, (_, index) => {
      const start = offset + index * each;
      if (index < more) offset += 1;
      const part = items.slice(start, offset + (index + 1) * each);
      if (given.get('fill_with', null) !== null && index >= more) part.push(given.get('fill_with'));
      return part;
    }),
  );
};

const batch: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('batch', inputs, ['linecount', 'fill_with']);
  const size = given.whole('linecount');
  if (size < 1) throw fault('batch needs at least one item a row');
  const items = iterate(value, budget);
  const rows: unknown[][] = [];
  for (let start = 0; start < items.length; start += size) rows.push(items.slice(start, start + size));
  const fill = given.get('fill_with', null);
  const last = rows.at(-1);
  if (fill !== null && last !== undefined) {
    budget.step(size);
    while (last.length < size) last.push(fill);
  }
  return lazily(rows);
};

const truncate: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('truncate', inputs, ['length', 'killwords', 'end', 'leeway']);
  const most = given.whole('length', 255);
  const end = given.text('end', '...');
  const leeway = given.get('leeway', null) === null ? 5 : given.whole('leeway');
  // What is short enough stays what it is.
  if (typeof value !== 'string' && lengthOf(value, budget) <= most + leeway) return value;
  const self = text(value, budget);
  budget.text(self.length);
  const characters = Array.from(self);
  if (most < textLength(end) || leeway < 0) throw fault('truncate: the length or the leeway is too small');
  if (characters.length <= most + leeway) return self;
  const cut = characters.slice(0, most - textLength(end)).join('');
  if (truthy(given.get('killwords', false))) return cut + end;
  const space = cut.lastIndexOf(' ');
  return (space < 0 ? cut : cut.slice(0, space)) + end;
};

const unique: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('unique', inputs, ['case_sensitive', 'attribute']);
  const getter = attributeGetter(given.get('attribute', null), budget);
  const seen = new Set<unknown>();
  return lazily(
    iterate(value, budget).filter((item) => {
      const found = ignoringCase(truthy(given.get('case_sensitive', false)), getter(item));
      const key =
        found instanceof Tuple
          ? JSON.stringify(found.items)
          : found instanceof Undefined
            ? seen
            : typeof found === 'boolean'
              ? Number(found)
              : dictKey(found);
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    }),
  );
};

const quote = (value: string): string =>
  encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Jinja's filters. Those that print addresses, draw lots or make web pages are refused by name. */
export const filters: Readonly<Record<string, Filter>> = {
  abs: (value) => {
    if (value instanceof Undefined) throw undefinedFault(value);
    const number = numeric(value);
    if (number === undefined) throw fault(`bad operand type for abs(): '${typeName(value)}'`);
    return value instanceof Float ? new Float(Math.abs(number)) : Math.abs(number);
  },
  attr: (value, inputs, { budget }) => {
    const name = new Arguments('attr', inputs, ['name']).text('name');
    if (value instanceof Undefined) throw undefinedFault(value);
    // Keys of a dict are no attributes.
    return attributeOf(value instanceof Map ? new Map() : value, name, budget);
  },
  batch,
  capitalize: ofText(capitalize),
  center: (value, inputs, { budget }) =>
    padded(text(value, budget), new Arguments('center', inputs, ['width']).whole('width', 80), ' ', 'both', budget),
  count: length,
  d: byDefault,
  default: byDefault,
  dictsort: (value, inputs, { budget }) => {
    const given = new Arguments('dictsort', inputs, ['case_sensitive', 'by', 'reverse']);
    if (!(value instanceof Map)) throw fault('dictsort takes a mapping');
    const by = given.text('by', 'key');
    if (by !== 'key' && by !== 'value') throw fault('You can only sort by either "key" or "value"');
    const pairs = Array.from(value, ([key, item]) => new Tuple([key, item]));
    return sorted(
      pairs,
      (pair) => ignoringCase(truthy(given.get('case_sensitive', false)), (pair as Tuple).items[by === 'key' ? 0 : 1]),
      truthy(given.get('reverse', false)),
      budget,
    );
  },
  e: escapeHtml,
  escape: escapeHtml,
  first: (value, inputs, { budget }) => {
    new Arguments('first', inputs, []);
    if (value instanceof Lazy) {
      const next = value.iterator.next();
      return next.done === true ? new Undefined('No first item, sequence was empty.') : (next.value as unknown);
    }
    if (typeof value === 'string' && value !== '') return String.fromCodePoint(value.codePointAt(0)!);
    const items = iterate(value, budget);
    return items.length === 0 ? new Undefined('No first item, sequence was empty.') : items[0];
  },
  float: toFloat,
  forceescape: escapeHtml,
  format: (value, inputs, { budget }) => {
    if (inputs.positional.length > 0 && inputs.named.size > 0)
      throw fault("can't handle positional and keyword arguments at the same time");
    return formatPercent(
      text(value, budget),
      inputs.named.size > 0 ? new Map(inputs.named) : new Tuple(inputs.positional),
      budget,
    );
  },
  groupby: groupBy,
  indent,
  int: toWhole,
  items: (value, inputs) => {
    new Arguments('items', inputs, []);
    if (value instanceof Undefined) return lazily([]);
    if (!(value instanceof Map)) throw fault('Can only get item pairs from a mapping.');
    return lazily(Array.from(value, ([key, item]) => new Tuple([key, item])));
  },
  join,
  last: (value, inputs, { budget }) => {
    new Arguments('last', inputs, []);
    if (value instanceof Lazy) throw fault("'generator' object is not reversible");
    const items = iterate(value, budget);
    return items.length === 0 ? new Undefined('No last item, sequence was empty.') : items.at(-1);
  },
  length,
  list: (value, inputs, { budget }) => {
    new Arguments('list', inputs, []);
    return [...iterate(value, budget)];
  },
  lower: ofText((value) => value.toLowerCase()),
  map: mapping,
  max: extreme(1),
  min: extreme(-1),
  reject: selecting(false, false),
  rejectattr: selecting(false, true),
  replace: (value, inputs, { budget }) => {
    const given = new Arguments('replace', inputs, ['old', 'new', 'count']);
    const count = given.get('count', null) === null ? -1 : given.whole('count');
    return replace(text(value, budget), text(given.get('old'), budget), text(given.get('new'), budget), count, budget);
  },
  reverse: (value, inputs, { budget }) => {
    new Arguments('reverse', inputs, []);
    const items = [...iterate(value, budget)].reverse();
    if (typeof value === 'string') return items.join('');
    return value instanceof Lazy || value instanceof Undefined ? items : lazily(items);
  },
  round,
  safe: ofText((value) => value),
  select: selecting(true, false),
  selectattr: selecting(true, true),
  slice: sliceFilter,
  sort: (value, inputs, { budget }) => {
    const given = new Arguments('sort', inputs, ['reverse', 'case_sensitive', 'attribute']);
    const sensitive = truthy(given.get('case_sensitive', false));
    const path = given.get('attribute', null);
    const getters = (typeof path === 'string' ? path.split(',') : [path]).map((one) => attributeGetter(one, budget));
    const key = (item: unknown): unknown => {
      const keys = getters.map((getter) => ignoringCase(sensitive, getter(item)));
      return path === null ? keys[0] : keys;
    };
    return sorted(iterate(value, budget), key, truthy(given.get('reverse', false)), budget);
  },
  string: ofText((value) => value),
  striptags: ofText((value) => {
    const plain = value.replace(/<!--[^]*?-->/g, '').replace(/<[^>]*>/g, '');
    const entities: Record<string, string> = {
      '&amp;': '&',
      '&lt;': '<',
      '&gt;': '>',
      '&#39;': "'",
      '&#34;': '"',
      '&quot;': '"',
    };
    return strip(plain.replace(/\s+/g, ' '), null, true, true).replace(
      /&(?:amp|lt|gt|quot|#39|#34);/g,
      (entity) => entities[entity]!,
    );
  }),
  sum: (value, inputs, context) => {
    const given = new Arguments('sum', inputs, ['attribute', 'start']);
    const getter = attributeGetter(given.get('attribute', null), context.budget);
    return iterate(value, context.budget).reduce(
      (sum, item) => binary('+', sum, getter(item), context.budget),
      given.get('start', 0),
    );
  },
  title,
  tojson: (value, inputs, { budget }) => {
    const given = new Arguments('tojson', inputs, ['ensure_ascii', 'indent', 'separators', 'sort_keys']);
    const width = given.get('indent', null);
    const given2 = given.get('separators', null);
    const pair = given2 === null ? undefined : given2 instanceof Tuple ? given2.items : (given2 as unknown[]);
    if (pair !== undefined && (pair.length !== 2 || !pair.every((part) => typeof part === 'string')))
      throw fault('tojson: separators are two texts');
    const space =
      width === null
        ? undefined
        : typeof width === 'string'
          ? width
          : padded('', Math.min(10_000, given.whole('indent')), ' ', 'right', budget);
    return toJson(
      value,
      {
        ascii: truthy(given.get('ensure_ascii', false)),
        indent: space,
        separators: pair as [string, string] | undefined,
        sortKeys: truthy(given.get('sort_keys', false)),
      },
      budget,
    );
  },
  trim: (value, inputs, { budget }) => {
    const chars = new Arguments('trim', inputs, ['chars']).get('chars', null);
    if (chars !== null && typeof chars !== 'string')
      throw fault(`strip arg must be None or str, not ${typeName(chars)}`);
    const self = text(value, budget);
    budget.text(self.length);
    return strip(self, chars, true, true);
  },
  truncate,
  unique,
  upper: ofText((value) => value.toUpperCase()),
  urlencode: (value, inputs, { budget }) => {
    new Arguments('urlencode', inputs, []);
    if (value instanceof Map || (typeof value !== 'string' && Array.isArray(value))) {
      const pairs =
        value instanceof Map
          ? [...value]
          : (value as unknown[]).map((pair) => (pair instanceof Tuple ? pair.items : (pair as unknown[])));
      return pairs.map(([key, item]) => `${quote(text(key, budget))}=${quote(text(item, budget))}`).join('&');
    }
    const self = text(value, budget);
    budget.text(3 * self.length);
    return quote(self).replaceAll('%2F', '/');
  },
  wordcount: ofText((value) => (value.match(/[\p{L}\p{N}_]+/gu) ?? []).length),
};
