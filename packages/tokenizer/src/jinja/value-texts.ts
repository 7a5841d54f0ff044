import type { Budget } from './budget';
import { Float, Tuple, Undefined, Namespace, DictView, Range, LoopState, fault, typeName } from './values';
import { iterate } from './items';

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
  // Python would print a memory address.
  throw fault(`a ${typeName(value)} can't be written as text; add |list`);
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
