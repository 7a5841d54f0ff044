import {
  GrowingCache,
  lastPositions,
  PreallocatedCache,
  runBlocks,
  type Block,
  type EmbeddingLayer,
  type KeyValueCache,
  type LinearLayer,
  type ModelStructure,
  type Normalisation,
  type RawConfig,
  type RotaryAngles,
  type RotaryEmbedding,
} from '@subtext/nn';
import { tf, type Parameters } from '@subtext/tensor';

import type { ForwardOptions, ForwardResult, LanguageModel, ModelDimensions } from './language-model';
import { ModelError } from './model-error';
import { resolvePositions } from './positions';

export interface DecoderModelOptions {
  modelType: string;
  config: RawConfig;
  structure: ModelStructure;
  tokenEmbedding: EmbeddingLayer;
  /** Learned positions, added to the input (GPT-2). Default none. */
  positionEmbedding?: EmbeddingLayer | null;
  /** Rotary positions, applied to queries and keys (Llama). Default none. */
  rotary?: RotaryEmbedding | null;
  blocks: readonly Block[];
  finalNorm: Normalisation;
  /** From hidden states to logits; without a bias. */
  head: LinearLayer;
  /** Positions the model was made for. */
  maxPositions: number;
  /** Width of a layer's cached keys, and of its values: `keyValueHeads · headWidth`. */
  keyValueWidth: number;
}

/** A causal transformer put together from blocks: GPT-2, Llama and Qwen2 differ only in their parts. */
export class DecoderModel implements LanguageModel {
  readonly modelType: string;
  readonly config: RawConfig;
  generationConfig: RawConfig | null = null;
  readonly structure: ModelStructure;
  readonly tokenEmbedding: EmbeddingLayer;
  readonly positionEmbedding: EmbeddingLayer | null;
  readonly rotary: RotaryEmbedding | null;
  readonly blocks: readonly Block[];
  readonly finalNorm: Normalisation;
  readonly head: LinearLayer;
  readonly #maxPositions: number;
  readonly #keyValueWidth: number;

  constructor({
    modelType,
    config,
    structure,
    tokenEmbedding,
    positionEmbedding = null,
    rotary = null,
    blocks,
    finalNorm,
    head,
    maxPositions,
    keyValueWidth,
  }: DecoderModelOptions) {
    this.modelType = modelType;
    this.config = config;
    this.structure = structure;
    this.tokenEmbedding = tokenEmbedding;
    this.positionEmbedding = positionEmbedding;
    this.rotary = rotary;
    this.blocks = blocks;
    this.finalNorm = finalNorm;
    this.head = head;
    this.#maxPositions = maxPositions;
    this.#keyValueWidth = keyValueWidth;
  }

  get dimensions(): ModelDimensions {
    return {
      width: this.tokenEmbedding.width,
      layers: this.blocks.length,
      vocabularySize: this.tokenEmbedding.count,
      maxPositions: this.#maxPositions,
    };
  }

  get parameters(): Parameters {
    return this.structure.parameters;
  }

  embed(ids: tf.Tensor2D): tf.Tensor3D {
    return this.tokenEmbedding.lookup({ ids }) as tf.Tensor3D;
  }

  forward({
    embeddings,
    mask = null,
    positions = null,
    largestPosition,
    cache = null,
    outputHiddenStates = false,
    outputPositions = embeddings.shape[1],
  }: ForwardOptions): ForwardResult {
    const time = embeddings.shape[1];
    const place = resolvePositions({
      time,
      offset: cache?.length ?? 0,
      mask,
      positions,
      largestPosition,
      outputPositions,
    });
    let input = embeddings;
    if (this.positionEmbedding !== null) {
      if (place.largest >= this.#maxPositions) {
        throw new ModelError({
          code: 'too-many-positions',
          message: `Position ${place.largest} is beyond the ${this.#maxPositions} learned positions of this ${this.modelType}. Shorten the input or generate fewer tokens.`,
        });
      }
      const { positionEmbedding } = this;
      const rows =
        place.positions === null
          ? tf.slice(positionEmbedding.weight.value as tf.Tensor2D, [place.offset, 0], [time, positionEmbedding.width])
          : positionEmbedding.lookup({ ids: place.positions });
      input = tf.add(embeddings, rows);
    }
    const rotary: RotaryAngles | null =
      this.rotary?.angles(
        place.positions === null
          ? { offset: place.offset, time }
          : { positions: place.positions, largest: place.largest },
      ) ?? null;
    const { hidden: last, hiddenStates } = runBlocks({
      blocks: this.blocks,
      input,
      rotary,
      causal: true,
      mask,
      cache,
      outputHiddenStates,
      ...(!outputHiddenStates && { outputPositions }),
    });
    cache?.advance(time);
    const hidden = this.finalNorm.apply({ input: last });
    if (hiddenStates !== null) hiddenStates[hiddenStates.length - 1] = hidden;
    return { hidden: lastPositions(hidden, outputPositions), hiddenStates };
  }

  logits<Shape extends tf.Tensor>(hidden: Shape): Shape {
    return this.head.apply({ input: hidden });
  }

  newCache({ batch, capacity }: { batch: number; capacity: number }): KeyValueCache {
    return new PreallocatedCache({ layers: this.blocks.length, batch, capacity, width: this.#keyValueWidth });
  }

  newGrowingCache(): KeyValueCache {
    return new GrowingCache({ layers: this.blocks.length });
  }

  dispose(): void {
    this.parameters.dispose();
    this.rotary?.dispose();
  }
}
