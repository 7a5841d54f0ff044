import { embedding, tf } from '@subtext/tensor';

import type { Initialisation, ParameterHandle, ParameterScope } from '../weights/parameter-scope';
import type { TokenRows } from './token-rows';

export interface EmbeddingLayerOptions {
  /** Where the parameter `weight` lives. */
  scope: ParameterScope;
  /** Rows of the table. */
  count: number;
  width: number;
  /** How the table starts in a new model. Default normal with deviation 0.02. */
  initialisation?: Initialisation;
  /** Factor on what is looked up (Gemma: the square root of the width). Default 1. */
  scale?: number;
}

/** A table of rows looked up by id, times `scale`; `weight` is `[count, width]`. */
export class EmbeddingLayer {
  readonly weight: ParameterHandle;
  readonly width: number;
  readonly scale: number;
  /** Rows that are trained apart from the table; null without any. */
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

  /** Rows in the table now: it may have been resized since it was declared. */
  get count(): number {
    return this.weight.value.shape[0] as number;
  }

  /** int32 ids `[...]` to rows `[..., width]`. */
  lookup({ ids }: { ids: tf.Tensor }): tf.Tensor {
    const found = embedding({ table: this.weight.value as tf.Tensor2D, ids });
    const rows = this.rows === null ? found : this.rows.embed({ ids, found });
    return this.scale === 1 ? rows : tf.mul(rows, this.scale);
  }
}
