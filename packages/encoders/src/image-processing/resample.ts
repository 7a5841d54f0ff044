/** Filter weight as a function of distance in source pixels (at scale 1), zero beyond `support`. */
interface Filter {
  support: number;
  weight(distance: number): number;
}

/** Pillow's names; the numbers are those of `resample` in `preprocessor_config.json`. */
export const resamplingNames = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;
export type Resampling = (typeof resamplingNames)[number];

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** The filters of Pillow's `Resample.c`. */
const filters: Record<Exclude<Resampling, 'nearest'>, Filter> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => {
      const distance = Math.abs(x);
      if (distance === 0) return 1;
      return distance >= 1 ? 0 : sinc(distance) * (0.54 + 0.46 * Math.cos(distance * Math.PI));
    },
  },
  bicubic: {
    support: 2,
    weight: (x) => {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Fraction bits of the fixed-point weights: 32 minus 8 for a pixel minus 2 of headroom. */
const fractionBits = 22;

interface Coefficients {
  /** Maximum number of weights per destination pixel. */
  size: number;
  /** First source pixel of each destination pixel. */
  first: Int32Array;
  /** Number of source pixels of each destination pixel. */
  count: Int32Array;
  /** `[destination, size]`, fixed point. */
  weights: Int32Array;
}

/** Weights along one axis. For downscaling, the filter widens with the scale to prevent aliasing. */
function coefficients(filter: Filter, from: number, to: number): Coefficients {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * size);
  const row = new Float64Array(size);
  for (let index = 0; index < to; index += 1) {
    const center = (index + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(from, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let x = 0; x < high - low; x += 1) {
      row[x] = filter.weight((x + low - center + 0.5) * (1 / filterScale));
      sum += row[x]!;
    }
    for (let x = 0; x < high - low; x += 1) {
      const weight = (sum !== 0 ? row[x]! / sum : row[x]!) * 2 ** fractionBits;
      weights[index * size + x] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[index] = low;
    count[index] = high - low;
  }
  return { size, first, count, weights };
}

const clip = (sum: number): number => {
  const value = sum >> fractionBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
};

/**
 * Resizes an RGB image exactly like Pillow's `Image.resize` (`Resample.c`): along rows, then along columns, in fixed point,
 * rounded to eight bits after each pass. The result is byte-identical to Pillow's.
 *
 * @param options.data `[height, width, 3]`
 * @returns `[toHeight, toWidth, 3]`
 */
export function resizeRgb(options: {
  data: Uint8Array;
  width: number;
  height: number;
  toWidth: number;
  toHeight: number;
  resampling: Resampling;
}): Uint8Array {
  const { width, height, toWidth, toHeight, resampling } = options;
  if (width === toWidth && height === toHeight) return options.data;
  if (resampling === 'nearest') return nearest(options);
  const filter = filters[resampling];
  const wide = width === toWidth ? options.data : resizeRows(options.data, width, height, toWidth, filter);
  return height === toHeight ? wide : resizeColumns(wide, toWidth, height, toHeight, filter);
}

function resizeRows(data: Uint8Array, width: number, height: number, toWidth: number, filter: Filter): Uint8Array {
  const { size, first, count, weights } = coefficients(filter, width, toWidth);
  const out = new Uint8Array(toWidth * height * 3);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < toWidth; x += 1) {
      let red = 1 << (fractionBits - 1);
      let green = red;
      let blue = red;
      let from = (y * width + first[x]!) * 3;
      const start = x * size;
      const end = start + count[x]!;
      for (let k = start; k < end; k += 1, from += 3) {
        const weight = weights[k]!;
        red = (red + Math.imul(data[from]!, weight)) | 0;
        green = (green + Math.imul(data[from + 1]!, weight)) | 0;
        blue = (blue + Math.imul(data[from + 2]!, weight)) | 0;
      }
      out[at] = clip(red);
      out[at + 1] = clip(green);
      out[at + 2] = clip(blue);
      at += 3;
    }
  }
  return out;
}

function resizeColumns(data: Uint8Array, width: number, height: number, toHeight: number, filter: Filter): Uint8Array {
  const { size, first, count, weights } = coefficients(filter, height, toHeight);
  const stride = width * 3;
  const out = new Uint8Array(stride * toHeight);
  const sums = new Int32Array(stride);
  for (let y = 0; y < toHeight; y += 1) {
    sums.fill(1 << (fractionBits - 1));
    for (let k = 0; k < count[y]!; k += 1) {
      const weight = weights[y * size + k]!;
      const from = (first[y]! + k) * stride;
      for (let x = 0; x < stride; x += 1) sums[x] = sums[x]! + Math.imul(data[from + x]!, weight);
    }
    for (let x = 0; x < stride; x += 1) out[y * stride + x] = clip(sums[x]!);
  }
  return out;
}

/** Source positions along one axis; accumulated like in Pillow, so that ties round the same way. */
function nearestPositions(from: number, to: number): Int32Array {
  const scale = from / to;
  const positions = new Int32Array(to);
  let position = scale * 0.5;
  for (let index = 0; index < to; index += 1, position += scale)
    positions[index] = Math.min(from - 1, Math.trunc(position));
  return positions;
}

function nearest(options: {
  data: Uint8Array;
  width: number;
  height: number;
  toWidth: number;
  toHeight: number;
}): Uint8Array {
  const { data, width, height, toWidth, toHeight } = options;
  const out = new Uint8Array(toWidth * toHeight * 3);
  const columns = nearestPositions(width, toWidth);
  const rows = nearestPositions(height, toHeight);
  let at = 0;
  for (let y = 0; y < toHeight; y += 1) {
    for (let x = 0; x < toWidth; x += 1, at += 3) {
      const from = (rows[y]! * width + columns[x]!) * 3;
      out[at] = data[from]!;
      out[at + 1] = data[from + 1]!;
      out[at + 2] = data[from + 2]!;
    }
  }
  return out;
}
