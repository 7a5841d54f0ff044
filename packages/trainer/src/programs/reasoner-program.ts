import { type LanguageModel, setLoraDropoutSeed } from '@subtext/model';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import type { ReasonerBatch } from '../batches/reasoner-batch';
import { continuousForward } from './continuous-forward';
import { embedBatch } from './embed-batch';
import { type ModelSource, openModel } from './model-source';
import { measureThoughts } from './thought-measures';
import type { ProgramParameter, TrainingProgram } from './training-program';

export interface ReasonerProgramOptions {
  model: ModelSource;
  /** Parameters that stay as they are: regular expressions over their names. @default [] */
  frozen?: readonly string[];
}

/** The trainable parameters of a model, under a prefix. */
export function modelParameters({ model, prefix, learningRateScale }: { model: LanguageModel; prefix: string; learningRateScale?: number }): ProgramParameter[] {
  return model.parameters.trainable().map(([name, variable]) => ({ name: `${prefix}/${name}`, variable, learningRateScale }));
}

/** Σ weight · cross-entropy over picked rows of hidden states: logits are made for these rows only. */
export function pickedLoss({
  model,
  states,
  lossRows,
  lossLabels,
  lossWeight,
}: {
  model: LanguageModel;
  /** `[rows, width]`, after the final norm. */
  states: tf.Tensor2D;
  lossRows: Int32Array;
  lossLabels: Int32Array;
  lossWeight: number;
}): tf.Scalar {
  if (lossRows.length === 0) return tf.scalar(0);
  const logits = model.logits(gatherRows({ input: states, indices: lossRows })) as tf.Tensor2D;
  const losses = crossEntropy({ logits, labels: tf.tensor1d(lossLabels, 'int32') });
  return tf.mul(tf.sum(losses), lossWeight) as tf.Scalar;
}

/**
 * Hidden states of a batch as rows `[rows · time, width]`, and the next-token loss: one forward pass, or, where the batch
 * has continuous thoughts, one pass up to them, one for each, and one over the rest.
 */
export function reasonerForward({
  model,
  batch,
}: {
  model: LanguageModel;
  batch: ReasonerBatch;
}): { states: tf.Tensor2D; loss: tf.Scalar } {
  if (batch.continuous) {
    const { states } = continuousForward({ model, batch: { ...batch, continuous: batch.continuous } });
    return { states, loss: pickedLoss({ model, states, ...batch }) };
  }
  const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
  const { hidden } = model.forward({ ...forwardExtras, embeddings });
  const states = tf.reshape(hidden, [batch.rows * batch.time, hidden.shape[2]]) as tf.Tensor2D;
  return { states, loss: pickedLoss({ model, states, ...batch }) };
}

/** The program that trains a reasoner alone. */
export async function createProgram({ model: source, frozen = [] }: ReasonerProgramOptions): Promise<TrainingProgram<ReasonerBatch>> {
  const model = await openModel(source);
  for (const pattern of frozen) model.parameters.freeze(new RegExp(pattern));
  return {
    parameters: modelParameters({ model, prefix: 'reasoner' }),
    loss(batch, { measure = false, dropoutSeed = null } = {}) {
      setLoraDropoutSeed({ model, seed: dropoutSeed });
      const { states, loss } = reasonerForward({ model, batch });
      return { loss, metrics: {}, ...(measure && { means: measureThoughts({ states, thoughts: batch.thoughts }) }) };
    },
  };
}
