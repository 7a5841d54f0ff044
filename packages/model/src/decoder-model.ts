import {
  GrowingCache,
  lastPositions,
  PreallocatedCache,
  runBlocks,
  WindowMasks,
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
import { rotationSwitch } from './rotation-switch';
import { seenKeys } from './seen-keys';

export interface DecoderModelOptions {
  modelType: string;
  config: RawConfig;
  structure: ModelStructure;
  tokenEmbedding: EmbeddingLayer;
  /** Learned positions, added to the input (GPT-2). Default none. */
  positionEmbedding?: EmbeddingLayer | null;
  /** Rotary embedding of each layer's queries and keys (Llama). Default none. */
  rotary?: readonly (RotaryEmbedding | null)[];
  blocks: readonly Block[];
  finalNorm: Normalisation;
  /** Output layer, from hidden states to logits; no bias. */
  head: LinearLayer;
  /** Maximum sequence length. */
  maxPositions: number;
  /** Number of key and value heads per layer. */
  keyValueHeads: number;
  /** Width of a layer's cached keys (and of its values): `keyValueHeads · headWidth`. */
  keyValueWidth: number;
  /** Soft cap on the logits, `cap · tanh(logit / cap)` (Gemma 2). Default none. */
  logitSoftCap?: number | null;
}

/** A causal transformer built from blocks; text models differ only in their components. */
export class DecoderModel implements LanguageModel {
  readonly modelType: string;
  readonly takesVisibility = true;
  readonly config: RawConfig;
  generationConfig: RawConfig | null = null;
  readonly structure: ModelStructure;
  readonly tokenEmbedding: EmbeddingLayer;
  readonly positionEmbedding: EmbeddingLayer | null;
  readonly rotary: readonly (RotaryEmbedding | null)[];
  readonly blocks: readonly Block[];
  readonly finalNorm: Normalisation;
  readonly head: LinearLayer;
  readonly #maxPositions: number;
  readonly #keyValueHeads: number;
  readonly #keyValueWidth: number;
  readonly #logitSoftCap: number | null;

  constructor({
    modelType,
    config,
    structure,
    tokenEmbedding,
    positionEmbedding = null,
    rotary,
    blocks,
    finalNorm,
    head,
    maxPositions,
    keyValueHeads,
    keyValueWidth,
    logitSoftCap = null,
  }: DecoderModelOptions) {
    this.modelType = modelType;
    this.config = config;
    this.structure = structure;
    this.tokenEmbedding = tokenEmbedding;
    this.positionEmbedding = positionEmbedding;
    this.rotary = rotary ?? blocks.map(() => null);
    this.blocks = blocks;
    this.finalNorm = finalNorm;
    this.head = head;
    this.#maxPositions = maxPositions;
    this.#keyValueHeads = keyValueHeads;
    this.#keyValueWidth = keyValueWidth;
    this.#logitSoftCap = logitSoftCap;
  }

  get dimensions(): ModelDimensions {
    return {
      width: this.tokenEmbedding.width,
      layers: this.blocks.length,
      keyValueHeads: this.#keyValueHeads,
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
    outputAttentions = false,
    outputPositions = embeddings.shape[1],
    visibility = null,
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
    this.#checkRotation({ offset: cache?.length ?? 0, time, largest: place.largest });
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
    // Layers with the same rotary embedding share its angles.
    const angles = new Map<RotaryEmbedding | null, RotaryAngles | null>(
      [...new Set(this.rotary)].map((rotary) => [
        rotary,
        rotary?.angles(
          place.positions === null
            ? { offset: place.offset, time }
            : { positions: place.positions, largest: place.largest },
        ) ?? null,
      ]),
    );
    const attentions: tf.Tensor4D[] = [];
    const { hidden: last, hiddenStates } = runBlocks({
      blocks: this.blocks,
      input,
      rotary: this.rotary.map((rotary) => angles.get(rotary) ?? null),
      causal: true,
      mask: seenKeys({ mask, visibility }),
      windowMasks:
        mask?.rank === 2
          ? new WindowMasks({ mask: mask as tf.Tensor2D, queryTime: time, sight: visibility?.keys ?? null })
          : null,
      cache,
      recompute: this.structure.recomputesBlocks ? this.structure : null,
      outputHiddenStates,
      ...(outputAttentions && { onWeights: (weights: tf.Tensor4D) => void attentions.push(weights) }),
      ...(!outputHiddenStates && !outputAttentions && { outputPositions }),
    });
    cache?.advance(time);
    const hidden = this.finalNorm.apply({ input: last });
    if (hiddenStates !== null) hiddenStates[hiddenStates.length - 1] = hidden;
    return {
      hidden: lastPositions({ states: hidden, count: outputPositions }),
      hiddenStates,
      ...(outputAttentions && { attentions }),
    };
  }

  /** Throws if this pass would use different rotary frequencies from the cached keys. */
  #checkRotation({ offset, time, largest }: { offset: number; time: number; largest: number }): void {
    const after = rotationSwitch(this);
    if (after === null || offset === 0 || largest < after || largest + 1 - time > after) return;
    throw new ModelError({
      code: 'rotation-changes',
      message: `Beyond ${after} positions this ${this.modelType} changes the rotation of all positions (LongRoPE), and the cache holds ${offset} with the old one. Run them all in one pass, or use a DecodingSession, which recomputes them.`,
    });
  }

  logits<Shape extends tf.Tensor>(hidden: Shape): Shape {
    const logits = this.head.apply({ input: hidden });
    const cap = this.#logitSoftCap;
    return cap === null ? logits : tf.mul(tf.tanh(tf.div(logits, cap)), cap);
  }

  newCache({ batch, capacity }: { batch: number; capacity: number }): KeyValueCache {
    const counted = this.blocks.some(({ window = null }) => window !== null);
    return new PreallocatedCache({
      layers: this.blocks.length,
      batch,
      capacity,
      width: this.#keyValueWidth,
      counted,
    });
  }

  newGrowingCache(): KeyValueCache {
    return new GrowingCache({ layers: this.blocks.length });
  }

  dispose(): void {
    this.parameters.dispose();
    for (const rotary of this.rotary) rotary?.dispose();
  }
}
