import { makeAxisScale, shortNumber } from './axis-scale';
import { escapeHtml } from '@subtext/decoder/cards';
import { formatValue, type ValueFormat } from './format-value';

/** One line of a chart. */
export interface ChartSeries {
  name: string;
  points: ChartPoint[];
}

/** A point; what is not finite breaks the line. */
export interface ChartPoint {
  x: number;
  y: number;
  /** Lower and upper bound, drawn as a band. @default none */
  interval?: readonly [number, number];
}

/** What {@link lineChart} draws. */
export interface LineChartOptions {
  /** For those who cannot see it: what the chart shows. */
  label: string;
  series: ChartSeries[];
  xLabel: string;
  yLabel: string;
  /** @default 'number' */
  yFormat?: ValueFormat;
  /** @default false */
  logarithmicY?: boolean;
  /** Bounds that the vertical axis must hold, such as [0, 1]. @default the data's */
  yInclude?: readonly [number, number];
  /** Stretches of the horizontal axis, such as the phases of a training: each starts at `x` and ends where the next starts. @default none */
  phases?: { x: number; label: string }[];
  /** Points are averaged over this many neighbours and the raw line is drawn pale behind. @default 1, no smoothing */
  smoothingWindow?: number;
}

/** The most points a line is drawn with; a bucket's lowest and highest are kept. */
const mostPoints = 400;
/** Dashes tell the lines apart without colour. */
const dashes = ['', '7 4', '2 3', '9 3 2 3', '12 5', '4 2 1 2', '1 4', '14 3 3 3'];
/** How many looks a line can have before they repeat. */
const seriesLooks = dashes.length;

/** Two static drawings of the same lines, for wide and for narrow screens; a style rule shows one. */
export function lineChart(options: LineChartOptions): string {
  const wide = drawing({ ...options, width: 960, height: 340, className: 'wide' });
  const narrow = drawing({ ...options, width: 340, height: 260, className: 'narrow' });
  return `${wide}\n${narrow}`;
}

/** A short drawing of a line's look, for the legend. */
export function legendMark(index: number): string {
  return `<svg class="legend-mark" width="34" height="10" viewBox="0 0 34 10" aria-hidden="true" focusable="false"><line x1="1" x2="33" y1="5" y2="5" class="line series-${index % seriesLooks}" stroke-dasharray="${dashes[index % seriesLooks]}"/></svg>`;
}

