import type { LanguageModel } from '@subtext/model';
import {
  cachedRows,
  continuousForward,
  createGraphModel,
  embedBatch,
  type FeedbackMap,
  freezeParameters,
  type GraphBatch,
  graphForward,
  type GraphModelOptions,
  modelParameters,
  type ModelSource,
  openWithFeedback,
  type OpenedModel,
  partTable,
  recurrentForward,
  type ProgramParameter,
  type ReasonerBatch,
  type ThoughtRows,
} from '@subtext/reasoner';
import { embedding, tf } from '@subtext/tensor';

import type { Forward, ForwardExtras } from '../objectives/objective';
import { openPackSource, type PackSource } from '../packs/pack-source';

/**
 * Where a program's model comes from; can be posted to a worker. `graph`: a new model of graphs, whose tokens are made of
 * parts; `pack`: a model that stays as it is, behind a knowledge pack that trains.
 */
export type TrainedModelSource = ModelSource | ({ kind: 'graph' } & GraphModelOptions) | PackSource;

/** The model of a program and how a batch goes through it. */
export interface Runner<Inputs = unknown> {
  readonly model: LanguageModel;
  /** What its states go through before they are fed back. @default nothing */
  readonly feedback?: FeedbackMap;
  readonly parameters: readonly ProgramParameter[];
  /** One pass over a shard's inputs, with what is asked for beside the last states. */
  forward(options: { inputs: Inputs } & ForwardExtras): Forward<Inputs>;
  /** Where the thoughts of a shard lie. */
  thoughts?(inputs: Inputs): ThoughtRows | undefined;
}

/** Opens a program's model. */
export async function openRunner({
  model: source,
  frozen,
}: {
  model: TrainedModelSource;
  /** Regular expressions over the names of parameters that stay as they are. */ frozen: readonly string[];
}): Promise<Runner> {
  if (source.kind === 'graph') return graphRunner(source) as Runner;
  if (source.kind === 'pack') {
    const packed = await openPackSource(source);
    return {
      ...reasonerRunner(packed),
      parameters: packed.model.packs.flatMap(({ parameters }) => parameters),
    } as Runner;
  }
  const opened = await openWithFeedback(source);
  freezeParameters({ ...opened, frozen });
  return reasonerRunner(opened) as Runner;
}

/**
 * Runs sequences: one forward pass, or, where the batch has continuous thoughts, one pass up to them, one for each, and one
 * over the rest; then only the states from the first that carries loss or is a thought's are there, and rows before it hold
 * anything.
 */
export function reasonerRunner({ model, feedback }: OpenedModel): Runner<ReasonerBatch> {
  const forward = ({ inputs, ...extras }: { inputs: ReasonerBatch } & ForwardExtras): Forward<ReasonerBatch> => ({
    ...statesOf({ model, feedback, batch: inputs, ...extras }),
    inputs,
    logits: (states) => model.logits(states) as tf.Tensor2D,
    run: (further, more) => forward({ inputs: further, ...extras, ...more }),
  });
  return {
    model,
    feedback,
    parameters: [
      ...modelParameters({ model, prefix: 'reasoner' }),
      ...(feedback?.parameters.trainable() ?? []).map(([name, variable]) => ({ name: `feedback/${name}`, variable })),
    ],
    forward,
    thoughts: ({ thoughts }) => thoughts,
  };
}

/** States after the final norm, `[rows · time, width]`, and what else is asked for. */
function statesOf({
  model,
  feedback,
  batch,
  layers: outputHiddenStates = false,
  keysAndValues: outputKeysAndValues = false,
  attentions: outputAttentions = false,
}: OpenedModel & ForwardExtras & { batch: ReasonerBatch }): Pick<
  Forward,
  'states' | 'layers' | 'keysAndValues' | 'attentions' | 'recurrences'
> {
  if (batch.recurrence) {
    const recurrences = recurrentForward({ model, batch: { ...batch, recurrence: batch.recurrence } });
    return { states: recurrences.at(-1)!, layers: [], recurrences };
  }
  if (batch.continuous) {
    const needed = [batch.lossRows, batch.thoughts?.rows].filter((rows) => rows !== undefined);
    const thinking = { ...batch, continuous: batch.continuous };
    const { states, layers, keysAndValues } = continuousForward({
      model,
      feedback,
      batch: thinking,
      outputHiddenStates,
      outputKeysAndValues,
      needed,
    });
    return { states, layers, ...(keysAndValues && { keysAndValues }) };
  }
  const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
  const { positions } = batch;
  const cache = outputKeysAndValues ? model.newGrowingCache() : null;
  const { hidden, hiddenStates, attentions } = model.forward({
    ...forwardExtras,
    embeddings,
    cache,
    outputHiddenStates,
    outputAttentions,
    ...(positions && {
      positions: tf.tensor2d(positions.values, [batch.rows, batch.time], 'int32'),
      largestPosition: positions.largest,
    }),
  });
  const asRows = (states: tf.Tensor3D) => tf.reshape(states, [batch.rows * batch.time, states.shape[2]]) as tf.Tensor2D;
  return {
    states: asRows(hidden),
    layers: (hiddenStates ?? []).map(asRows),
    ...(cache && { keysAndValues: cachedRows({ model, cache }) }),
    ...(attentions && { attentions }),
  };
}

/**
 * Runs graphs with many questions each. With one position an edge, an edge's vector is the sum of its nodes', and the edges
 * and pairs, which a model never writes, share one logit that stays the same.
 */
function graphRunner(options: GraphModelOptions): Runner<GraphBatch> {
  const graphModel = createGraphModel(options);
  const { model, vocabulary, sourceRole, parameters } = graphModel;
  const { first, second } = vocabulary.parts();
  // The logit of one token that stands for all of those, whose own are 0.
  const unwritten = options.countsUnwritten === true ? Math.log(vocabulary.tokens.length - vocabulary.plain) : 0;
  const forward = ({ inputs }: { inputs: GraphBatch }): Forward<GraphBatch> => {
    const table = partTable(graphModel);
    const embed = (ids: tf.Tensor2D): tf.Tensor3D => {
      if (!sourceRole) return embedding<tf.Tensor3D>({ table, ids });
      const values = ids.dataSync() as Int32Array;
      const rowsOf = (parts: Int32Array) =>
        embedding<tf.Tensor3D>({
          table,
          ids: tf.tensor2d(
            values.map((id) => parts[id]!),
            ids.shape,
            'int32',
          ),
        });
      return tf.add(rowsOf(first), rowsOf(second));
    };
    return {
      inputs,
      states: graphForward({ model, batch: inputs, embed }),
      layers: [],
      logits(states) {
        const plain = model.logits(states) as tf.Tensor2D;
        return sourceRole ? (tf.concat([plain, tf.fill([plain.shape[0], 1], unwritten)], 1) as tf.Tensor2D) : plain;
      },
      run: (further) => forward({ inputs: further }),
    };
  };
  return { model, parameters, forward };
}
