import { TemplateFault } from './template-error';

/*
 * Python values: None is null; ints are numbers, floats are `Float`s; a str is a string; a list is an array, a dict a Map.
 * The other types have classes here.
 */

/** A Python float; a plain number is an int. */
export class Float {
  constructor(readonly value: number) {}
}

export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** Value of a missing name, key or attribute. */
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

/** Result of filters such as `map`: can be iterated once. */
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
    /** Object of a method. */
    readonly owner?: unknown,
  ) {}
}

/** The `loop` variable of a for loop. */
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

/** Converts a JavaScript value to a Python value, as through JSON. */
export function fromJavaScript(value: unknown, name: string, depth = 0): unknown {
  if (depth > 200) throw fault(`${name} nests deeper than 200 levels, or is circular`);
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'string')
    return value ?? null;
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : new Float(value);
  if (typeof value === 'bigint') {
    if (!Number.isSafeInteger(Number(value))) throw fault(`${name} contains a number that is too large`);
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
  throw fault(`${name} contains a ${typeof value}; templates accept only JSON values`);
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

/** Numeric value, or undefined if not a number. Booleans are numbers. */
export function numeric(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Float ? value.value : undefined;
}

/** Normalises a dict key, so that equal numbers are the same key. */
export function dictKey(value: unknown): unknown {
  if (Array.isArray(value) || value instanceof Map) throw fault(`unhashable type: '${typeName(value)}'`);
  if (value instanceof Float && Number.isSafeInteger(value.value)) return value.value;
  return value;
}
