import type { tf } from '@subtext/tensor';

import type { ForwardOptions, LanguageModel } from '../language-model';
import { ModelError } from '../model-error';
import type { DecodingSession } from './decoding-session';
import { checkRowMask } from './row-mask';
import { checkSampling, type SamplingOptions } from './sampling-options';

/** Embedded prompts, as returned by a multimodal model's `embedInputs`. */
export interface EmbeddedPrompts {
  /** `[batch, time, width]`, left-padded. Not disposed. */
  embeddings: tf.Tensor3D;
  /** `batch` rows of `time` values, 0 on padding. Default: no padding. */
  mask?: readonly (readonly number[] | Int32Array)[] | null;
  /** Extra inputs of every pass, such as image states for cross-attention. Default none. */
  forwardExtras?: Partial<ForwardOptions>;
  /**
   * By row, the token ids of the last positions, for a session whose visibility mask depends on tokens. Default:
   * unknown.
   */
  ids?: readonly (readonly number[] | Int32Array)[];
}

/** A generated token, as passed to `onToken`. */
export interface GeneratedToken {
  /** The row of `inputs`. */
  row: number;
  /** From 0. */
  index: number;
  id: number;
  /** Whether it is the row's last token. */
  last: boolean;
}

export interface GenerateOptions extends SamplingOptions {
  model: LanguageModel;
  /** One prompt per row, as ids of any length, or embedded prompts. */
  inputs: readonly (readonly number[] | Int32Array)[] | EmbeddedPrompts;
  /**
   * A session that already holds the beginning of every row; `inputs` are the continuation, and it must have room for
   * them, the draft and the new tokens. It is consumed, but freed by the caller. Default: a new session.
   */
  session?: DecodingSession;
  /** By row, the token ids already in the session, for the repetition penalty. Default: unknown. */
  history?: readonly (readonly number[])[];
  maxNewTokens: number;
  /** Minimum number of tokens before a stop id. Default 0. */
  minNewTokens?: number;
  /** Ids that end a row, for all rows or a list per row. The stop id is included in the output. Default none. */
  stopIds?: readonly number[] | readonly (readonly number[])[];
  /**
   * Repetition penalty: logits of tokens already in the prompt or the continuation are divided by it if positive,
   * otherwise multiplied (CTRL, arXiv 1909.05858). Default 1: no penalty.
   */
  repetitionPenalty?: number;
  /** Random seed; each row has its own stream, independent of the rest of the batch. Default 0. */
  seed?: number;
  /**
   * Whether to return the hidden state that predicted each token, at the given layer (numbered as in transformers) or
   * by default after the final norm. Default false.
   */
  outputStates?: boolean | { layer: number };
  /**
   * Ids that every row is expected to begin with. They are run in one pass with the prompt, and kept as far as greedy
   * decoding would have chosen them: the same tokens in fewer passes (speculative decoding, arXiv 2211.17192, with a
   * fixed draft). Ignored unless decoding is greedy. Default none.
   */
  draft?: readonly number[];
  /**
   * Embeds generated tokens for the next pass, `[rows, 1, width]`, given their ids and the states `[rows, 1, width]`
   * that predicted them, after the final norm. Not used for the draft. Default: the token embeddings.
   */
  embedNext?: (options: { ids: Int32Array; states: tf.Tensor3D }) => tf.Tensor3D;
  /** Called with each token. */
  onToken?: (token: GeneratedToken) => void;
  /** Stops generation between tokens; tokens generated so far are returned. */
  signal?: AbortSignal;
}

/** Why a row ended. */
export type StopReason = 'stop-id' | 'max-new-tokens' | 'max-positions' | 'aborted';

export interface Generation {
  /** Generated ids per row, including the stop id. */
  ids: number[][];
  reasons: StopReason[];
  /** Number of forward passes per row, including the prompt's. */
  passes: number[];
  /** `states[row][index]` is the state that predicted that token, `[width]`; null unless requested. */
  states: Float32Array[][] | null;
}

/** Whether the prompts are already embedded. */
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
      `stopIds has lists for ${stopIds.filter((entry) => Array.isArray(entry)).length} rows, but there are ${batch}.`,
    );
  // Ids beyond the vocabulary can never be generated and are harmless; values that are not ids are a mistake.
  const odd = (stopIds as readonly (number | readonly number[])[]).flat().find((id) => !Number.isInteger(id) || id < 0);
  if (odd !== undefined) fail(`stopIds holds ${String(odd)}, which is not an id.`);
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
