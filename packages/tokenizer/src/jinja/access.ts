import type { Budget } from './budget';
import { Arguments } from './inputs';
import { textMethods } from './text-methods';
import {
  Callable,
  type CallInputs,
  dictKey,
  DictView,
  fault,
  LoopState,
  Namespace,
  numeric,
  Range,
  Tuple,
  typeName,
  Undefined,
  undefinedFault,
} from './values';
import { equal } from './comparisons';

/** Mutating methods, which the sandbox of transformers forbids. */
const changing: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
};

/** A group of the filter `groupby`: a named tuple. */
export class Group extends Tuple {
  get grouper(): unknown {
    return this.items[0];
  }

  get list(): unknown {
    return this.items[1];
  }
}

/** `value.name`: a Python attribute, else a key. */
export function attribute(value: unknown, name: string, budget: Budget): unknown {
  if (value instanceof Undefined) throw undefinedFault(value);
  const own = ownAttribute(value, name, budget);
  if (own !== undefined) return own;
  if (value instanceof Map && value.has(name)) return value.get(name);
  return missing(value, name);
}

/** `value[key]`: an item, else an attribute if the key is a string. */
export function item(value: unknown, key: unknown, budget: Budget): unknown {
  if (value instanceof Undefined) throw undefinedFault(value);
  if (value instanceof Map) {
    if (!(Array.isArray(key) || key instanceof Map)) {
      const plain = typeof key === 'boolean' && !value.has(key) ? Number(key) : dictKey(key);
      if (value.has(plain)) return value.get(plain);
    }
  } else {
    const index = typeof key === 'number' || typeof key === 'boolean' ? Number(key) : undefined;
    if (index !== undefined) {
      const found = itemAt(value, index, budget);
      if (found !== undefined) return found;
    }
  }
  if (typeof key === 'string') {
    const own = ownAttribute(value, key, budget);
    if (own !== undefined) return own;
    return missing(value, key);
  }
  return new Undefined(`${typeName(value)} object has no element ${typeof key === 'number' ? key : typeName(key)}`);
}

function itemAt(value: unknown, index: number, budget: Budget): unknown {
  if (typeof value === 'string') {
    budget.step(1 + Math.floor(value.length / 100));
    const wide = /[\ud800-\udfff]/.test(value);
    const characters = wide ? Array.from(value) : value;
    const place = index < 0 ? index + characters.length : index;
    return characters[place];
  }
  if (value instanceof Range) {
    const place = index < 0 ? index + value.length : index;
    return place >= 0 && place < value.length ? value.start + place * value.step : undefined;
  }
  const items = value instanceof Tuple ? value.items : Array.isArray(value) ? (value as unknown[]) : undefined;
  return items?.[index < 0 ? index + items.length : index];
}

function missing(value: unknown, name: string): Undefined {
  const type = typeName(value);
  if (name.startsWith('__') || changing[type]?.includes(name) === true)
    return new Undefined(`access to attribute '${name}' of '${type}' object is unsafe.`);
  return new Undefined(`'${type}' object has no attribute '${name}'`);
}

function method(owner: unknown, name: string, call: (inputs: CallInputs) => unknown): Callable {
  return new Callable(name, call, owner);
}

function ownAttribute(value: unknown, name: string, budget: Budget): unknown {
  if (typeof value === 'string') {
    if (!Object.hasOwn(textMethods, name)) return undefined;
    return method(value, name, (inputs) => {
      // Methods that scan the whole string cost in proportion to its length.
      budget.step(1 + Math.floor(value.length / 100));
      return textMethods[name]!(value, inputs, budget);
    });
  }
  if (value instanceof Map) return dictMethod(value, name, budget);
  if (value instanceof Group && name === 'grouper') return value.grouper;
  if (value instanceof Group && name === 'list') return value.list;
  if (Array.isArray(value) || value instanceof Tuple)
    return listMethod(value instanceof Tuple ? value.items : (value as unknown[]), name, Array.isArray(value), budget);
  if (value instanceof Namespace) return value.values.get(name);
  if (value instanceof LoopState) return loopAttribute(value, name, budget);
  return undefined;
}

