import type { Parameters } from '@subtext/tensor';

import type { EmbeddingLayer } from '../blocks/embedding-layer';
import type { LinearLayer } from '../blocks/linear-layer';
import type { ModelStructure } from '../weights/parameter-scope';

/** The parts of a model that adapters need; a `LanguageModel` of `@subtext/model` is one. */
export interface AdaptableModel {
  /** Hugging Face's `model_type`. */
  readonly modelType: string;
  readonly dimensions: { width: number; /** Number of rows of the token embedding. */ vocabularySize: number };
  /** The token embedding. */
  readonly tokenEmbedding: EmbeddingLayer;
  /** The output layer (logits). */
  readonly head: LinearLayer;
  /** Parameters by checkpoint name, including those of adapters. */
  readonly parameters: Parameters;
  /** Declared parameters, and linear layers by name. */
  readonly structure: ModelStructure;
}
