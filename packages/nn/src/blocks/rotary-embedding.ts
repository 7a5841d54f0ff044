import { embedding, OperationError, tf } from '@subtext/tensor';

/** Rotation cosines and sines per position: `[batch or 1, time, dimensions / 2]`. */
export interface RotaryAngles {
  cos: tf.Tensor3D;
  sin: tf.Tensor3D;
}

/** Frequency scaling for long contexts; the names are Hugging Face's `rope_type`. */
export type RotaryScaling =
  | { type: 'default' }
  | { type: 'linear'; factor: number }
  | { type: 'dynamic'; factor: number; originalPositions: number }
  | {
      type: 'llama3';
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalPositions: number;
    }
  | {
      type: 'yarn';
      factor: number;
      originalPositions: number;
      /** Factor on cosines and sines. Default 0.1·ln(factor) + 1. */
      attentionFactor?: number;
      /** Default 32. */
      betaFast?: number;
      /** Default 1. */
      betaSlow?: number;
      mscale?: number;
      mscaleAllDimensions?: number;
      /** Whether to round the ends of the ramp to whole dimensions. Default true. */
      truncate?: boolean;
    }
  | {
      type: 'longrope';
      /** Divisors of the frequencies for inputs of at most `originalPositions`, one per pair of dimensions. */
      shortFactors: readonly number[];
      /** Divisors for longer inputs. */
      longFactors: readonly number[];
      originalPositions: number;
      /** Factor on cosines and sines. */
      attentionFactor: number;
    };

const { fround } = Math;

/** `θ^(−2i/headWidth)` for i < headWidth/2, in float32 as in PyTorch. */
function baseFrequencies({ headWidth, theta }: { headWidth: number; theta: number }): Float32Array {
  return Float32Array.from(
    { length: headWidth / 2 },
    (_, index) => 1 / fround(theta ** fround((2 * index) / headWidth)),
  );
}

/**
 * Rotary frequencies and the factor on cosines and sines, as in `transformers/modeling_rope_utils.py`. `positions` is
 * the sequence length, which `dynamic` and `longrope` depend on.
 */
export function rotaryFrequencies({
  headWidth,
  theta,
  scaling,
  positions,
}: {
  headWidth: number;
  theta: number;
  scaling: RotaryScaling;
  positions: number;
}): {
  /** `[headWidth / 2]` */ frequencies: Float32Array;
  attentionFactor: number;
} {
  const base = baseFrequencies({ headWidth, theta });
  switch (scaling.type) {
    case 'default':
      return { frequencies: base, attentionFactor: 1 };
    case 'linear':
      return { frequencies: base.map((frequency) => frequency / scaling.factor), attentionFactor: 1 };
    case 'dynamic': {
      const { factor, originalPositions } = scaling;
      if (positions <= originalPositions) return { frequencies: base, attentionFactor: 1 };
      const stretched =
        theta * ((factor * positions) / originalPositions - (factor - 1)) ** (headWidth / (headWidth - 2));
      return { frequencies: baseFrequencies({ headWidth, theta: stretched }), attentionFactor: 1 };
    }
    case 'llama3':
      return { frequencies: llama3Frequencies({ base, scaling }), attentionFactor: 1 };
    case 'yarn':
      return yarnFrequencies({ base, headWidth, theta, scaling });
    case 'longrope': {
      const factors = positions > scaling.originalPositions ? scaling.longFactors : scaling.shortFactors;
      const frequencies = Float32Array.from(
        factors,
        (factor, index) => 1 / fround(fround(factor) * fround(theta ** fround((2 * index) / headWidth))),
      );
      return { frequencies, attentionFactor: scaling.attentionFactor };
    }
  }
}

