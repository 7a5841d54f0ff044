import { attributeGetter, Group } from './access';
import { Budget } from './budget';
import { type Filter, lazily, ignoringCase } from './filter';
import { Arguments } from './inputs';
import { binary } from './operators';
import { dictKey, fault, Lazy, truthy, Tuple, Undefined } from './values';
import { iterate, lengthOf } from './items';
import { compare, equal } from './comparisons';
import { text } from './value-texts';

const length: Filter = (value, inputs, { budget }) => {
  new Arguments('length', inputs, []);
  return lengthOf(value, budget);
};

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
  // Python's reverse sort is stable.
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
    if (name !== undefined && typeof name !== 'string') throw fault('the name of a test must be a string');
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

const join: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('join', inputs, ['d', 'attribute']);
  const getter = attributeGetter(given.get('attribute', null), budget);
  const separator = text(given.get('d', ''), budget);
  const parts = iterate(value, budget).map((item) => text(getter(item), budget));
  budget.text(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
};

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

/** Filters for sequences and mappings. */
export const sequenceFilters: Readonly<Record<string, Filter>> = {
  batch,
  count: length,
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
  groupby: groupBy,
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
  map: mapping,
  max: extreme(1),
  min: extreme(-1),
  reject: selecting(false, false),
  rejectattr: selecting(false, true),
  reverse: (value, inputs, { budget }) => {
    new Arguments('reverse', inputs, []);
    const items = [...iterate(value, budget)].reverse();
    if (typeof value === 'string') return items.join('');
    return value instanceof Lazy || value instanceof Undefined ? items : lazily(items);
  },
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
  sum: (value, inputs, context) => {
    const given = new Arguments('sum', inputs, ['attribute', 'start']);
    const getter = attributeGetter(given.get('attribute', null), context.budget);
    return iterate(value, context.budget).reduce(
      (sum, item) => binary('+', sum, getter(item), context.budget),
      given.get('start', 0),
    );
  },
  unique,
};
