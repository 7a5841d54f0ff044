import type { Parameters } from '@subtext/tensor';

import type { EmbeddingLayer } from '../blocks/embedding-layer';
import type { LinearLayer } from '../blocks/linear-layer';
import type { ModelStructure } from '../weights/parameter-scope';

/** What adapters need of a model; a `LanguageModel` of `@subtext/model` is one. */
export interface AdaptableModel {
  /** Hugging Face's `model_type`. */
  readonly modelType: string;
  readonly dimensions: { width: number; /** Rows of the token embedding. */ vocabularySize: number };
  /** The table of the token embedding. */
  readonly tokenEmbedding: EmbeddingLayer;
  /** The layer that makes logits. */
  readonly head: LinearLayer;
  /** By their names in the checkpoint; adapters add theirs. */
  readonly parameters: Parameters;
  /** The declared parameters and the linear layers by name. */
  readonly structure: ModelStructure;
}
