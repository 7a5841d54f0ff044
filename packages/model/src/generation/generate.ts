import { lastPositions } from '@subtext/nn';
import { gatherRows, RandomStream, tf } from '@subtext/tensor';

import type { ForwardOptions, LanguageModel } from '../language-model';
import { ModelError } from '../model-error';
import { tidied } from '../tidied';
import { DecodingSession } from './decoding-session';
import { chooseGreedily, notANumber } from './greedy-tokens';
import { checkRowMask } from './row-mask';
import { argumentOfMaximum, sampleToken } from './sample-token';
import { suppressedTokens } from './suppressed-tokens';
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
  maxNewTokens: number;
  /** Stop ids are not chosen before this many tokens. Default 0. */
  minNewTokens?: number;
  /** Ids that end a row: for all rows, or a list for each. The id that ends a row is its last. Default none. */
  stopIds?: readonly number[] | readonly (readonly number[])[];
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

interface Row {
  row: number;
  stopIds: ReadonlySet<number>;
  random: RandomStream;
  ids: number[];
  states: Float32Array[];
  passes: number;
  reason: StopReason | null;
}

function isEmbedded(inputs: GenerateOptions['inputs']): inputs is EmbeddedPrompts {
  return !Array.isArray(inputs);
}

/** Pads prompts of ids on the left, so that all end at the same position. */
export function leftPad({
  prompts,
  padId = 0,
}: {
  prompts: readonly (readonly number[] | Int32Array)[];
  /** @default 0 */
  padId?: number;
}): { ids: Int32Array; mask: number[][] | null; time: number } {
  const time = Math.max(...prompts.map((prompt) => prompt.length));
  const ids = new Int32Array(prompts.length * time).fill(padId);
  for (const [row, prompt] of prompts.entries()) ids.set(prompt, (row + 1) * time - prompt.length);
  const even = prompts.every((prompt) => prompt.length === time);
  const mask = even
    ? null
    : prompts.map((prompt) => Array.from({ length: time }, (_, index) => (index < time - prompt.length ? 0 : 1)));
  return { ids, mask, time };
}