/** Divides low frequencies by the factor, keeps high ones, and interpolates between (Llama 3.1). */
function llama3Frequencies({
  base,
  scaling,
}: {
  base: Float32Array;
  scaling: RotaryScaling & { type: 'llama3' };
}): Float32Array {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalPositions } = scaling;
  return base.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > originalPositions / lowFrequencyFactor) return frequency / factor;
    if (wavelength < originalPositions / highFrequencyFactor) return frequency;
    const smooth = (originalPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** Interpolates low frequencies, keeps high ones, with a ramp between (YaRN, arXiv 2309.00071). */
function yarnFrequencies({
  base,
  headWidth,
  theta,
  scaling,
}: {
  base: Float32Array;
  headWidth: number;
  theta: number;
  scaling: RotaryScaling & { type: 'yarn' };
}) {
  const {
    factor,
    originalPositions,
    betaFast = 32,
    betaSlow = 1,
    mscale,
    mscaleAllDimensions,
    truncate = true,
  } = scaling;
  const magnitude = (scale: number, weight: number) => (scale <= 1 ? 1 : 0.1 * weight * Math.log(scale) + 1);
  const attentionFactor =
    scaling.attentionFactor ??
    (mscale && mscaleAllDimensions
      ? magnitude(factor, mscale) / magnitude(factor, mscaleAllDimensions)
      : magnitude(factor, 1));
  const dimension = (rotations: number) =>
    (headWidth * Math.log(originalPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimension(betaFast), dimension(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  let high = Math.min(truncate ? Math.ceil(last) : last, headWidth - 1);
  if (low === high) high += 0.001;
  const frequencies = base.map((frequency, index) => {
    const ramp = Math.min(Math.max((index - low) / (high - low), 0), 1);
    return (frequency / factor) * ramp + frequency * (1 - ramp);
  });
  return { frequencies, attentionFactor };
}

/** Initial number of positions in the tables; it doubles as needed. */
const firstCapacity = 256;

/**
 * Rotary position embeddings (RoPE, arXiv 2104.09864) over whole heads or their first dimensions. Caches tables of
 * cosines and sines by position, which grow with the input.
 */
export class RotaryEmbedding {
  readonly headWidth: number;
  /** Number of rotated dimensions per head; the rest are left unchanged. */
  readonly dimensions: number;
  readonly theta: number;
  readonly scaling: RotaryScaling;
  #capacity = 0;
  /** Sequence length that the cached frequencies are for; relevant only to `dynamic` and `longrope`. */
  #positions = 0;
  #cos: tf.Tensor2D | null = null;
  #sin: tf.Tensor2D | null = null;

  constructor({
    headWidth,
    dimensions = headWidth,
    theta,
    scaling = { type: 'default' },
  }: {
    headWidth: number;
    /** Even. Default `headWidth`. */
    dimensions?: number;
    theta: number;
    scaling?: RotaryScaling;
  }) {
    if (dimensions % 2 !== 0)
      throw new OperationError({
        operation: 'rotary',
        code: 'invalid-option',
        message: `positions need an even number of dimensions, got ${dimensions}.`,
      });
    this.headWidth = headWidth;
    this.dimensions = dimensions;
    this.theta = theta;
    this.scaling = scaling;
  }

  /**
   * The sequence length beyond which all positions, including earlier ones, use different frequencies (`longrope`), so
   * that keys cached before are no longer valid. Null if there is none. (`dynamic` changes with every position; cached
   * keys keep their old rotation, as in transformers.)
   */
  get switchesAfter(): number | null {
    return this.scaling.type === 'longrope' ? this.scaling.originalPositions : null;
  }

  /**
   * Angles for positions `offset … offset + time − 1`, the same in each row, or for `positions` (int32
   * `[batch, time]`), none above `largest`.
   */
  angles(options: { offset: number; time: number } | { positions: tf.Tensor2D; largest: number }): RotaryAngles {
    const count = 'positions' in options ? options.largest + 1 : options.offset + options.time;
    if (!Number.isSafeInteger(count) || count < 0)
      throw new OperationError({
        operation: 'rotary',
        code: 'invalid-option',
        message: `positions must be integers from 0; the largest given is ${count - 1}.`,
      });
    const { cos, sin } = this.#tables(count);
    if ('positions' in options) {
      return tf.tidy(() => {
        const rows = (table: tf.Tensor2D) => embedding<tf.Tensor3D>({ table, ids: options.positions });
        return { cos: rows(cos), sin: rows(sin) };
      });
    }
    const { offset, time } = options;
    const rows = (table: tf.Tensor2D) =>
      tf.reshape(tf.slice(table, [offset, 0], [time, -1]), [1, time, this.dimensions / 2]) as tf.Tensor3D;
    return tf.tidy(() => ({ cos: rows(cos), sin: rows(sin) }));
  }

  dispose(): void {
    this.#cos?.dispose();
    this.#sin?.dispose();
    this.#cos = null;
    this.#sin = null;
    this.#capacity = 0;
  }

  /** Sequence lengths with the same frequencies map to the same number. */
  #frequenciesFor(count: number): number {
    const { scaling } = this;
    if (scaling.type === 'dynamic') return Math.max(count, scaling.originalPositions);
    if (scaling.type === 'longrope') return scaling.originalPositions + (count > scaling.originalPositions ? 1 : 0);
    return 0;
  }

  #tables(count: number): { cos: tf.Tensor2D; sin: tf.Tensor2D } {
    const positions = this.#frequenciesFor(count);
    if (this.#cos !== null && this.#sin !== null && count <= this.#capacity && positions === this.#positions)
      return { cos: this.#cos, sin: this.#sin };
    let capacity = Math.max(this.#capacity, firstCapacity);
    while (capacity < count) capacity *= 2;
    const half = this.dimensions / 2;
    const { frequencies, attentionFactor } = rotaryFrequencies({
      headWidth: this.dimensions,
      theta: this.theta,
      scaling: this.scaling,
      positions,
    });
    const cos = new Float32Array(capacity * half);
    const sin = new Float32Array(capacity * half);
    for (let position = 0; position < capacity; position++) {
      for (let index = 0; index < half; index++) {
        // Round the product to float32 first, as PyTorch does: at high positions this changes the angle.
        const angle = fround(position * (frequencies[index] as number));
        cos[position * half + index] = Math.cos(angle) * attentionFactor;
        sin[position * half + index] = Math.sin(angle) * attentionFactor;
      }
    }
    this.dispose();
    this.#capacity = capacity;
    this.#positions = positions;
    this.#cos = tf.keep(tf.tensor2d(cos, [capacity, half]));
    this.#sin = tf.keep(tf.tensor2d(sin, [capacity, half]));
    return { cos: this.#cos, sin: this.#sin };
  }
}
