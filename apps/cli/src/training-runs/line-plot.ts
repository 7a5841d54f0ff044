/** What tells the lines of a plot apart, without colour. */
export const plotMarks = ['●', '+', '×', '○', '▲', '□', '◆', '*'] as const;

export interface PlotLine {
  name: string;
  points: readonly { x: number; y: number }[];
}

/**
 * Lines as text: a mark a column, at the mean of the points that fall into it. Values that are not finite are left out,
 * on a logarithmic axis those of 0 and below too. Empty where nothing is left.
 */
export function linePlot({
  lines,
  width = 72,
  height = 14,
  logarithmic = false,
}: {
  lines: readonly PlotLine[];
  /** Columns of the drawing itself, without its axis. @default 72 */
  width?: number;
  /** Rows. @default 14 */
  height?: number;
  /** @default false */
  logarithmic?: boolean;
}): string {
  const scale = (value: number) => (logarithmic ? Math.log10(value) : value);
  const drawn = lines.map(({ points }) => points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(scale(y))));
  const all = drawn.flat();
  if (all.length === 0) return '';
  const [left, right] = extent(all.map(({ x }) => x));
  const [bottom, top] = extent(all.map(({ y }) => scale(y)));
  const rows = Array.from({ length: height }, () => new Array<string>(width).fill(' '));
  for (const [index, points] of drawn.entries()) {
    const sums = new Map<number, { sum: number; count: number }>();
    for (const { x, y } of points) {
      const column = right === left ? 0 : Math.round(((x - left) / (right - left)) * (width - 1));
      const found = sums.get(column) ?? { sum: 0, count: 0 };
      sums.set(column, { sum: found.sum + scale(y), count: found.count + 1 });
    }
    for (const [column, { sum, count }] of sums) {
      const share = top === bottom ? 0.5 : (sum / count - bottom) / (top - bottom);
      rows[height - 1 - Math.round(share * (height - 1))]![column] = plotMarks[index % plotMarks.length]!;
    }
  }
  const value = (share: number) => bottom + share * (top - bottom);
  const labels = new Map(
    [0, 0.5, 1].map((share) => [
      height - 1 - Math.round(share * (height - 1)),
      label(logarithmic ? 10 ** value(share) : value(share)),
    ]),
  );
  const margin = Math.max(...[...labels.values()].map(({ length }) => length));
  const body = rows.map(
    (row, index) =>
      `${(labels.get(index) ?? '').padStart(margin)} ${labels.has(index) ? '┤' : '│'}${row.join('').trimEnd()}`,
  );
  const [first, last] = [label(left), label(right)];
  const axis = `${' '.repeat(margin)} └${'─'.repeat(width)}`;
  const ends = `${' '.repeat(margin + 2)}${first}${' '.repeat(Math.max(1, width - first.length - last.length))}${last}`;
  const legend = lines.map(
    ({ name }, index) =>
      `${' '.repeat(margin + 2)}${plotMarks[index % plotMarks.length]} ${name}${drawn[index]!.length === 0 ? ' (no values)' : ''}`,
  );
  return [...body, axis, ends, ...legend].join('\n');
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

function label(value: number): string {
  return String(Number(value.toPrecision(3)));
}
