import type { Budget } from './budget';
import { TemplateFault } from './template-error';

/*
 * Python's values: None is null; whole numbers are numbers, others `Float`s; a str is a string; a list an array, a dict
 * a Map. The rest have classes here.
 */

/** A Python float; a plain number is an int. */
export class Float {
  constructor(readonly value: number) {}
}

export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** What a name, key or attribute that is not there stands for. */
export class Undefined {
  constructor(readonly what: string) {}
}

export class Namespace {
  constructor(readonly values: Map<string, unknown>) {}
}

/** keys(), values() or items() of a dict. */
export class DictView {
  constructor(
    readonly kind: 'keys' | 'values' | 'items',
    readonly dict: ReadonlyMap<unknown, unknown>,
  ) {}
}

export class Range {
  readonly length: number;
  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }
}

/** What filters such as `map` give: it can be gone through once. */
export class Lazy {
  constructor(readonly iterator: Iterator<unknown>) {}
}

export interface CallInputs {
  positional: unknown[];
  named: Map<string, unknown>;
}

/** Something that can be called. */
export class Callable {
  constructor(
    readonly name: string,
    readonly call: (inputs: CallInputs) => unknown,
    /** Whose method it is. */
    readonly owner?: unknown,
  ) {}
}

/** The `loop` of a for. */
export class LoopState {
  index0 = 0;
  previous: unknown;
  next: unknown;
  changed: unknown[] | undefined;
  constructor(
    readonly items: readonly unknown[],
    readonly depth0: number,
    readonly recurse: ((items: unknown) => string) | undefined,
  ) {}
}

export function fault(message: string): TemplateFault {
  return new TemplateFault(message);
}

export function typeName(value: unknown): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'string') return 'str';
  if (value instanceof Float) return 'float';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'dict';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof DictView) return `dict_${value.kind}`;
  if (value instanceof Range) return 'range';
  if (value instanceof Lazy) return 'generator';
  if (value instanceof Namespace) return 'Namespace';
  if (value instanceof LoopState) return 'LoopContext';
  return 'function';
}

/** A value of JavaScript as the Python value that JSON would make of it. */
export function fromJavaScript(value: unknown, name: string, depth = 0): unknown {
  if (depth > 200) throw fault(`${name} nests deeper than 200 levels, or holds itself`);
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'string')
    return value ?? null;
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : new Float(value);
  if (typeof value === 'bigint') {
    if (!Number.isSafeInteger(Number(value))) throw fault(`${name} holds a number that is too large`);
    return Number(value);
  }
  if (Array.isArray(value)) return value.map((item) => fromJavaScript(item, name, depth + 1));
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [key, fromJavaScript(item, name, depth + 1)]));
  if (typeof value === 'object') {
    const dict = new Map<unknown, unknown>();
    for (const [key, item] of Object.entries(value))
      if (item !== undefined) dict.set(key, fromJavaScript(item, name, depth + 1));
    return dict;
  }
  throw fault(`${name} holds a ${typeof value}; a template takes what JSON can write`);
}

export function truthy(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === '') return false;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof Undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof DictView) return value.dict.size > 0;
  if (value instanceof Range) return value.length > 0;
  return true;
}

export function undefinedFault(value: Undefined): TemplateFault {
  return fault(value.what);
}

/** The items of a value that can be gone through. */
export function iterate(value: unknown, budget: Budget): unknown[] {
  let items: unknown[];
  if (Array.isArray(value)) items = value;
  else if (typeof value === 'string') {
    budget.step(value.length);
    items = Array.from(value);
  } else if (value instanceof Map) items = [...value.keys()];
  else if (value instanceof Tuple) items = [...value.items];
  else if (value instanceof DictView) {
    items =
      value.kind === 'keys'
        ? [...value.dict.keys()]
        : value.kind === 'values'
          ? [...value.dict.values()]
          : Array.from(value.dict, ([key, item]) => new Tuple([key, item]));
  } else if (value instanceof Range) {
    budget.step(value.length);
    items = Array.from({ length: value.length }, (_, index) => value.start + index * value.step);
  } else if (value instanceof Lazy) {
    items = [];
    for (let next = value.iterator.next(); next.done !== true; next = value.iterator.next()) {
      budget.step();
      items.push(next.value);
    }
  } else if (value instanceof Undefined) items = [];
  else throw fault(`a ${typeName(value)} can't be gone through`);
  budget.step(1 + Math.floor(items.length / 8));
  return items;
}

