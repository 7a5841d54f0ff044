import {
  lastPositions,
  runBlocks,
  type Block,
  type EmbeddingLayer,
  type KeyValueCache,
  type LinearLayer,
  type ModelStructure,
  type Normalisation,
  type ParameterHandle,
  type RawConfig,
  type RotaryEmbedding,
} from '@subtext/nn';
import { tf, type Parameters } from '@subtext/tensor';

import type { ForwardOptions, ForwardResult, LanguageModel, ModelDimensions } from './language-model';
import { ModelError } from './model-error';
import { resolvePositions } from './positions';

export interface RecurrentModelOptions {
  modelType: string;
  config: RawConfig;
  structure: ModelStructure;
  tokenEmbedding: EmbeddingLayer;
  /** Learned positions, added to the input. */
  positionEmbedding: EmbeddingLayer;
  /** Run once, before the core. */
  prelude: readonly Block[];
  /** Run in each recurrence. */
  core: readonly Block[];
  /** Run once, after the last recurrence. */
  coda: readonly Block[];
  /** Projects the state for the core. */
  stateAdapter: LinearLayer;
  /** Projects the prelude's output for the core, in each recurrence. */
  inputAdapter: LinearLayer;
  /** Norm of the core's output; its result is the next state. */
  coreNorm: Normalisation;
  /** The state of every position before the first recurrence: `[width]`. */
  initialState: ParameterHandle;
  finalNorm: Normalisation;
  head: LinearLayer;
  maxPositions: number;
  /** Default number of recurrences per pass. */
  recurrences: number;
}

/** Input of every recurrence besides the state. */
export interface RecurrentInput {
  /** The prelude's output through its adapter: `[batch, time, width]`. */
  injected: tf.Tensor3D;
  /** int32, 1 where a position is visible: `[batch, time]`; null if all are. */
  mask: tf.Tensor | null;
}

/**
 * A depth-recurrent transformer: a prelude encodes the input, a core updates a state any number of times with the
 * encoded input, and a coda decodes the answer from the state (Geiping et al., arXiv 2502.05171):
 *
 * `e = prelude(x)`, `s₀` learned, `sₖ₊₁ = norm(core(A·sₖ + B·e))`, `h = norm(coda(s))`.
 *
 * `A·s + B·e` is equivalent to Huginn's single matrix over both. Attention is bidirectional, as in TRM (arXiv
 * 2510.04871): the whole answer is predicted in one pass, each part at its own position. There is no KV cache and no
 * autoregressive generation.
 */
export class RecurrentModel implements LanguageModel {
  readonly modelType: string;
  readonly config: RawConfig;
  generationConfig: RawConfig | null = null;
  readonly structure: ModelStructure;
  readonly tokenEmbedding: EmbeddingLayer;
  readonly head: LinearLayer;
  readonly finalNorm: Normalisation;
  readonly rotary: readonly (RotaryEmbedding | null)[];
  /** Recurrences of a pass that is not told how many. */
  readonly recurrences: number;
  readonly #parts: RecurrentModelOptions;

  constructor(options: RecurrentModelOptions) {
    const { modelType, config, structure, tokenEmbedding, head, finalNorm, recurrences } = options;
    this.modelType = modelType;
    this.config = config;
    this.structure = structure;
    this.tokenEmbedding = tokenEmbedding;
    this.head = head;
    this.finalNorm = finalNorm;
    this.recurrences = recurrences;
    this.#parts = options;
    this.rotary = [...options.prelude, ...options.core, ...options.coda].map(() => null);
  }

  get dimensions(): ModelDimensions {
    return {
      width: this.tokenEmbedding.width,
      layers: this.rotary.length,
      vocabularySize: this.tokenEmbedding.count,
      maxPositions: this.#parts.maxPositions,
    };
  }

  get parameters(): Parameters {
    return this.structure.parameters;
  }

  embed(ids: tf.Tensor2D): tf.Tensor3D {
    return this.tokenEmbedding.lookup({ ids }) as tf.Tensor3D;
  }

