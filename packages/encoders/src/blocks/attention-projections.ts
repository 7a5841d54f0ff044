import { rmsNorm, tf } from '@subtext/tensor';
import type { ParameterHandle, ParameterScope } from '../weights/parameter-scope';
import type { LinearLayer } from './linear-layer';

/** Queries, keys and values, heads side by side in the last axis. */
export interface QueryKeyValue {
  /** `[batch, queryTime, heads·headWidth]` */ query: tf.Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]` */ key: tf.Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]` */ value: tf.Tensor3D;
}

/** How an attention makes its queries, keys and values. */
export interface AttentionProjection {
  /**
   * From `rows` alone, or keys and values from `keyValueRows` (cross-attention): `[batch·time, width]` each, the rows of
   * an example one after the other.
   */
  project(options: { rows: tf.Tensor2D; batch: number; keyValueRows?: tf.Tensor2D }): QueryKeyValue;
}

/** An RMS norm of each head's query or key on its own (`q_norm`, `k_norm`); the weight is `[headWidth]`. */
export class HeadNorm {
  readonly weight: ParameterHandle;
  readonly heads: number;
  readonly headWidth: number;
  readonly epsilon: number;

  constructor({
    scope,
    heads,
    headWidth,
    epsilon,
  }: {
    scope: ParameterScope;
    heads: number;
    headWidth: number;
    epsilon: number;
  }) {
    this.weight = scope.declare({ name: 'weight', shape: [headWidth], initialisation: { kind: 'ones' } });
    this.heads = heads;
    this.headWidth = headWidth;
    this.epsilon = epsilon;
  }

  /** `[..., heads·headWidth]` to the same. */
  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const heads = tf.reshape(input, [input.size / this.headWidth, this.headWidth]);
    const normalised = rmsNorm({ input: heads, scale: this.weight.value as tf.Tensor1D, epsilon: this.epsilon });
    return tf.reshape(normalised, input.shape) as Shape;
  }
}

/** One linear layer each for queries, keys and values: Llama, Qwen2, CLIP, SigLIP, Mllama. */
export class SeparateProjections implements AttentionProjection {
  readonly query: LinearLayer;
  readonly key: LinearLayer;
  readonly value: LinearLayer;
  readonly queryNorm: HeadNorm | null;
  readonly keyNorm: HeadNorm | null;

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
    queryNorm?: HeadNorm | null;
    keyNorm?: HeadNorm | null;
  }) {
    this.query = query;
    this.key = key;
    this.value = value;
    this.queryNorm = queryNorm;
    this.keyNorm = keyNorm;
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

  /** Keys and values alone, so that those of an image need be made only once. */
  projectKeyValue<Shape extends tf.Tensor>({ input }: { input: Shape }): { key: Shape; value: Shape } {
    const key = this.key.apply({ input });
    const value = this.value.apply({ input });
    return { key: this.keyNorm === null ? key : this.keyNorm.apply({ input: key }), value };
  }
}

/** Queries, keys and values from one linear layer, side by side in its output: GPT-2's `c_attn`. */
export class FusedProjection implements AttentionProjection {
  readonly queryKeyValue: LinearLayer;

  constructor({ queryKeyValue }: { queryKeyValue: LinearLayer }) {
    this.queryKeyValue = queryKeyValue;
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
      throw new Error(
        'A fused projection makes keys and values from its own input only; use separate projections for cross-attention.',
      );
    const [query, key, value] = tf.split(byExample(this.queryKeyValue.apply({ input: rows }), batch), 3, -1) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    return { query, key, value };
  }
}

/** `[batch·time, width]` to `[batch, time, width]`. */
function byExample(rows: tf.Tensor2D, batch: number): tf.Tensor3D {
  return tf.reshape(rows, [batch, rows.shape[0] / batch, rows.shape[1]]) as tf.Tensor3D;
}
