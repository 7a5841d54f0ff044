/** Signs as models write them: hyphen-minus, minus, hyphens, en dash, small and full-width minus. */
const minus = '[-\\u2212\\u2010-\\u2013\\ufe63\\uff0d]';
const currency = '(?:(?:US|CA|AU|NZ|HK|SG|[ACRS])?\\$|[€£¥₹₩₽₱฿₫₺]|(?:USD|EUR|GBP|Rs\\.?) ?)';
/** Spaces and marks between thousands, in Indian groups too. */
const whole = "(?:\\d{1,3}(?:[,\\u00a0\\u202f\\u2009'’]\\d{3})+(?!\\d)|\\d{1,2}(?:,\\d{2})+,\\d{3}(?!\\d)|\\d+)";
const magnitude = `(?:${whole}(?:\\.\\d+)?|\\.\\d+)(?:[eE][-+]?\\d{1,3}(?![\\p{L}\\p{N}]))?`;

/** A number with its sign on either side of its currency. A dash after a number or letter is no sign, and x2 no number. */
const number = `(?:${minus}(?:${currency} ?)?|${currency} ?${minus}|${currency} ?)?${magnitude}`;
const numberPattern = new RegExp(`(?<![\\p{L}\\p{N}_.^]|\\^\\{)${number}`, 'gu');
const currencyPattern = new RegExp(currency, 'gu');
const signPattern = new RegExp(`^\\s*${minus}`, 'u');
const startPattern = new RegExp(`^[\\s*_$\\\\({[=:~≈"'“‘]*((?:${minus} (?=${currency}|\\d))?${number})`, 'u');

/** The numbers of a text in one writing: `1,200.50`, `$1200.5` and `1200.5` are all `1200.5`. A dash after a number or letter is no sign. */
export function numbersOf(text: string): string[] {
  return [...text.matchAll(numberPattern)].map(([written]) => normalizeNumber(written));
}

/** The number that a text begins with, currency, brackets and emphasis aside; null where it begins with something else. */
export function numberAtStart(text: string): string | null {
  const written = startPattern.exec(text)?.[1];
  return written === undefined ? null : normalizeNumber(written);
}

/** One writing for each number, without rounding long ones: no currency, no thousands' separators, no needless zeros. */
export function normalizeNumber(written: string): string {
  const bare = written.replace(currencyPattern, '');
  const negative = signPattern.test(bare);
  const [, digits = '', exponent] =
    /^(.*?)(?:[eE]([-+]?\d+))?$/su.exec(bare.replace(/^\D*?(?=\.?\d)/u, '').replace(/[^\d.eE+-]/gu, '')) ?? [];
  const [whole = '', fraction = ''] = exponent === undefined ? digits.split('.') : shifted(digits, Number(exponent));
  const kept = fraction.replace(/\D/g, '').replace(/0+$/, '');
  const trimmed = whole.replace(/\D/g, '').replace(/^0+(?=\d)/, '') || (/\d/.test(digits) ? '0' : '');
  if (trimmed === '') return '';
  const plain = kept === '' ? trimmed : `${trimmed}.${kept}`;
  return negative && plain !== '0' ? `-${plain}` : plain;
}

/** Whole part and fraction of digits times a power of ten. */
function shifted(digits: string, exponent: number): [string, string] {
  const [whole = '', fraction = ''] = digits.split('.');
  // Numbers of a thousand digits are nobody's answer.
  const shift = Math.max(-400, Math.min(400, exponent));
  return shift >= 0
    ? [whole + fraction.padEnd(shift, '0').slice(0, shift), fraction.slice(shift)]
    : [whole.padStart(1 - shift, '0').slice(0, shift) || '0', whole.padStart(-shift, '0').slice(shift) + fraction];
}

/** Whether two numbers are the same in value, whatever their writing: currency, per cent, thousands, exponent, fraction. */
export function sameNumber({ left, right }: { left: string; right: string }): boolean {
  const one = quotient(left);
  const other = quotient(right);
  if (one === null || other === null) return false;
  if (one.below === '1' && other.below === '1') return one.above === other.above;
  const product = (first: string, second: string) => Number(first) * Number(second);
  const [upper, lower] = [product(one.above, other.below), product(other.above, one.below)];
  return Math.abs(upper - lower) <= 1e-9 * Math.max(Math.abs(upper), Math.abs(lower));
}

/** A number as a fraction of two; null for anything else. */
function quotient(written: string): { above: string; below: string } | null {
  const parts = written.trim().replace(/\s*%$/, '').split('/');
  if (parts.length > 2) return null;
  const [above = '', below = '1'] = parts.map((part) =>
    new RegExp(`^(?:${minus} ?)?${number}$`, 'u').test(part.trim().replace(/^\+/, ''))
      ? normalizeNumber(part.trim())
      : '',
  );
  return above === '' || below === '' || below === '0' ? null : { above, below };
}