/** Characters as Python counts them. */
export function textLength(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = text.charCodeAt(index + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        length -= 1;
        index += 1;
      }
    }
  }
  return length;
}

export function lengthOf(value: unknown, budget: Budget): number {
  if (typeof value === 'string') {
    budget.step(1 + Math.floor(value.length / 1000));
    return textLength(value);
  }
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof Range) return value.length;
  if (value instanceof LoopState) return value.items.length;
  if (value instanceof Undefined) return 0;
  throw fault(`object of type '${typeName(value)}' has no len()`);
}

/** A number's value, or undefined for what is no number. Booleans are numbers. */
export function numeric(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Float ? value.value : undefined;
}

export function equal(first: unknown, second: unknown, budget: Budget, depth = 0): boolean {
  budget.step();
  if (depth > 200) throw fault('values nest too deep to be compared');
  if (first === second) return true;
  const number = numeric(first);
  if (number !== undefined) return number === numeric(second);
  if (first instanceof Undefined) return second instanceof Undefined;
  if (typeof first === 'string' || first === null) return false;
  const list = (one: readonly unknown[], other: readonly unknown[]): boolean =>
    one.length === other.length && one.every((item, index) => equal(item, other[index], budget, depth + 1));
  if (Array.isArray(first)) return Array.isArray(second) && list(first, second);
  if (first instanceof Tuple) return second instanceof Tuple && list(first.items, second.items);
  if (first instanceof Map) {
    if (!(second instanceof Map) || first.size !== second.size) return false;
    for (const [key, item] of first)
      if (!second.has(key) || !equal(item, second.get(key), budget, depth + 1)) return false;
    return true;
  }
  if (first instanceof Callable)
    return (
      second instanceof Callable &&
      first.owner !== undefined &&
      first.owner === second.owner &&
      first.name === second.name
    );
  if (first instanceof Range) return second instanceof Range && list(iterate(first, budget), iterate(second, budget));
  return false;
}

/** −1, 0 or 1; a fault for what Python does not order. NaN is none of them. */
export function compare(first: unknown, second: unknown, budget: Budget, operator: string): number {
  budget.step();
  const left = numeric(first);
  const right = numeric(second);
  if (left !== undefined && right !== undefined) return left < right ? -1 : left > right ? 1 : left === right ? 0 : NaN;
  if (typeof first === 'string' && typeof second === 'string') return compareTexts(first, second);
  if ((Array.isArray(first) && Array.isArray(second)) || (first instanceof Tuple && second instanceof Tuple)) {
    const one = first instanceof Tuple ? first.items : (first as unknown[]);
    const other = second instanceof Tuple ? second.items : (second as unknown[]);
    for (let index = 0; index < Math.min(one.length, other.length); index += 1) {
      if (!equal(one[index], other[index], budget)) return compare(one[index], other[index], budget, operator);
    }
    return Math.sign(one.length - other.length);
  }
  for (const value of [first, second]) if (value instanceof Undefined) throw undefinedFault(value);
  throw fault(`'${operator}' not supported between instances of '${typeName(first)}' and '${typeName(second)}'`);
}

