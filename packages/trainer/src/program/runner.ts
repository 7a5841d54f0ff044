import type { LanguageModel } from '@subtext/model';
import {
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

import type { Forward } from '../objectives/objective';
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
  /** One pass over a shard's inputs, with the states of every layer if asked. */
  forward(options: { inputs: Inputs; layers: boolean }): Forward<Inputs>;
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
  const forward = ({ inputs, layers }: { inputs: ReasonerBatch; layers: boolean }): Forward<ReasonerBatch> => ({
    ...statesOf({ model, feedback, batch: inputs, outputHiddenStates: layers }),
    inputs,
    logits: (states) => model.logits(states) as tf.Tensor2D,
    run: (further) => forward({ inputs: further, layers }),
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

/** States after the final norm, and those of every layer where asked for: `[rows · time, width]` each. */
function statesOf({
  model,
  feedback,
  batch,
  outputHiddenStates,
}: OpenedModel & {
  batch: ReasonerBatch;
  outputHiddenStates: boolean;
}): { states: tf.Tensor2D; layers: tf.Tensor2D[]; recurrences?: tf.Tensor2D[] } {
  if (batch.recurrence) {
    const recurrences = recurrentForward({ model, batch: { ...batch, recurrence: batch.recurrence } });
    return { states: recurrences.at(-1)!, layers: [], recurrences };
  }
  if (batch.continuous) {
    const needed = [batch.lossRows, batch.thoughts?.rows].filter((rows) => rows !== undefined);
    const thinking = { ...batch, continuous: batch.continuous };
    const { states, layers } = continuousForward({
      model,
      feedback,
      batch: thinking,
      outputHiddenStates,
      needed,
    });
    return { states, layers };
  }
  const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
  const { positions } = batch;
  const { hidden, hiddenStates } = model.forward({
    ...forwardExtras,
    embeddings,
    outputHiddenStates,
    ...(positions && {
      positions: tf.tensor2d(positions.values, [batch.rows, batch.time], 'int32'),
      largestPosition: positions.largest,
    }),
  });
  const asRows = (states: tf.Tensor3D) => tf.reshape(states, [batch.rows * batch.time, states.shape[2]]) as tf.Tensor2D;
  return { states: asRows(hidden), layers: (hiddenStates ?? []).map(asRows) };
}

/**
 * Runs graphs with many questions each. With one position an edge, an edge's vector is the sum of its nodes', and the edges
 * and pairs, which a model never writes, share one logit that is always 0.
 */
function graphRunner(options: GraphModelOptions): Runner<GraphBatch> {
  const graphModel = createGraphModel(options);
  const { model, vocabulary, sourceRole, parameters } = graphModel;
  const { first, second } = vocabulary.parts();
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
        return sourceRole ? (tf.concat([plain, tf.zeros([plain.shape[0], 1])], 1) as tf.Tensor2D) : plain;
      },
      run: (further) => forward({ inputs: further }),
    };
  };
  return { model, parameters, forward };
}
