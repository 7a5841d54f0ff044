import { OperationError, tf, type TransformerBlockParts } from '@subtext/tensor';
import type { LinearLayer } from './linear-layer';
import type { Normalisation } from './normalisation';

/** Queries, keys and values, with the heads concatenated along the last axis. */
export interface QueryKeyValue {
  /** `[batch, queryTime, heads·headWidth]` */ query: tf.Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]` */ key: tf.Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]` */ value: tf.Tensor3D;
}

/** Projects inputs to queries, keys and values. */
export interface AttentionProjection {
  /** The weights for a fused block kernel; null or absent if the projection cannot be fused. */
  kernelWeights?(): TransformerBlockParts['projections'] | null;
  /**
   * Projects `rows` to queries, keys and values; with `keyValueRows` (cross-attention), keys and values come from
   * those. Inputs are `[batch·time, width]`, grouped by example.
   */
  project(options: { rows: tf.Tensor2D; batch: number; keyValueRows?: tf.Tensor2D }): QueryKeyValue;
}

/**
 * Separate linear layers for queries, keys and values: Llama, Qwen2, CLIP, SigLIP, Mllama. Queries and keys may be
 * normalised before they are split into heads, per head (Qwen3, Gemma 3) or over all heads (OLMo-2).
 */
export class SeparateProjections implements AttentionProjection {
  readonly query: LinearLayer;
  readonly key: LinearLayer;
  readonly value: LinearLayer;
  readonly queryNorm: Normalisation | null;
  readonly keyNorm: Normalisation | null;

  constructor({
    query,
    key,
    value,
    queryNorm = null,
    keyNorm = null,
  }: {
    query: LinearLayer;
    key: LinearLayer;
    value: LinearLayer;
    queryNorm?: Normalisation | null;
    keyNorm?: Normalisation | null;
  }) {
    this.query = query;
    this.key = key;
    this.value = value;
    this.queryNorm = queryNorm;
    this.keyNorm = keyNorm;
  }

  kernelWeights(): TransformerBlockParts['projections'] | null {
    if (this.queryNorm !== null || this.keyNorm !== null) return null;
    const [query, key, value] = [this.query, this.key, this.value].map((layer) => layer.kernelWeights());
    return query && key && value ? { query, key, value } : null;
  }

  project({
    rows,
    batch,
    keyValueRows = rows,
  }: {
    rows: tf.Tensor2D;
    batch: number;
    keyValueRows?: tf.Tensor2D;
  }): QueryKeyValue {
    const { key, value } = this.projectKeyValue({ input: keyValueRows });
    return {
      query: byExample(this.projectQuery({ input: rows }), batch),
      key: byExample(key, batch),
      value: byExample(value, batch),
    };
  }

  projectQuery<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const query = this.query.apply({ input });
    return this.queryNorm === null ? query : this.queryNorm.apply({ input: query });
  }

  /** Projects to keys and values only, so that those of an image can be computed once and reused. */
  projectKeyValue<Shape extends tf.Tensor>({ input }: { input: Shape }): { key: Shape; value: Shape } {
    const key = this.key.apply({ input });
    const value = this.value.apply({ input });
    return { key: this.keyNorm === null ? key : this.keyNorm.apply({ input: key }), value };
  }
}

/** One linear layer for queries, keys and values, concatenated in its output: GPT-2's `c_attn`, Phi-3's `qkv_proj`. */
export class FusedProjection implements AttentionProjection {
  readonly queryKeyValue: LinearLayer;
  /** Widths of queries, keys and values. */
  readonly widths: readonly [number, number, number];

  constructor({
    queryKeyValue,
    keyValueWidth = queryKeyValue.outputWidth / 3,
  }: {
    queryKeyValue: LinearLayer;
    /** Width of the keys, and of the values. Default: a third of the layer's output width. */
    keyValueWidth?: number;
  }) {
    this.queryKeyValue = queryKeyValue;
    this.widths = [queryKeyValue.outputWidth - 2 * keyValueWidth, keyValueWidth, keyValueWidth];
  }

  kernelWeights(): TransformerBlockParts['projections'] | null {
    // Kernels require queries, keys and values of equal width.
    const packed = this.widths[0] === this.widths[1] ? this.queryKeyValue.kernelWeights() : null;
    return packed && { packed };
  }

  project({
    rows,
    batch,
    keyValueRows,
  }: {
    rows: tf.Tensor2D;
    batch: number;
    keyValueRows?: tf.Tensor2D;
  }): QueryKeyValue {
    if (keyValueRows !== undefined)
      throw new OperationError({
        operation: 'attention',
        code: 'invalid-option',
        message:
          'a fused projection computes keys and values from its own input only; use separate projections for cross-attention.',
      });
    const together = byExample(this.queryKeyValue.apply({ input: rows }), batch);
    const [query, key, value] = tf.split(together, [...this.widths], -1) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    return { query, key, value };
  }
}

/** `[batch·time, width]` to `[batch, time, width]`. */
function byExample(rows: tf.Tensor2D, batch: number): tf.Tensor3D {
  return tf.reshape(rows, [batch, rows.shape[0] / batch, rows.shape[1]]) as tf.Tensor3D;
}
