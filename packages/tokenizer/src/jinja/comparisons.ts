import type { Budget } from './budget';
import { Tuple, Undefined, Range, Callable, fault, typeName, undefinedFault, numeric, dictKey } from './values';
import { iterate } from './items';

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

/** −1, 0 or 1, or NaN for unordered floats; throws for types that Python does not order. */
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

/** Compares by code points. */
function compareTexts(first: string, second: string): number {
  if (first === second) return 0;
  const length = Math.min(first.length, second.length);
  for (let index = 0; index < length; index += 1) {
    const left = first.charCodeAt(index);
    const right = second.charCodeAt(index);
    if (left === right) continue;
    const isHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    // A surrogate pair encodes a character above all BMP characters.
    if (isHalf(left) !== isHalf(right)) return isHalf(left) ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return first.length < second.length ? -1 : 1;
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
