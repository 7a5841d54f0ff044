import { attention, attentionWeights, OperationError, rotary as rotate, tf, type RotaryLayout } from '@subtext/tensor';
import type { AttentionProjection } from './attention-projections';
import type { LayerCache } from './key-value-cache';
import { flattened, lastPositions } from './last-positions';
import type { LinearLayer } from './linear-layer';
import type { RotaryAngles } from './rotary-embedding';
import type { WindowMasks } from './window-masks';

export interface SelfAttentionOptions {
  projection: AttentionProjection;
  /** Output projection, from `heads·headWidth` to the block's width. */
  output: LinearLayer;
  heads: number;
  /** Number of key and value heads; each serves `heads / keyValueHeads` query heads. Default `heads`. */
  keyValueHeads?: number;
  /** Factor on the attention scores (Gemma 2: 1/√query_pre_attn_scalar). Default 1/√headWidth. */
  scale?: number;
  /** Soft cap on the scores before the mask, `softCap · tanh(x / softCap)`: `attn_logit_softcapping`. Default none. */
  softCap?: number | null;
  /**
   * Sliding window: each position attends to itself and the `window − 1` before it; only in causal calls. Default none.
   */
  window?: number | null;
  /**
   * Number of rotated dimensions per head, from the first (`partial_rotary_factor`); `rotary` angles must have this
   * width. Default headWidth.
   */
  rotaryDimensions?: number;
  /** Which dimensions of a head are paired for rotation. Default 'halves'. */
  rotaryLayout?: RotaryLayout;
}

/** Inputs of one attention call. */
export interface AttentionInput {
  /** `[batch, time, width]` */
  input: tf.Tensor3D;
  /** Source of keys and values: `[batch, keyTime, width]`. Default: the input itself. */
  keyValueInput?: tf.Tensor3D;
  /** Cosines and sines by position; if absent, no rotary embedding is applied. */
  rotary?: RotaryAngles | null;
  /** Whether positions attend only to themselves and earlier ones. Default false. */
  causal?: boolean;
  /**
   * Attention mask, int32, 1 where a key is visible: `[batch, keyTime]` or `[batch, time, keyTime]`, including cached
   * keys.
   */
  mask?: tf.Tensor | null;
  /**
   * Converts a `[batch, keyTime]` mask for sliding-window attention; without it, windows count columns, including
   * masked ones. Default none.
   */
  windowMasks?: Pick<WindowMasks, 'of'> | null;
  /** Keys and values of earlier positions; those of this call are appended. */
  cache?: LayerCache | null;
  /**
   * Compute the output of only this many of the last positions; the others serve as keys and values. Needs `causal`.
   * Default all.
   */
  outputPositions?: number;
  /** Called with the attention weights, `[batch, heads, time, keyTime]`, cached keys first. Default: not computed. */
  onWeights?: (weights: tf.Tensor4D) => void;
}

/**
 * Multi-head attention: `softmax(scale · q·kᵀ + mask) · v` per head, then an output projection. Supports grouped-query
 * attention, rotary embeddings, a KV cache and cross-attention.
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

  /** The mask with the sliding window applied if `windowMasks` has one; otherwise both unchanged. */
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

  /** As {@link apply}, for rows flattened to `[batch·time, width]`, as everything but attention takes them. */
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
