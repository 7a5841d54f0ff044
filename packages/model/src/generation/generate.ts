import { lastPositions } from '@subtext/nn';
import { gatherRows, RandomStream, tf } from '@subtext/tensor';

import { ModelError } from '../model-error';
import { tidied } from '../tidied';
import { DecodingSession } from './decoding-session';
import { appendIds, embedPrompts } from './embed-prompts';
import {
  checkGenerateOptions,
  type GenerateOptions,
  type Generation,
  isEmbedded,
  type StopReason,
} from './generate-options';
import { chooseGreedily, notANumber } from './greedy-tokens';
import { penaliseRepetition } from './penalise-repetition';
import { argumentOfMaximum, sampleToken } from './sample-token';
import { suppressedTokens } from './suppressed-tokens';

interface Row {
  row: number;
  stopIds: ReadonlySet<number>;
  random: RandomStream;
  ids: number[];
  states: Float32Array[];
  passes: number;
  reason: StopReason | null;
}

/**
 * Generates up to `maxNewTokens` tokens for a batch of prompts, with left padding and a KV cache; finished rows leave
 * the batch. Greedy by default. A row's tokens do not depend on the rest of the batch. Ids in `suppress_tokens` of the
 * model's generation_config.json are never generated.
 *
 * @throws ModelError; `not-a-number` if logits are NaN or infinite, with or without sampling
 */
export async function generate(options: GenerateOptions): Promise<Generation> {
  checkGenerateOptions(options);
  const {
    model,
    inputs,
    maxNewTokens,
    minNewTokens = 0,
    temperature = 0,
    topK,
    topP,
    minP,
    repetitionPenalty = 1,
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
  const refuse = (code: 'invalid-option' | 'too-many-positions', message: string): never => {
    if (!isEmbedded(inputs)) prompts.embeddings.dispose();
    throw new ModelError({ code, message });
  };
  const begun = options.session?.positions ?? new Array<number>(batch).fill(0);
  if (begun.length !== batch)
    refuse('invalid-option', `The session has ${begun.length} rows, but inputs have ${batch}.`);
  const longest = Math.max(
    ...begun.map(
      (earlier, row) =>
        earlier + (prompts.mask ? (prompts.mask[row] as readonly number[]).reduce((sum, seen) => sum + seen, 0) : time),
    ),
  );
  if (longest > maxPositions) {
    refuse(
      'too-many-positions',
      `The longest prompt has ${longest} tokens; this ${model.modelType} has room for ${maxPositions}. Shorten it.`,
    );
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
  const choosing = (step: number) => step < minNewTokens || temperature > 0 || repetitionPenalty !== 1;
  // The token after the draft is chosen in the same pass, so the draft must be one shorter than the limit.
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
  /** Rows in the session, in its order; finished rows are dropped once half are finished. */
  let present = rows;
  let input =
    draft.length === 0 ? prompts.embeddings : appendIds({ model, embeddings: prompts.embeddings, ids: draft });
  if (draft.length > 0 && !isEmbedded(inputs)) prompts.embeddings.dispose();
  let mask =
    prompts.mask === null || prompts.mask === undefined
      ? null
      : prompts.mask.map((row) => [...row, ...draft.map(() => 1)]);
  let drafted = draft;
  /** States that predicted the last tokens, if `embedNext` needs them. */
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
          // Clone, since `states` may be the same tensor.
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
            // Not the vocabulary size: Mllama has embeddings that it cannot generate.
            const columns = logitValues.length / present.length;
            const own = logitValues.slice(place * columns, (place + 1) * columns);
            if (repetitionPenalty !== 1)
              penaliseRepetition({
                logits: own,
                ids: [...(options.history?.[row.row] ?? []), ...(given?.[row.row] ?? []), ...row.ids],
                penalty: repetitionPenalty,
              });
            if (step < minNewTokens) for (const stopId of row.stopIds) own[stopId] = -Infinity;
            id =
              temperature > 0
                ? sampleToken({ logits: own, temperature, topK, topP, minP, random: row.random })
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
      // Dropping rows copies the cache, so wait until half of them are finished.
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
