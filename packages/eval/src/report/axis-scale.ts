/** Maps data to pixels and says where the ticks stand. */
export interface AxisScale {
  position(value: number): number;
  ticks: { value: number; label: string }[];
}

/** A linear or logarithmic axis over the data's range, its ends on round values. */
export function makeAxisScale({
  values,
  pixels,
  logarithmic = false,
  tickCount,
  include,
  formatTick,
  nice = true,
}: {
  values: number[];
  /** First and last pixel. */
  pixels: readonly [number, number];
  /** @default false */
  logarithmic?: boolean;
  /** About how many ticks. */
  tickCount: number;
  /** Bounds that the axis must hold. @default the data's */
  include?: readonly [number, number];
  /** @default a short plain number */
  formatTick?: (value: number) => string;
  /** Whether the ends move out to round values. @default true */
  nice?: boolean;
}): AxisScale {
  const usable = values.filter((value) => Number.isFinite(value) && (!logarithmic || value > 0));
  let low = include?.[0] ?? Infinity;
  let high = include?.[1] ?? -Infinity;
  for (const value of usable) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = logarithmic ? [1, 10] : [0, 1];
  if (logarithmic) return logarithmicScale({ low, high, pixels, tickCount, formatTick });
  if (low === high) [low, high] = low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, low)];
  const rough = roundStep((high - low) / Math.max(1, tickCount));
  // Counts, such as steps and thoughts, have no halves.
  const step =
    usable.every(Number.isInteger) && usable.length > 0 && include === undefined ? Math.max(1, rough) : rough;
  const start = nice ? Math.floor(low / step + 1e-9) * step : low;
  const end = nice ? Math.ceil(high / step - 1e-9) * step : high;
  const ticks: AxisScale['ticks'] = [];
  for (let index = Math.ceil(start / step - 1e-9); index * step <= end + step * 1e-9; index++) {
    const value = Number((index * step).toPrecision(12));
    ticks.push({ value, label: (formatTick ?? shortNumber)(value) });
  }
  return { ticks, position: (value) => pixels[0] + ((value - start) / (end - start)) * (pixels[1] - pixels[0]) };
}

function logarithmicScale({
  low,
  high,
  pixels,
  tickCount,
  formatTick = shortNumber,
}: {
  low: number;
  high: number;
  pixels: readonly [number, number];
  tickCount: number;
  formatTick?: (value: number) => string;
}): AxisScale {
  const decades = Math.log10(high / low);
  const multiples = decades < 1 ? [1, 1.5, 2, 3, 5, 7] : decades < tickCount / 2 ? [1, 2, 5] : [1];
  const candidates: number[] = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power++) {
    for (const multiple of multiples) candidates.push(Number((multiple * 10 ** power).toPrecision(12)));
  }
  const start = candidates.filter((value) => value <= low * (1 + 1e-9)).at(-1) as number;
  const end = candidates.find((value) => value >= high * (1 - 1e-9) && value > start) as number;
  const inside = candidates.filter((value) => value >= start && value <= end);
  const every = Math.max(1, Math.ceil(inside.length / Math.max(2, tickCount + 1)));
  const ticks = inside.filter((_, index) => index % every === 0).map((value) => ({ value, label: formatTick(value) }));
  const span = Math.log(end / start);
  return {
    ticks,
    position: (value) => pixels[0] + (Math.log(Math.max(value, start * 1e-3) / start) / span) * (pixels[1] - pixels[0]),
  };
}

/** The round step 1, 2 or 5 times a power of ten that is nearest above a size. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  const fraction = size / power;
  return (fraction <= 1 + 1e-9 ? 1 : fraction <= 2 + 1e-9 ? 2 : fraction <= 5 + 1e-9 ? 5 : 10) * power;
}

/** A tick's label: 12000 → 12k. */
export function shortNumber(value: number): string {
  const magnitude = Math.abs(value);
  const sign = value < 0 ? '\u2212' : '';
  if (magnitude >= 1e6) return `${sign}${Number((magnitude / 1e6).toPrecision(4))}M`;
  if (magnitude >= 1e4) return `${sign}${Number((magnitude / 1e3).toPrecision(4))}k`;
  if (magnitude !== 0 && magnitude < 1e-3) return `${sign}${magnitude.toExponential(0)}`;
  return `${sign}${Number(magnitude.toPrecision(4))}`;
}
