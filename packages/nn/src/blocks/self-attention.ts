import { attention, attentionWeights, OperationError, rotary as rotate, tf, type RotaryLayout } from '@subtext/tensor';
import type { AttentionProjection } from './attention-projections';
import type { LayerCache } from './key-value-cache';
import { flattened, lastPositions } from './last-positions';
import type { LinearLayer } from './linear-layer';
import type { RotaryAngles } from './rotary-embedding';
import type { WindowMasks } from './window-masks';

export interface SelfAttentionOptions {
  projection: AttentionProjection;
  /** From `heads·headWidth` back to the width of the block. */
  output: LinearLayer;
  heads: number;
  /** Heads of keys and values; each serves `heads / keyValueHeads` query heads. Default `heads`. */
  keyValueHeads?: number;
  /** Factor on the scores; Gemma 2 has 1/√query_pre_attn_scalar. Default 1/√headWidth. */
  scale?: number;
  /** Scores x become `softCap · tanh(x / softCap)` before the mask: `attn_logit_softcapping`. Default none. */
  softCap?: number | null;
  /** A sliding window: a position sees itself and the `window − 1` before it; only in causal calls. Default none. */
  window?: number | null;
  /** How many numbers of each head rotary positions turn, the first ones (`partial_rotary_factor`); the angles are of that width. Default headWidth. */
  rotaryDimensions?: number;
  /** Which numbers of a head turn together. Default 'halves'. */
  rotaryLayout?: RotaryLayout;
}

/** What one call of an attention may use besides its input. */
export interface AttentionInput {
  /** `[batch, time, width]` */
  input: tf.Tensor3D;
  /** Where keys and values come from: `[batch, keyTime, width]`. Default the input itself. */
  keyValueInput?: tf.Tensor3D;
  /** Cosines and sines by position; without them nothing is rotated. */
  rotary?: RotaryAngles | null;
  /** Whether a position sees only itself and those before it. Default false. */
  causal?: boolean;
  /** int32, 1 where a key may be seen: `[batch, keyTime]` or `[batch, time, keyTime]`, cached keys included. */
  mask?: tf.Tensor | null;
  /** What a `[batch, keyTime]` mask becomes with a window; without it windows count columns, hidden ones too. Default none. */
  windowMasks?: Pick<WindowMasks, 'of'> | null;
  /** Keys and values of earlier positions; this call's are added to it. */
  cache?: LayerCache | null;
  /** Give only this many of the last positions; the others are keys and values to them. Needs `causal`. Default all. */
  outputPositions?: number;
  /** Is given how much each position looks at each key, `[batch, heads, time, keyTime]`; cached keys first. Default nobody asks. */
  onWeights?: (weights: tf.Tensor4D) => void;
}

/**
 * `softmax(scale · q·kᵀ + mask) · v`, head by head, and an output projection: with grouped heads, rotary positions and a
 * cache where the model has them. Keys and values may come from elsewhere (cross-attention).
 */
export class SelfAttention {
  readonly projection: AttentionProjection;
  readonly output: LinearLayer;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly scale: number | undefined;
  readonly softCap: number | null;
  readonly window: number | null;
  readonly rotaryDimensions: number | undefined;
  readonly rotaryLayout: RotaryLayout;

  constructor({
    projection,
    output,
    heads,
    keyValueHeads = heads,
    scale,
    softCap = null,
    window = null,
    rotaryDimensions,
    rotaryLayout = 'halves',
  }: SelfAttentionOptions) {
    if (heads % keyValueHeads !== 0)
      throw new OperationError({
        operation: 'attention',
        code: 'invalid-option',
        message: `${heads} query heads cannot share ${keyValueHeads} key and value heads evenly.`,
      });
    this.projection = projection;
    this.output = output;
    this.heads = heads;
    this.keyValueHeads = keyValueHeads;
    this.scale = scale;
    this.softCap = softCap;
    this.window = window;
    this.rotaryDimensions = rotaryDimensions;
    this.rotaryLayout = rotaryLayout;
  }

  /** The mask with the window in it where `windowMasks` has one; otherwise both as they are. */
  windowed({ mask = null, windowMasks = null }: Pick<AttentionInput, 'mask' | 'windowMasks'>): {
    mask: tf.Tensor | null;
    window: number | null;
  } {
    if (this.window === null || windowMasks === null) return { mask, window: this.window };
    return { mask: windowMasks.of(this.window), window: null };
  }

  /** `[batch, time, width]` to `[batch, outputPositions, width]`. */
  apply({ input, ...rest }: AttentionInput): tf.Tensor3D {
    const [batch] = input.shape;
    const rows = this.applyToRows({ ...rest, rows: flattened(input), batch });
    return tf.reshape(rows, [batch, rows.shape[0] / batch, rows.shape[1]]) as tf.Tensor3D;
  }

  /** The same with the rows of all examples under one another, `[batch·time, width]`, as everything but attention takes them. */
  applyToRows({
    rows,
    batch,
    keyValueInput,
    rotary = null,
    causal = false,
    mask: given = null,
    windowMasks = null,
    cache = null,
    outputPositions = rows.shape[0] / batch,
    onWeights,
  }: Omit<AttentionInput, 'input'> & {
    /** `[batch·time, width]` */
    rows: tf.Tensor2D;
    batch: number;
  }): tf.Tensor2D {
    const projected = this.projection.project({ rows, batch, keyValueRows: keyValueInput && flattened(keyValueInput) });
    let { key } = projected;
    let query = lastPositions({ states: projected.query, count: outputPositions });
    if (rotary !== null) {
      const turned = { dimensions: this.rotaryDimensions, layout: this.rotaryLayout };
      query = rotate({
        input: query,
        heads: this.heads,
        cos: lastPositions({ states: rotary.cos, count: outputPositions }),
        sin: lastPositions({ states: rotary.sin, count: outputPositions }),
        ...turned,
      });
      key = rotate({ input: key, heads: this.keyValueHeads, cos: rotary.cos, sin: rotary.sin, ...turned });
    }
    const own = { key, value: projected.value };
    const { mask, window } = this.windowed({ mask: given, windowMasks });
    const { value, ...looking } = {
      query,
      ...(cache === null ? own : cache.append(own)),
      heads: this.heads,
      keyValueHeads: this.keyValueHeads,
      causal,
      mask:
        mask !== null && mask.rank === 3
          ? lastPositions({ states: mask as tf.Tensor3D, count: outputPositions })
          : mask,
      scale: this.scale,
      softCap: this.softCap,
      window,
    };
    onWeights?.(attentionWeights(looking));
    const attended = attention({ ...looking, value });
    return this.output.apply({ input: flattened(attended) });
  }
}
