/** How a number of a report is written. */
export type ValueFormat =
  /** A fraction of one as a percentage: 0.934 → 93.4 %. */
  | 'percent'
  /** A plain number. */
  | 'number'
  /** A whole number with thin spaces between thousands. */
  | 'integer'
  /** A time in seconds: 0.0123 → 12.3 ms. */
  | 'seconds';

const space = '\u00a0';

/** A number in words for people; what is not finite is written as –. */
export function formatValue({
  value,
  format = 'number',
  digits,
}: {
  value: number;
  /** @default 'number' */
  format?: ValueFormat;
  /** Decimals. @default 1 for percentages, three significant figures otherwise */
  digits?: number;
}): string {
  if (!Number.isFinite(value)) return '–';
  switch (format) {
    case 'percent':
      return `${negative((value * 100).toFixed(digits ?? 1))}${space}%`;
    case 'integer':
      return negative(
        Math.round(value)
          .toString()
          .replace(/\B(?=(\d{3})+$)/g, '\u202f'),
      );
    case 'seconds':
      if (Math.abs(value) < 1e-3) return `${negative(plain(value * 1e6, digits))}${space}µs`;
      if (Math.abs(value) < 1) return `${negative(plain(value * 1e3, digits))}${space}ms`;
      if (Math.abs(value) < 120) return `${negative(plain(value, digits))}${space}s`;
      return `${negative(plain(value / 60, digits))}${space}min`;
    case 'number':
      return negative(plain(value, digits));
  }
}

/** An interval in the same writing as its value, the unit left out: [91.0, 95.2]. */
export function formatInterval({
  interval,
  format = 'number',
  digits,
}: {
  interval: readonly [number, number];
  format?: ValueFormat;
  digits?: number;
}): string {
  const bound = (value: number) => formatValue({ value, format, digits }).replace(`${space}%`, '');
  return `[${bound(interval[0])}, ${bound(interval[1])}]`;
}

function plain(value: number, digits?: number): string {
  if (digits !== undefined) return value.toFixed(digits);
  const magnitude = Math.abs(value);
  if (value === 0) return '0';
  if (magnitude >= 1e5 || magnitude < 1e-4) return value.toExponential(2);
  if (Number.isInteger(value)) return value.toString();
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(magnitude)));
  return value.toFixed(Math.min(decimals, 6));
}

/** The minus sign that has a digit's width; no minus before a zero. */
function negative(text: string): string {
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace(/^-/, '\u2212');
}
