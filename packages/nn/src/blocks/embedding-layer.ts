import { embedding, tf } from '@subtext/tensor';

import type { Initialisation, ParameterHandle, ParameterScope } from '../weights/parameter-scope';
import type { TokenRows } from './token-rows';

export interface EmbeddingLayerOptions {
  /** The scope that declares the parameter `weight`. */
  scope: ParameterScope;
  /** Number of rows. */
  count: number;
  width: number;
  /** Initialisation in a new model. Default: normal with standard deviation 0.02. */
  initialisation?: Initialisation;
  /** Factor on the embeddings (Gemma: the square root of the width). Default 1. */
  scale?: number;
}

/** An embedding table, scaled by `scale`; `weight` is `[count, width]`. */
export class EmbeddingLayer {
  readonly weight: ParameterHandle;
  readonly width: number;
  readonly scale: number;
  /** Rows trained separately from the table; null if there are none. */
  rows: TokenRows | null = null;

  constructor({
    scope,
    count,
    width,
    initialisation = { kind: 'normal', deviation: 0.02 },
    scale = 1,
  }: EmbeddingLayerOptions) {
    this.width = width;
    this.scale = scale;
    this.weight = scope.declare({ name: 'weight', shape: [count, width], initialisation });
  }

  /** Current number of rows; it changes when the table is resized. */
  get count(): number {
    return this.weight.value.shape[0] as number;
  }

  /** Looks up int32 ids: `[...]` to `[..., width]`. */
  lookup({ ids }: { ids: tf.Tensor }): tf.Tensor {
    const found = embedding({ table: this.weight.value as tf.Tensor2D, ids });
    const rows = this.rows === null ? found : this.rows.embed({ ids, found });
    return this.scale === 1 ? rows : tf.mul(rows, this.scale);
  }
}