/** By code points. */
export function compareTexts(first: string, second: string): number {
  if (first === second) return 0;
  const length = Math.min(first.length, second.length);
  for (let index = 0; index < length; index += 1) {
    const left = first.charCodeAt(index);
    const right = second.charCodeAt(index);
    if (left === right) continue;
    const isHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    // A pair stands for a character above all others.
    if (isHalf(left) !== isHalf(right)) return isHalf(left) ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return first.length < second.length ? -1 : 1;
}

export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  if (value === 0) return '0.0';
  const [digits, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const plain =
    exponent < 0
      ? `${value < 0 ? '-' : ''}0.${'0'.repeat(-exponent - 1)}${digits.replace(/[-.]/g, '')}`
      : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

/** Python's str(). */
export function text(value: unknown, budget: Budget): string {
  if (typeof value === 'string') return value;
  if (value instanceof Undefined) return '';
  return represent(value, budget);
}

/** Python's repr(). */
export function represent(value: unknown, budget: Budget, depth = 0): string {
  budget.step();
  if (depth > 200) throw fault('a value nests too deep to be written');
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value.value);
  if (typeof value === 'string') {
    budget.text(value.length);
    return representText(value);
  }
  const inner = (items: Iterable<unknown>): string[] => Array.from(items, (item) => represent(item, budget, depth + 1));
  const joined = (parts: string[], open: string, close: string): string => {
    const result = `${open}${parts.join(', ')}${close}`;
    budget.text(result.length);
    return result;
  };
  const dict = (map: ReadonlyMap<unknown, unknown>): string =>
    joined(
      Array.from(map, ([key, item]) => `${represent(key, budget, depth + 1)}: ${represent(item, budget, depth + 1)}`),
      '{',
      '}',
    );
  if (Array.isArray(value)) return joined(inner(value), '[', ']');
  if (value instanceof Tuple)
    return value.items.length === 1
      ? `(${represent(value.items[0], budget, depth + 1)},)`
      : joined(inner(value.items), '(', ')');
  if (value instanceof Map) return dict(value);
  if (value instanceof DictView) return `dict_${value.kind}(${joined(inner(iterate(value, budget)), '[', ']')})`;
  if (value instanceof Range) return `range(${value.start}, ${value.stop}${value.step === 1 ? '' : `, ${value.step}`})`;
  if (value instanceof Namespace) return `<Namespace ${dict(value.values)}>`;
  if (value instanceof LoopState) return `<LoopContext ${value.index0 + 1}/${value.items.length}>`;
  if (value instanceof Undefined) return 'Undefined';
  // Python would print an address.
  throw fault(`a ${typeName(value)} can't be written as text; put |list behind it`);
}

function representText(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  let result = quote;
  for (const character of value) {
    const code = character.codePointAt(0)!;
    if (character === quote || character === '\\') result += `\\${character}`;
    else if (character === '\n') result += '\\n';
    else if (character === '\r') result += '\\r';
    else if (character === '\t') result += '\\t';
    else if (character !== ' ' && /[\p{C}\p{Z}]/u.test(character)) {
      result +=
        code < 0x100
          ? `\\x${code.toString(16).padStart(2, '0')}`
          : code < 0x10000
            ? `\\u${code.toString(16).padStart(4, '0')}`
            : `\\U${code.toString(16).padStart(8, '0')}`;
    } else result += character;
  }
  return result + quote;
}

/** What may be a key of a dict. Numbers that are equal are one key. */
export function dictKey(value: unknown): unknown {
  if (Array.isArray(value) || value instanceof Map) throw fault(`unhashable type: '${typeName(value)}'`);
  if (value instanceof Float && Number.isSafeInteger(value.value)) return value.value;
  return value;
}

export function contains(container: unknown, item: unknown, budget: Budget): boolean {
  if (typeof container === 'string') {
    if (item instanceof Undefined) throw undefinedFault(item);
    if (typeof item !== 'string') throw fault(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    budget.step(1 + Math.floor(container.length / 100));
    return container.includes(item);
  }
  if (container instanceof Map)
    return container.has(dictKey(item)) || (typeof item === 'boolean' && container.has(Number(item)));
  return iterate(container, budget).some((other) => equal(other, item, budget));
}