function drawing({
  label,
  series,
  xLabel,
  yLabel,
  yFormat = 'number',
  logarithmicY = false,
  yInclude,
  phases = [],
  smoothingWindow = 1,
  width,
  height,
  className,
}: LineChartOptions & { width: number; height: number; className: string }): string {
  const shown = series.map((one) => {
    const sorted = one.points.filter((point) => Number.isFinite(point.x)).sort((left, right) => left.x - right.x);
    return { name: one.name, raw: sorted, line: smooth(sorted, smoothingWindow) };
  });
  const margin = { left: width > 500 ? 66 : 60, right: 12, top: phases.length > 0 ? 26 : 12, bottom: 42 };
  const inner = { left: margin.left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
  const x = makeAxisScale({
    values: shown.flatMap((one) => one.raw.map((point) => point.x)).concat(phases.map((phase) => phase.x)),
    pixels: [inner.left, inner.right],
    tickCount: width > 500 ? 9 : 4,
    nice: false,
  });
  const y = makeAxisScale({
    values: shown.flatMap((one) =>
      one.raw.flatMap((point) => (Number.isFinite(point.y) ? [point.y, ...(point.interval ?? [])] : [])),
    ),
    pixels: [inner.bottom, inner.top],
    logarithmic: logarithmicY,
    tickCount: 5,
    include: yInclude,
    formatTick: (value) =>
      yFormat === 'percent' ? formatValue({ value, format: 'percent', digits: 0 }) : shortNumber(value),
  });
  const at = (value: number) => Number(value.toFixed(1));
  const parts: string[] = [];
  for (const [index, phase] of phases.entries()) {
    const left = Math.max(inner.left, x.position(phase.x));
    const right = index + 1 < phases.length ? x.position((phases[index + 1] as { x: number }).x) : inner.right;
    if (index % 2 === 1)
      parts.push(
        `<rect class="phase" x="${at(left)}" y="${inner.top}" width="${at(Math.max(0, right - left))}" height="${inner.bottom - inner.top}"/>`,
      );
    // About 6 px a letter at this size; what does not fit is numbered and named below the chart.
    const text = phase.label.length * 6.2 + 6 <= right - left ? phase.label : String(index + 1);
    parts.push(
      `<text class="phase-label" x="${at((left + right) / 2)}" y="${inner.top - 8}" text-anchor="middle">${escapeHtml(text)}</text>`,
    );
    if (index > 0)
      parts.push(`<line class="phase-line" x1="${at(left)}" x2="${at(left)}" y1="${inner.top}" y2="${inner.bottom}"/>`);
  }
  for (const tick of y.ticks) {
    const position = at(y.position(tick.value));
    parts.push(`<line class="grid" x1="${inner.left}" x2="${inner.right}" y1="${position}" y2="${position}"/>`);
    parts.push(`<text x="${inner.left - 6}" y="${position + 4}" text-anchor="end">${escapeHtml(tick.label)}</text>`);
  }
  for (const tick of x.ticks) {
    const position = at(x.position(tick.value));
    parts.push(`<line class="grid" x1="${position}" x2="${position}" y1="${inner.bottom}" y2="${inner.bottom + 4}"/>`);
    parts.push(`<text x="${position}" y="${inner.bottom + 17}" text-anchor="middle">${escapeHtml(tick.label)}</text>`);
  }
  parts.push(
    `<text class="axis" x="${at((inner.left + inner.right) / 2)}" y="${height - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
  );
  parts.push(
    `<text class="axis" transform="translate(12 ${at((inner.top + inner.bottom) / 2)}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>`,
  );
  for (const [index, one] of shown.entries()) {
    const look = `series-${index % seriesLooks}`;
    const path = (points: ChartPoint[]) =>
      linePath(thin(points, mostPoints), (point) => [at(x.position(point.x)), at(y.position(point.y))], logarithmicY);
    const band = bandPath(one.raw, (pointX, pointY) => `${at(x.position(pointX))} ${at(y.position(pointY))}`);
    if (band !== '') parts.push(`<path class="band ${look}" d="${band}"/>`);
    if (smoothingWindow > 1) parts.push(`<path class="line raw ${look}" d="${path(one.raw)}"/>`);
    parts.push(`<path class="line ${look}" stroke-dasharray="${dashes[index % seriesLooks]}" d="${path(one.line)}"/>`);
    if (one.line.length <= 24) {
      for (const point of one.line) {
        if (drawable(point, logarithmicY))
          parts.push(
            `<circle class="dot ${look}" cx="${at(x.position(point.x))}" cy="${at(y.position(point.y))}" r="3"/>`,
          );
      }
    }
  }
  return `<svg class="chart ${className}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">${parts.join('')}</svg>`;
}

function drawable(point: ChartPoint, logarithmic: boolean): boolean {
  return Number.isFinite(point.y) && (!logarithmic || point.y > 0);
}

function linePath(points: ChartPoint[], place: (point: ChartPoint) => [number, number], logarithmic: boolean): string {
  let open = false;
  const commands: string[] = [];
  for (const point of points) {
    if (!drawable(point, logarithmic)) {
      open = false;
      continue;
    }
    const [x, y] = place(point);
    commands.push(`${open ? 'L' : 'M'}${x} ${y}`);
    open = true;
  }
  return commands.join('');
}

function bandPath(points: ChartPoint[], place: (x: number, y: number) => string): string {
  const banded = points.filter((point) => point.interval !== undefined && point.interval.every(Number.isFinite));
  if (banded.length < 2) return '';
  const upper = banded.map((point) => place(point.x, (point.interval as readonly [number, number])[1]));
  const lower = banded.map((point) => place(point.x, (point.interval as readonly [number, number])[0])).reverse();
  return `M${[...upper, ...lower].join('L')}Z`;
}

/** The mean over a centred window of points; points that are not finite stay as they are. */
function smooth(points: ChartPoint[], window: number): ChartPoint[] {
  if (window <= 1) return points;
  const half = Math.floor(window / 2);
  return points.map((point, index) => {
    if (!Number.isFinite(point.y)) return point;
    let sum = 0;
    let count = 0;
    for (let near = Math.max(0, index - half); near <= Math.min(points.length - 1, index + half); near++) {
      const value = (points[near] as ChartPoint).y;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
    }
    return { ...point, y: sum / count };
  });
}

/** Keeps each bucket's lowest and highest point, so that peaks stay visible. */
function thin(points: ChartPoint[], maximum: number): ChartPoint[] {
  if (points.length <= maximum) return points;
  const buckets = Math.max(1, Math.floor(maximum / 2));
  const kept: ChartPoint[] = [];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const part = points.slice(
      Math.floor((bucket * points.length) / buckets),
      Math.floor(((bucket + 1) * points.length) / buckets),
    );
    const first = part[0];
    if (first === undefined) continue;
    let low = first;
    let high = first;
    for (const point of part) {
      if (point.y < low.y) low = point;
      if (point.y > high.y) high = point;
    }
    kept.push(...(low === high ? [low] : low.x <= high.x ? [low, high] : [high, low]));
  }
  return kept;
}