function checkOptions({
  model,
  inputs,
  maxNewTokens,
  minNewTokens = 0,
  temperature,
  topK,
  topP,
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
  checkSampling({ temperature, topK, topP });
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

/**
 * Generates up to `maxNewTokens` tokens for each prompt, side by side: prompts are padded on the left, every position is
 * computed once (cached), rows that are finished leave the batch. Greedy by default. A row's tokens do not depend on the
 * rows beside it. Ids that the model's generation_config.json lists as `suppress_tokens` are never written.
 *
 * @throws ModelError; `not-a-number` where logits are NaN or infinite, sampled or not
 */
export async function generate(options: GenerateOptions): Promise<Generation> {
  checkOptions(options);
  const {
    model,
    inputs,
    maxNewTokens,
    minNewTokens = 0,
    temperature = 0,
    topK,
    topP,
    stopIds = [],
    seed = 0,
    outputStates = false,
    embedNext,
    onToken,
    signal,
  } = options;
  const prompts = isEmbedded(inputs) ? inputs : embedPrompts({ model, prompts: inputs });
  const [batch, time] = prompts.embeddings.shape;
  const { maxPositions } = model.dimensions;
  const begun = options.session?.positions ?? new Array<number>(batch).fill(0);
  if (begun.length !== batch)
    throw new ModelError({
      code: 'invalid-option',
      message: `The session has ${begun.length} rows; inputs have ${batch}.`,
    });
  const longest = Math.max(
    ...begun.map(
      (earlier, row) =>
        earlier + (prompts.mask ? (prompts.mask[row] as readonly number[]).reduce((sum, seen) => sum + seen, 0) : time),
    ),
  );
  if (longest > maxPositions) {
    throw new ModelError({
      code: 'too-many-positions',
      message: `The longest prompt has ${longest} tokens; this ${model.modelType} has room for ${maxPositions}. Shorten it.`,
    });
  }
  const rows: Row[] = Array.from({ length: batch }, (_, row) => ({
    row,
    stopIds: new Set(Array.isArray(stopIds[0]) ? (stopIds[row] as readonly number[]) : (stopIds as readonly number[])),
    random: new RandomStream({ seed: (seed ^ Math.imul(row + 1, 0x9e3779b1)) | 0 }),
    ids: [],
    states: [],
    passes: 0,
    reason: null,
  }));
  const steps = Math.min(maxNewTokens, maxPositions - longest + 1);
  const choosing = (step: number) => step < minNewTokens || temperature > 0;
  // The token after the draft is chosen in the same pass, so the draft stays one below the limit.
  const draft = choosing(0) ? [] : (options.draft ?? []).slice(0, steps - 1);
  const session =
    options.session ??
    new DecodingSession({
      model,
      batch,
      capacity: time + draft.length + steps - 1,
      forwardExtras: prompts.forwardExtras,
    });
  const layer = typeof outputStates === 'object' ? outputStates.layer : model.dimensions.layers;
  const onLastLayer = layer === model.dimensions.layers;
  const { width } = model.dimensions;
  /** The rows in the session, in its order; finished ones stay until half are finished. */
  let present = rows;
  let input =
    draft.length === 0 ? prompts.embeddings : appendIds({ model, embeddings: prompts.embeddings, ids: draft });
  if (draft.length > 0 && !isEmbedded(inputs)) prompts.embeddings.dispose();
  let mask =
    prompts.mask === null || prompts.mask === undefined
      ? null
      : prompts.mask.map((row) => [...row, ...draft.map(() => 1)]);
  let drafted = draft;
  /** The states that predicted the last tokens, while `embedNext` may ask for them. */
  let predicting: tf.Tensor3D | null = null;
  const given = isEmbedded(inputs) ? prompts.ids : inputs;
  let ids = rows.map(({ row }) => [...(given?.[row] ?? []), ...draft]);
  try {
    for (let step = 0; ; step++) {
      const sampled = choosing(step);
      const predictions = drafted.length + 1;
      const { states, choices, surprise, logits, ...kept } = tidied(() => {
        const { hidden, hiddenStates } = session.feed({
          embeddings: input,
          mask,
          ids,
          outputHiddenStates: outputStates !== false && !onLastLayer,
          outputPositions: predictions,
        });
        const free = model.logits(hidden);
        const suppressed = suppressedTokens({ model });
        const predicted = suppressed === null ? free : tf.add(free, suppressed);
        const greedy = sampled
          ? null
          : chooseGreedily(tf.reshape(predicted, [-1, predicted.shape[predicted.rank - 1] as number]) as tf.Tensor2D);
        return {
          states:
            outputStates === false
              ? null
              : lastPositions({ states: hiddenStates?.[layer] ?? hidden, count: predictions }),
          choices: greedy?.ids ?? null,
          surprise: greedy?.surprise ?? null,
          logits: sampled ? predicted : null,
          // A tensor of its own: `states` may be the same.
          predicting: embedNext ? lastPositions({ states: hidden, count: predictions }).clone() : null,
        };
      });
      predicting = kept.predicting;
      if (input !== prompts.embeddings || !isEmbedded(inputs)) input.dispose();
      const [stateValues, chosen, surprises, logitValues] = (await Promise.all([
        states?.data(),
        choices?.data(),
        surprise?.data(),
        logits?.data(),
      ]).finally(() => tf.dispose([states, choices, surprise, logits].filter((tensor) => tensor !== null)))) as [
        Float32Array | undefined,
        Int32Array | undefined,
        Float32Array | undefined,
        Float32Array | undefined,
      ];
      const next = new Int32Array(present.length);
      const rejected = new Array<number>(present.length).fill(0);
      for (const [place, row] of present.entries()) {
        if (row.reason !== null) continue;
        row.passes++;
        for (let index = 0; index < predictions; index++) {
          const at = place * predictions + index;
          let id = chosen?.[at] as number;
          if (surprises !== undefined && !Number.isFinite(surprises[at])) throw notANumber(` of row ${row.row}`);
          if (logitValues !== undefined) {
            // Not the vocabulary's size: Mllama has embeddings that it cannot write.
            const columns = logitValues.length / present.length;
            const own = logitValues.slice(place * columns, (place + 1) * columns);
            if (step < minNewTokens) for (const stopId of row.stopIds) own[stopId] = -Infinity;
            id =
              temperature > 0
                ? sampleToken({ logits: own, temperature, topK, topP, random: row.random })
                : argumentOfMaximum(own);
          }
          next[place] = id;
          row.ids.push(id);
          if (stateValues !== undefined)
            row.states.push(stateValues.slice(at * width, (at + 1) * width) as Float32Array);
          if (row.stopIds.has(id)) row.reason = 'stop-id';
          else if (row.ids.length === steps) row.reason = steps < maxNewTokens ? 'max-positions' : 'max-new-tokens';
          onToken?.({ row: row.row, index: row.ids.length - 1, id, last: row.reason !== null });
          if (row.reason !== null) break;
          if (index < drafted.length && id !== drafted[index]) {
            rejected[place] = drafted.length - index;
            break;
          }
        }
      }
      session.forgetLast(rejected);
      drafted = [];
      const active = present.flatMap((row, place) => (row.reason === null ? [place] : []));
      if (active.length === 0) break;
      if (signal?.aborted) {
        for (const place of active) (present[place] as Row).reason = 'aborted';
        break;
      }
      let chosenIds = next;
      let places = present.map((_, place) => place);
      // Dropping rows copies the cache, so it waits until half of them are finished.
      if (active.length * 2 <= present.length) {
        session.selectRows(active);
        chosenIds = Int32Array.from(active, (place) => next[place] as number);
        places = active;
        present = active.map((place) => present[place] as Row);
      }
      mask = null;
      ids = Array.from(chosenIds, (id) => [id]);
      const predictors = places.map((place) => (place + 1) * predictions - 1 - (rejected[place] as number));
      input = tf.tidy(() =>
        embedNext && predicting
          ? embedNext({ ids: chosenIds, states: rowsOf(predicting, predictors) })
          : model.embed(tf.tensor2d(chosenIds, [chosenIds.length, 1], 'int32')),
      );
      predicting?.dispose();
      predicting = null;
    }
  } finally {
    predicting?.dispose();
    if (!options.session) session.dispose();
    if (!input.isDisposed && !(isEmbedded(inputs) && input === inputs.embeddings)) input.dispose();
  }
  return {
    ids: rows.map((row) => row.ids),
    reasons: rows.map((row) => row.reason as StopReason),
    passes: rows.map(({ passes }) => passes),
    states: outputStates === false ? null : rows.map((row) => row.states),
  };
}

/** Some of the `batch · time` rows of `[batch, time, width]`, as `[rows, 1, width]`. */
function rowsOf(states: tf.Tensor3D, indices: readonly number[]): tf.Tensor3D {
  const [batch, time, width] = states.shape;
  const rows = gatherRows({ input: tf.reshape(states, [batch * time, width]) as tf.Tensor2D, indices });
  return tf.reshape(rows, [indices.length, 1, width]);
}

/** `[batch, time, width]` followed by the same ids in every row: `[batch, time + ids, width]`. */
function appendIds({
  model,
  embeddings,
  ids,
}: {
  model: LanguageModel;
  embeddings: tf.Tensor3D;
  ids: readonly number[];
}): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch] = embeddings.shape;
    const rows = Array.from({ length: batch }, () => [...ids]);
    return tf.concat([embeddings, model.embed(tf.tensor2d(rows, [batch, ids.length], 'int32'))], 1);
  });
}

function embedPrompts({
  model,
  prompts,
}: {
  model: LanguageModel;
  prompts: readonly (readonly number[] | Int32Array)[];
}): EmbeddedPrompts {
  const { ids, mask, time } = leftPad({ prompts });
  return { embeddings: tf.tidy(() => model.embed(tf.tensor2d(ids, [prompts.length, time], 'int32'))), mask };
}
