import type { Budget } from './budget';
import { padded } from './python-text';
import { type CallInputs, fault, Float, numeric, Tuple, typeName } from './values';
import { textLength } from './items';
import { floatText, represent, text } from './value-texts';

/** Python's `'…%s…' % values`. */
export function formatPercent(template: string, values: unknown, budget: Budget): string {
  const list = values instanceof Tuple ? [...values.items] : [values];
  const dict = values instanceof Map ? values : undefined;
  let used = 0;
  let byName = false;
  const result = template.replace(
    /%(?:\((?<name>[^)]*)\))?(?<flags>[-+ 0#]*)(?<width>\d{0,6})(?:\.(?<precision>\d{0,3}))?(?<kind>[a-zA-Z%]?)/g,
    (...parts) => {
      const { name, flags = '', width = '', precision, kind = '' } = parts.at(-1) as Record<string, string | undefined>;
      if (kind === '%') return '%';
      let value: unknown;
      if (name !== undefined) {
        if (dict === undefined) throw fault('format requires a mapping');
        if (!dict.has(name)) throw fault(`the key ${JSON.stringify(name)} is not there`);
        value = dict.get(name);
        byName = true;
      } else {
        if (used >= list.length) throw fault('not enough arguments for format string');
        value = list[used++];
      }
      const number = (): number => {
        const found = numeric(value);
        if (found === undefined) throw fault(`%${kind} format: a real number is required, not ${typeName(value)}`);
        return found;
      };
      let body: string;
      if (kind === 's' || kind === 'r' || kind === 'a') {
        body = kind === 's' ? text(value, budget) : represent(value, budget);
        if (precision !== undefined) body = Array.from(body).slice(0, Number(precision)).join('');
      } else if (kind === 'd' || kind === 'i' || kind === 'u') body = signed(String(Math.trunc(number())), flags);
      else if (kind === 'f' || kind === 'F')
        body = signed(number().toFixed(precision === undefined ? 6 : Number(precision)), flags);
      else if ((kind === 'x' || kind === 'X' || kind === 'o') && !flags.includes('#')) {
        body = signed(number().toString(kind === 'o' ? 8 : 16), flags);
        if (kind === 'X') body = body.toUpperCase();
      } else throw fault(`the format %${kind} is not followed here`);
      return filled(body, { width: Number(width), flags, numeric: !['s', 'r', 'a'].includes(kind), budget });
    },
  );
  if (!byName && dict === undefined && used < list.length)
    throw fault('not all arguments converted during string formatting');
  return result;
}

function signed(body: string, flags: string): string {
  if (body.startsWith('-')) return body;
  return flags.includes('+') ? `+${body}` : flags.includes(' ') ? ` ${body}` : body;
}

function filled(
  body: string,
  { width, flags, numeric: isNumber, budget }: { width: number; flags: string; numeric: boolean; budget: Budget },
): string {
  if (textLength(body) >= width) return body;
  if (flags.includes('-')) return padded(body, width, ' ', 'right', budget);
  if (!flags.includes('0') || !isNumber) return padded(body, width, ' ', 'left', budget);
  const sign = /^[-+ ]/.exec(body)?.[0] ?? '';
  return sign + padded(body.slice(sign.length), width - sign.length, '0', 'left', budget);
}

/** Python's `'{}'.format(…)`, without attributes and rare features. */
export function formatBraces(template: string, inputs: CallInputs, budget: Budget): string {
  let next = 0;
  const expression = /\{\{|\}\}|\{(?<field>[^{}!:]*)(?:!(?<conversion>[rs]))?(?::(?<spec>[^{}]*))?\}|[{}]/g;
  return template.replace(expression, (whole: string, ...rest: unknown[]) => {
    if (whole === '{{') return '{';
    if (whole === '}}') return '}';
    const groups = rest.at(-1) as { field?: string; conversion?: string; spec?: string };
    if (groups.field === undefined) throw fault("Single '{' or '}' encountered in format string");
    const { field, conversion, spec = '' } = groups;
    let value: unknown;
    if (field === '' || /^\d+$/.test(field)) {
      const index = field === '' ? next++ : Number(field);
      if (index >= inputs.positional.length) throw fault('Replacement index is out of range for positional args tuple');
      value = inputs.positional[index];
    } else if (inputs.named.has(field)) value = inputs.named.get(field);
    else throw fault(`the field {${field}} is not there, or is not followed here`);
    const shown = conversion === 'r' ? represent(value, budget) : value;
    return spec === '' ? text(shown, budget) : formatSpec(shown, spec, budget);
  });
}

function formatSpec(value: unknown, spec: string, budget: Budget): string {
  const match =
    /^(?:(?<fill>.)?(?<align>[<>^=]))?(?<sign>[-+ ])?(?<zero>0)?(?<width>\d{0,6})(?<comma>,)?(?:\.(?<precision>\d{1,3}))?(?<kind>[sdfFxX%]?)$/u.exec(
      spec,
    );
  if (match === null) throw fault(`the format ${JSON.stringify(spec)} is not followed here`);
  const { fill = ' ', align, sign = '', zero, width = '', comma, precision, kind = '' } = match.groups!;
  const number = numeric(value);
  let body: string;
  if (typeof value === 'string') {
    if (kind !== '' && kind !== 's') throw fault(`Unknown format code '${kind}' for object of type 'str'`);
    body = precision === undefined ? value : Array.from(value).slice(0, Number(precision)).join('');
  } else if (number === undefined || typeof value === 'boolean')
    throw fault(`unsupported format string passed to ${typeName(value)}`);
  else {
    if (kind === 'f' || kind === 'F') body = number.toFixed(precision === undefined ? 6 : Number(precision));
    else if (kind === '%') body = `${(number * 100).toFixed(precision === undefined ? 6 : Number(precision))}%`;
    else if ((kind === 'x' || kind === 'X') && !(value instanceof Float))
      body = kind === 'x' ? number.toString(16) : number.toString(16).toUpperCase();
    else if ((kind === 'd' || kind === '') && precision === undefined && !(value instanceof Float))
      body = String(number);
    else if (kind === '' && precision === undefined) body = floatText(number);
    else throw fault(`the format ${JSON.stringify(spec)} is not followed here`);
    if (comma !== undefined) body = body.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(?:\d{3})+$)/g, ','));
    body = signed(body, sign);
  }
  const size = Number(width);
  if (zero !== undefined && align === undefined)
    return filled(body, { width: size, flags: '0', numeric: true, budget });
  if (align === '=') throw fault(`the format ${JSON.stringify(spec)} is not followed here`);
  if (align === '^') {
    const missing = Math.max(0, size - textLength(body));
    budget.text(missing);
    return fill.repeat(Math.floor(missing / 2)) + body + fill.repeat(Math.ceil(missing / 2));
  }
  const left = align === undefined ? typeof value !== 'string' : align === '>';
  return padded(body, size, fill, left ? 'left' : 'right', budget);
}
