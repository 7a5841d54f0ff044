import type { Budget } from './budget';
import { fault, Float, Tuple, typeName } from './values';
import { compare } from './comparisons';
import { floatText } from './value-texts';

export interface JsonOptions {
  ascii: boolean;
  indent: string | undefined;
  separators: [string, string] | undefined;
  sortKeys: boolean;
}

/** Python's json.dumps. */
export function toJson(value: unknown, options: JsonOptions, budget: Budget): string {
  const [itemSeparator, keySeparator] =
    options.separators ?? (options.indent === undefined ? [', ', ': '] : [',', ': ']);
  const write = (part: unknown, level: number): string => {
    budget.step();
    if (level > 200) throw fault('tojson: the value nests too deep');
    if (part === null) return 'null';
    if (typeof part === 'boolean') return String(part);
    if (typeof part === 'number') return String(part);
    if (part instanceof Float) return jsonFloat(part.value);
    if (typeof part === 'string') return writeText(part);
    const items = part instanceof Tuple ? part.items : part;
    if (Array.isArray(items))
      return wrap(
        '[',
        ']',
        items.map((item) => write(item, level + 1)),
        level,
      );
    if (part instanceof Map) {
      let entries = [...part];
      if (options.sortKeys) entries = entries.sort(([first], [second]) => compare(first, second, budget, '<'));
      return wrap(
        '{',
        '}',
        entries.map(([key, item]) => `${writeText(keyText(key))}${keySeparator}${write(item, level + 1)}`),
        level,
      );
    }
    throw fault(`Object of type ${typeName(part)} is not JSON serializable`);
  };
  const wrap = (open: string, close: string, parts: string[], level: number): string => {
    if (parts.length === 0) return open + close;
    let length = 2;
    for (const part of parts)
      length +=
        part.length +
        itemSeparator.length +
        (options.indent === undefined ? 0 : 1 + options.indent.length * (level + 1));
    budget.text(length);
    if (options.indent === undefined) return open + parts.join(itemSeparator) + close;
    const line = `\n${options.indent.repeat(level + 1)}`;
    return `${open}${line}${parts.join(itemSeparator + line)}\n${options.indent.repeat(level)}${close}`;
  };
  const writeText = (part: string): string => {
    budget.text(part.length);
    const escaped = part.replace(
      // eslint-disable-next-line no-control-regex -- JSON escapes them
      /["\\\u0000-\u001f]/g,
      (character) => escapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    return `"${options.ascii ? escaped.replace(/[\u007f-\uffff]/g, (unit) => (unit === '\u007f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)) : escaped}"`;
  };
  return write(value, 0);
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatText(value);
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (key === null) return 'null';
  if (typeof key === 'boolean' || typeof key === 'number') return String(key);
  if (key instanceof Float) return jsonFloat(key.value);
  throw fault(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}
