import type { Budget } from './budget';
import { formatPercent } from './format';
import { fault, Float, numeric, Range, Tuple, typeName, Undefined, undefinedFault } from './values';
import { textLength } from './items';

/** An integer; throws if it would lose digits, since Python's integers are exact. */
function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw fault('a number becomes larger than 2^53');
  return value === 0 ? 0 : value;
}

/** Python's binary operators. */
export function binary(operator: string, left: unknown, right: unknown, budget: Budget): unknown {
  budget.step();
  if (operator === '%' && typeof left === 'string') return formatPercent(left, right, budget);
  for (const value of [left, right]) if (value instanceof Undefined) throw undefinedFault(value);
  const first = numeric(left);
  const second = numeric(right);
  if (first !== undefined && second !== undefined)
    return calculate(operator, first, second, left instanceof Float || right instanceof Float);
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') {
      budget.text(left.length + right.length);
      return left + right;
    }
    if (Array.isArray(left) && Array.isArray(right)) {
      budget.step(left.length + right.length);
      return [...(left as unknown[]), ...(right as unknown[])];
    }
    if (left instanceof Tuple && right instanceof Tuple) {
      budget.step(left.items.length + right.items.length);
      return new Tuple([...left.items, ...right.items]);
    }
  }
  if (operator === '*') {
    const [value, count] =
      typeof right === 'number' || typeof right === 'boolean'
        ? [left, Number(right)]
        : [right, typeof left === 'number' || typeof left === 'boolean' ? Number(left) : NaN];
    if (!Number.isNaN(count)) {
      const times = Math.max(0, count);
      if (typeof value === 'string') {
        budget.text(value.length * times);
        return value.repeat(times);
      }
      const items = value instanceof Tuple ? value.items : value;
      if (Array.isArray(items)) {
        budget.step(items.length * times);
        const repeated = Array.from(
          { length: items.length * times },
          (_, index) => items[index % items.length] as unknown,
        );
        return value instanceof Tuple ? new Tuple(repeated) : repeated;
      }
    }
  }
  throw fault(`unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`);
}

function calculate(operator: string, first: number, second: number, float: boolean): unknown {
  const result = (value: number): unknown => (float ? new Float(value) : whole(value));
  switch (operator) {
    case '+':
      return result(first + second);
    case '-':
      return result(first - second);
    case '*':
      return result(first * second);
    case '/':
      if (second === 0) throw fault('division by zero');
      return new Float(first / second);
    case '//':
      if (second === 0) throw fault('integer division or modulo by zero');
      return result(Math.floor(first / second));
    case '%': {
      if (second === 0) throw fault('integer division or modulo by zero');
      const rest = first % second;
      return result(rest !== 0 && rest < 0 !== second < 0 ? rest + second : rest);
    }
    default:
      if (first === 0 && second < 0) throw fault('0.0 cannot be raised to a negative power');
      return second < 0 ? new Float(first ** second) : result(first ** second);
  }
}

/** `value[start:stop:step]` */
export function slice(
  value: unknown,
  bounds: { start: unknown; stop: unknown; step: unknown },
  budget: Budget,
): unknown {
  const items: readonly unknown[] | undefined =
    typeof value === 'string'
      ? undefined
      : value instanceof Tuple
        ? value.items
        : Array.isArray(value)
          ? value
          : undefined;
  if (items === undefined && typeof value !== 'string' && !(value instanceof Range)) return undefined;
  const bound = (part: unknown): number | undefined => {
    if (part === null || part === undefined) return undefined;
    const number = part instanceof Float ? undefined : numeric(part);
    if (number === undefined) throw fault('slice indices must be integers or None');
    return number;
  };
  const step = bound(bounds.step) ?? 1;
  if (step === 0) throw fault('slice step cannot be zero');
  const list = items ?? (typeof value === 'string' && /[\ud800-\udfff]/.test(value) ? Array.from(value) : undefined);
  const length = value instanceof Range ? value.length : (list?.length ?? textLength(value as string));
  const place = (part: unknown, otherwise: number): number => {
    const number = bound(part);
    if (number === undefined) return otherwise;
    const from = number < 0 ? number + length : number;
    return step > 0 ? Math.min(Math.max(from, 0), length) : Math.min(Math.max(from, -1), length - 1);
  };
  const start = place(bounds.start, step > 0 ? 0 : length - 1);
  const stop = place(bounds.stop, step > 0 ? length : -1);
  budget.step(1 + Math.floor(length / 100));
  if (value instanceof Range)
    return new Range(value.start + start * value.step, value.start + stop * value.step, value.step * step);
  if (list === undefined && step === 1) return (value as string).slice(start, Math.max(start, stop));
  const picked: unknown[] = [];
  for (let index = start; step > 0 ? index < stop : index > stop; index += step)
    picked.push(list === undefined ? (value as string)[index] : list[index]);
  budget.step(picked.length);
  if (typeof value === 'string') return picked.join('');
  return value instanceof Tuple ? new Tuple(picked) : picked;
}
