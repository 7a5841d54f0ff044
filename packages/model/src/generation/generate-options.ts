import type { tf } from '@subtext/tensor';

import type { ForwardOptions, LanguageModel } from '../language-model';
import { ModelError } from '../model-error';
import type { DecodingSession } from './decoding-session';
import { checkRowMask } from './row-mask';
import { checkSampling, type SamplingOptions } from './sampling-options';

/** Prompts as vectors, such as a multimodal model's `embedInputs` gives. */
export interface EmbeddedPrompts {
  /** `[batch, time, width]`, left-padded. Not disposed. */
  embeddings: tf.Tensor3D;
  /** `batch` rows of `time` values, 0 on padding. Default: no padding. */
  mask?: readonly (readonly number[] | Int32Array)[] | null;
  /** Further inputs of every pass, such as the image states of a cross-attention. Default none. */
  forwardExtras?: Partial<ForwardOptions>;
  /** By row, the tokens that the last positions hold, for a session in which tokens tell who sees whom. Default none is known. */
  ids?: readonly (readonly number[] | Int32Array)[];
}

/** A token as it is generated. */
export interface GeneratedToken {
  /** The row of `inputs`. */
  row: number;
  /** Counting from 0. */
  index: number;
  id: number;
  /** Whether the row ends with it. */
  last: boolean;
}

export interface GenerateOptions extends SamplingOptions {
  model: LanguageModel;
  /** One prompt a row, as ids, of any lengths; or prompts already embedded. */
  inputs: readonly (readonly number[] | Int32Array)[] | EmbeddedPrompts;
  /**
   * Holds the beginning of every row; `inputs` are what follows, with room in the session for them, the draft and the new
   * tokens. It is used up, and freed by the caller. Default: a session of its own.
   */
  session?: DecodingSession;
  /** By row, the tokens that the session holds already, for the penalty of repetition. Default none is known. */
  history?: readonly (readonly number[])[];
  maxNewTokens: number;
  /** Stop ids are not chosen before this many tokens. Default 0. */
  minNewTokens?: number;
  /** Ids that end a row: for all rows, or a list for each. The id that ends a row is its last. Default none. */
  stopIds?: readonly number[] | readonly (readonly number[])[];
  /**
   * What makes tokens less likely that the prompt or the continuation holds already: their logits are divided by it where
   * they are above 0, else multiplied (CTRL, arXiv 1909.05858). Default 1, which changes nothing.
   */
  repetitionPenalty?: number;
  /** Of the random draws; each row has a stream of its own, whatever else is in the batch. Default 0. */
  seed?: number;
  /**
   * Whether to give, for each token, the hidden state that predicted it; of the layer named (as transformers counts
   * them), by default the last one, after the final norm. Default false.
   */
  outputStates?: boolean | { layer: number };
  /**
   * Ids that every row is expected to begin with. They run in one pass with the prompt, and are kept as far as greedy
   * decoding would have chosen them: the same tokens in fewer passes (speculative decoding, arXiv 2211.17192, with a
   * fixed draft). Greedy decoding only; else it is left unused. Default none.
   */
  draft?: readonly number[];
  /**
   * How written tokens enter the next pass, `[rows, 1, width]`, from the ids and the states `[rows, 1, width]` that predicted
   * them, after the final norm. Not asked for the draft's. Default: as their embeddings.
   */
  embedNext?: (options: { ids: Int32Array; states: tf.Tensor3D }) => tf.Tensor3D;
  /** Called with each token. */
  onToken?: (token: GeneratedToken) => void;
  /** Stops generation between two tokens; what was generated is returned. */
  signal?: AbortSignal;
}

/** Why a row ended. */
export type StopReason = 'stop-id' | 'max-new-tokens' | 'max-positions' | 'aborted';