  /** Runs the prelude. @throws ModelError `too-many-positions` */
  read({ embeddings, mask = null, positions = null, largestPosition }: ReadOptions): RecurrentInput {
    const input = this.#prelude({ embeddings, mask, positions, largestPosition, outputHiddenStates: false });
    return { injected: this.#parts.inputAdapter.apply({ input: input.hidden }), mask };
  }

  /** The state before the first recurrence: `[batch, time, width]`. */
  initialState({ batch, time }: { batch: number; time: number }): tf.Tensor3D {
    const { width } = this.tokenEmbedding;
    const state = tf.reshape(this.#parts.initialState.value, [1, 1, width]);
    return tf.add(state, tf.zeros([batch, time, width]));
  }

  /** Runs one recurrence: returns the next state, of the same shape. */
  recur({ state, input: { injected, mask } }: { state: tf.Tensor3D; input: RecurrentInput }): tf.Tensor3D {
    const { stateAdapter, core, coreNorm } = this.#parts;
    const input = tf.add(stateAdapter.apply({ input: state }), injected) as tf.Tensor3D;
    return coreNorm.apply({ input: this.#run({ blocks: core, input, mask }).hidden });
  }

  /** Decodes a state: the coda's output after the final norm, for `logits`. */
  readOut({ state, input: { mask } }: { state: tf.Tensor3D; input: Pick<RecurrentInput, 'mask'> }): tf.Tensor3D {
    return this.finalNorm.apply({ input: this.#run({ blocks: this.#parts.coda, input: state, mask }).hidden });
  }

  /**
   * Runs the prelude, the configured number of recurrences, and the coda. `hiddenStates` holds the input, the prelude's
   * layers, the state after each recurrence and the coda's layers, the last after the final norm.
   *
   * @throws ModelError `invalid-option` for a cache or attention weights, which are not supported
   */
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
    if (cache !== null) throw this.#noCache();
    if (outputAttentions || visibility !== null)
      throw new ModelError({
        code: 'invalid-option',
        message: `A ${this.modelType} has bidirectional attention in each recurrence: it supports neither a visibility mask nor attention weights. Leave both out.`,
      });
    const [batch, time] = embeddings.shape;
    const before = this.#prelude({ embeddings, mask, positions, largestPosition, outputHiddenStates });
    const input = { injected: this.#parts.inputAdapter.apply({ input: before.hidden }), mask };
    const states: tf.Tensor3D[] = [this.initialState({ batch, time })];
    for (let step = 0; step < this.recurrences; step++) states.push(this.recur({ state: states.at(-1)!, input }));
    const last = this.#run({ blocks: this.#parts.coda, input: states.at(-1)!, mask, outputHiddenStates });
    const hidden = this.finalNorm.apply({ input: last.hidden });
    const hiddenStates = outputHiddenStates
      ? [...before.hiddenStates!, ...states.slice(1, -1), ...last.hiddenStates!.slice(0, -1), hidden]
      : null;
    return { hidden: lastPositions({ states: hidden, count: outputPositions }), hiddenStates };
  }

  logits<Shape extends tf.Tensor>(hidden: Shape): Shape {
    return this.head.apply({ input: hidden });
  }

  newCache(): KeyValueCache {
    throw this.#noCache();
  }

  newGrowingCache(): KeyValueCache {
    throw this.#noCache();
  }

  dispose(): void {
    this.parameters.dispose();
  }

  #prelude({
    embeddings,
    mask = null,
    positions = null,
    largestPosition,
    outputHiddenStates,
  }: ReadOptions & { outputHiddenStates: boolean }): { hidden: tf.Tensor3D; hiddenStates: tf.Tensor3D[] | null } {
    const { positionEmbedding, prelude, maxPositions } = this.#parts;
    const time = embeddings.shape[1];
    const place = resolvePositions({ time, offset: 0, mask, positions, largestPosition });
    if (place.largest >= maxPositions)
      throw new ModelError({
        code: 'too-many-positions',
        message: `Position ${place.largest} is beyond the ${maxPositions} learned positions of this ${this.modelType}. Shorten the input.`,
      });
    const rows =
      place.positions === null
        ? tf.slice(positionEmbedding.weight.value as tf.Tensor2D, [0, 0], [time, positionEmbedding.width])
        : positionEmbedding.lookup({ ids: place.positions });
    return this.#run({ blocks: prelude, input: tf.add(embeddings, rows), mask, outputHiddenStates });
  }

  #run({
    blocks,
    input,
    mask,
    outputHiddenStates = false,
  }: {
    blocks: readonly Block[];
    input: tf.Tensor3D;
    mask: tf.Tensor | null;
    outputHiddenStates?: boolean;
  }): { hidden: tf.Tensor3D; hiddenStates: tf.Tensor3D[] | null } {
    const recompute = this.structure.recomputesBlocks ? this.structure : null;
    return runBlocks({ blocks, input, mask, causal: false, outputHiddenStates, recompute });
  }

  #noCache(): ModelError {
    return new ModelError({
      code: 'invalid-option',
      message: `A ${this.modelType} processes all positions at once and has no KV cache, so it cannot generate token by token. Train and query it with the method "recurrent".`,
    });
  }
}

type ReadOptions = Pick<ForwardOptions, 'embeddings' | 'mask' | 'positions' | 'largestPosition'>;

/** Whether a model is depth-recurrent, as the method `recurrent` requires. */
export function isRecurrent(model: LanguageModel): model is RecurrentModel {
  return model instanceof RecurrentModel;
}
