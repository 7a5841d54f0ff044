import { type Filter } from './filter';
import { Arguments } from './inputs';
import { strip } from './python-text';
import { fault, Float, numeric, typeName, Undefined, undefinedFault } from './values';

const toWhole: Filter = (value, inputs) => {
  const given = new Arguments('int', inputs, ['default', 'base']);
  const base = given.whole('base', 10);
  if (value instanceof Undefined) throw undefinedFault(value);
  let number = numeric(value);
  if (typeof value === 'string') {
    const plain = strip(value, null, true, true).replace(/(?<=[\da-zA-Z])_(?=[\da-zA-Z])/g, '');
    const sign = plain.startsWith('-') ? -1 : 1;
    const digits = plain
      .replace(/^[+-]/, '')
      .replace(base === 16 ? /^0[xX]/ : base === 8 ? /^0[oO]/ : base === 2 ? /^0[bB]/ : /^$/, '');
    const allowed = '0123456789abcdefghijklmnopqrstuvwxyz'.slice(0, base);
    if (digits !== '' && Array.from(digits.toLowerCase()).every((digit) => allowed.includes(digit)))
      number = sign * parseInt(digits, base);
    else number = parseFloatText(plain);
  }
  if (number === undefined || !Number.isFinite(number)) return given.get('default', 0);
  const cut = Math.trunc(number);
  if (!Number.isSafeInteger(cut)) throw fault('a number becomes larger than 2^53');
  return cut === 0 ? 0 : cut;
};

function parseFloatText(value: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return Number(value);
  if (/^[+-]?(?:inf|infinity)$/i.test(value)) return value.startsWith('-') ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(value) ? NaN : undefined;
}

const toFloat: Filter = (value, inputs) => {
  const given = new Arguments('float', inputs, ['default']);
  if (value instanceof Undefined) throw undefinedFault(value);
  const number =
    typeof value === 'string'
      ? parseFloatText(strip(value, null, true, true).replace(/(?<=\d)_(?=\d)/g, ''))
      : numeric(value);
  return number === undefined ? given.get('default', new Float(0)) : new Float(number);
};

const round: Filter = (value, inputs) => {
  const given = new Arguments('round', inputs, ['precision', 'method']);
  const precision = given.whole('precision', 0);
  const kind = given.text('method', 'common');
  if (value instanceof Undefined) throw undefinedFault(value);
  const number = numeric(value);
  if (number === undefined) throw fault(`type ${typeName(value)} doesn't define __round__ method`);
  if (kind === 'ceil' || kind === 'floor') {
    const scale = 10 ** precision;
    return new Float(Math[kind](number * scale) / scale);
  }
  if (kind !== 'common') throw fault('method must be common, ceil or floor');
  const rounded =
    precision >= 0
      ? roundHalfEven(number, Math.min(precision, 100))
      : Math.round(number / 10 ** -precision) * 10 ** -precision;
  return value instanceof Float ? new Float(rounded) : rounded;
};

/** Rounds by the number's exact decimal value, halves to even, as in Python. */
function roundHalfEven(value: number, precision: number): number {
  if (!Number.isFinite(value)) return value;
  const exact = Math.abs(value).toFixed(Math.min(100, precision + 60));
  const point = exact.indexOf('.');
  const cut = point + (precision === 0 ? 0 : precision + 1);
  const rest = exact.slice(cut).replace('.', '');
  const kept = exact.slice(0, cut);
  const half = /^50*$/.test(rest);
  const digits = kept.replace('.', '');
  const odd = Number(digits.at(-1) ?? '0') % 2 === 1;
  if (rest === '' || rest[0]! < '5' || (half && !odd)) return Math.sign(value) * Number(kept);
  const raised = (BigInt(digits) + 1n).toString().padStart(digits.length, '0');
  return (
    Math.sign(value) * Number(precision === 0 ? raised : `${raised.slice(0, -precision)}.${raised.slice(-precision)}`)
  );
}

/** Number filters. */
export const numberFilters: Readonly<Record<string, Filter>> = {
  abs: (value) => {
    if (value instanceof Undefined) throw undefinedFault(value);
    const number = numeric(value);
    if (number === undefined) throw fault(`bad operand type for abs(): '${typeName(value)}'`);
    return value instanceof Float ? new Float(Math.abs(number)) : Math.abs(number);
  },
  float: toFloat,
  int: toWhole,
  round,
};