export interface Generation {
  /** The new ids of each row, the stop id included. */
  ids: number[][];
  reasons: StopReason[];
  /** How many passes through the model each row took, the prompt's among them. */
  passes: number[];
  /** `states[row][index]` is the state that predicted that token, `[width]`; null unless asked for. */
  states: Float32Array[][] | null;
}

/** Whether prompts are vectors already. */
export function isEmbedded(inputs: GenerateOptions['inputs']): inputs is EmbeddedPrompts {
  return !Array.isArray(inputs);
}

/** @throws ModelError `invalid-option`; `invalid-token-id` */
export function checkGenerateOptions({
  model,
  inputs,
  maxNewTokens,
  minNewTokens = 0,
  temperature,
  topK,
  topP,
  minP,
  repetitionPenalty = 1,
  stopIds = [],
  seed = 0,
  outputStates = false,
  draft = [],
}: GenerateOptions): void {
  const fail = (message: string): never => {
    throw new ModelError({ code: 'invalid-option', message });
  };
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1)
    fail(`maxNewTokens must be a whole number above 0, got ${maxNewTokens}.`);
  if (!Number.isInteger(minNewTokens) || minNewTokens < 0 || minNewTokens > maxNewTokens)
    fail(`minNewTokens must be a whole number between 0 and maxNewTokens ${maxNewTokens}, got ${minNewTokens}.`);
  checkSampling({ temperature, topK, topP, minP });
  if (!(repetitionPenalty > 0 && repetitionPenalty < Infinity))
    fail(`repetitionPenalty must be a finite number above 0, got ${repetitionPenalty}.`);
  if (!Number.isSafeInteger(seed)) fail(`seed must be a whole number, got ${seed}.`);
  const { layers, vocabularySize, width } = model.dimensions;
  const layer = typeof outputStates === 'object' ? outputStates.layer : layers;
  if (!Number.isInteger(layer) || layer < 0 || layer > layers)
    fail(`outputStates.layer must be a whole number from 0 to ${layers}, got ${layer}.`);
  const batch = isEmbedded(inputs) ? inputs.embeddings.shape[0] : inputs.length;
  if (batch === 0) fail('There is no prompt: inputs is empty.');
  const lists = stopIds.some((entry) => Array.isArray(entry));
  if (lists && (stopIds.length !== batch || !stopIds.every((entry) => Array.isArray(entry))))
    fail(
      `stopIds has lists for ${stopIds.filter((entry) => Array.isArray(entry)).length} rows where there are ${batch}.`,
    );
  // An id that the model cannot write is none that it ends with; numbers that are no ids are a mistake.
  const odd = (stopIds as readonly (number | readonly number[])[]).flat().find((id) => !Number.isInteger(id) || id < 0);
  if (odd !== undefined) fail(`stopIds holds ${String(odd)}, which is no id.`);
  const strange = draft.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (strange !== undefined) fail(`draft holds the id ${strange}; the model's ids are 0 to ${vocabularySize - 1}.`);
  if (isEmbedded(inputs)) {
    const { embeddings, mask } = inputs;
    const [, time] = embeddings.shape;
    if (embeddings.rank !== 3 || embeddings.dtype !== 'float32' || embeddings.shape[2] !== width || time === 0)
      fail(
        `inputs.embeddings must be float32 [batch, time, ${width}] with at least one position, got ${embeddings.dtype} [${embeddings.shape.join(', ')}].`,
      );
    if (mask) checkRowMask({ what: 'inputs.mask', mask, batch, time });
    return;
  }
  for (const [row, prompt] of inputs.entries()) {
    if (prompt.length === 0)
      fail(`Prompt ${row} is empty: a model needs at least one token, such as its beginning-of-text token.`);
    for (const [index, id] of prompt.entries()) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
        throw new ModelError({
          code: 'invalid-token-id',
          message: `Prompt ${row} has the id ${id} at position ${index}; the model's ids are 0 to ${vocabularySize - 1}. Do the tokenizer and the model belong together?`,
        });
      }
    }
  }
}
