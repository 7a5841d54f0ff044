import type { Budget } from './budget';
import { Tuple, Undefined, DictView, Range, Lazy, LoopState, fault, typeName } from './values';

/** Items of an iterable. */
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

/** Length in code points, as in Python. */
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