function dictMethod(dict: Map<unknown, unknown>, name: string, budget: Budget): unknown {
  switch (name) {
    case 'get':
      return method(dict, name, (inputs) => {
        const given = new Arguments('get', inputs, ['key', 'default']);
        const key = dictKey(given.get('key'));
        return dict.has(key) ? dict.get(key) : given.get('default', null);
      });
    case 'keys':
    case 'values':
    case 'items':
      return method(dict, name, (inputs) => {
        new Arguments(name, inputs, []);
        return new DictView(name, dict);
      });
    case 'copy':
      return method(dict, name, () => {
        budget.step(dict.size);
        return new Map(dict);
      });
    default:
      return undefined;
  }
}

function listMethod(items: readonly unknown[], name: string, copies: boolean, budget: Budget): unknown {
  if (name === 'index') {
    return method(items, name, (inputs) => {
      const wanted = new Arguments('index', inputs, ['value']).get('value');
      const place = items.findIndex((one) => equal(one, wanted, budget));
      if (place < 0) throw fault('the value is not in the list');
      return place;
    });
  }
  if (name === 'count')
    return method(
      items,
      name,
      (inputs) =>
        items.filter((one) => equal(one, new Arguments('count', inputs, ['value']).get('value'), budget)).length,
    );
  if (name === 'copy' && copies) {
    return method(items, name, () => {
      budget.step(items.length);
      return [...items];
    });
  }
  return undefined;
}

function loopAttribute(loop: LoopState, name: string, budget: Budget): unknown {
  const { length } = loop.items;
  switch (name) {
    case 'index':
      return loop.index0 + 1;
    case 'index0':
      return loop.index0;
    case 'revindex':
      return length - loop.index0;
    case 'revindex0':
      return length - loop.index0 - 1;
    case 'first':
      return loop.index0 === 0;
    case 'last':
      return loop.index0 === length - 1;
    case 'length':
      return length;
    case 'depth':
      return loop.depth0 + 1;
    case 'depth0':
      return loop.depth0;
    case 'previtem':
      return loop.index0 === 0 ? new Undefined('there is no previous item') : loop.items[loop.index0 - 1];
    case 'nextitem':
      return loop.index0 === length - 1 ? new Undefined('there is no next item') : loop.items[loop.index0 + 1];
    case 'cycle':
      return method(loop, name, ({ positional }) => {
        if (positional.length === 0) throw fault('no items for cycling given');
        return positional[loop.index0 % positional.length];
      });
    case 'changed':
      return method(loop, name, ({ positional }) => {
        if (loop.changed !== undefined && equal(loop.changed, positional, budget)) return false;
        loop.changed = positional;
        return true;
      });
    default:
      return undefined;
  }
}

/** Attribute path of filters such as `map`: `a.b.0`, keys first. */
export function attributeGetter(path: unknown, budget: Budget, otherwise?: unknown): (value: unknown) => unknown {
  if (path === null || path === undefined) return (value) => value;
  const parts: unknown[] =
    typeof path === 'string' ? path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part)) : [path];
  return (value) => {
    let current = value;
    for (const part of parts) {
      budget.step();
      current = item(current, part, budget);
      if (current instanceof Undefined && otherwise !== undefined && otherwise !== null) current = otherwise;
    }
    return current;
  };
}

/** Python's `range`, with the limits of the sandbox. */
export function makeRange(inputs: CallInputs): Range {
  const numbers = inputs.positional.map((value) => {
    const number = typeof value === 'number' || typeof value === 'boolean' ? numeric(value) : undefined;
    if (value instanceof Undefined) throw undefinedFault(value);
    if (number === undefined) throw fault(`'${typeName(value)}' object cannot be interpreted as an integer`);
    return number;
  });
  if (numbers.length < 1 || numbers.length > 3 || inputs.named.size > 0)
    throw fault('range takes one to three numbers');
  const [start, stop, step] = numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1];
  if (step === 0) throw fault('range() arg 3 must not be zero');
  const range = new Range(start, stop, step);
  if (range.length > 100_000) throw fault('Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).');
  return range;
}
