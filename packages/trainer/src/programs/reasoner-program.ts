import type { LanguageModel } from '@subtext/model';
import { setLoraDropoutSeed } from '@subtext/nn';
import {
  modelParameters,
  pickedLoss,
  pickedLosses,
  type ReasonerBatch,
  continuousForward,
  embedBatch,
  type ModelSource,
  openModel,
  freezeParameters,
  measureThoughts,
} from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { distillationLoss } from './distillation-loss';
import { haltingLoss } from './halting-loss';
import type { TrainingProgram } from './training-program';

export interface ReasonerProgramOptions {
  model: ModelSource;
  /** Parameters that stay as they are: regular expressions over their names. @default [] */
  frozen?: readonly string[];
}

/**
 * Hidden states of a batch as rows `[rows · time, width]`, and the loss: next-token cross-entropy, with what the batch
 * compares beside it (a teacher's states, answers after fewer thoughts). One forward pass, or, where the batch has
 * continuous thoughts, one pass up to them, one for each, and one over the rest; then only the states from the first that
 * carries loss or is a thought's are there, and rows before it hold anything.
 */
export function reasonerForward({ model, batch }: { model: LanguageModel; batch: ReasonerBatch }): {
  states: tf.Tensor2D;
  loss: tf.Scalar;
  /** The parts of the loss, where it has several. */
  metrics: Record<string, tf.Scalar>;
} {
  const { distillation, halting } = batch;
  const { states, layers } = forwardStates({ model, batch, outputHiddenStates: distillation !== undefined });
  if (halting) {
    const losses = pickedLosses({ model, states, ...batch });
    const answerLoss = tf.mul(tf.sum(losses), batch.lossWeight) as tf.Scalar;
    const { loss, expectedThoughts } = haltingLoss({ model, states, losses, batch: halting });
    return {
      states,
      loss: tf.add(answerLoss, tf.mul(loss, halting.weight)) as tf.Scalar,
      metrics: { answerLoss, expectedThoughts },
    };
  }
  const own = pickedLoss({ model, states, ...batch });
  if (!distillation) return { states, loss: own, metrics: {} };
  const teacher = forwardStates({ model, batch: distillation.teacher, outputHiddenStates: true });
  const teacherLoss = pickedLoss({ model, states: teacher.states, ...distillation.teacher });
  const distance = distillationLoss({ own: layers, teacher: teacher.layers, batch: distillation });
  return {
    states,
    loss: tf.addN([own, teacherLoss, tf.mul(distance, distillation.weight)]) as tf.Scalar,
    metrics: { answerLoss: own, teacherLoss, distillationLoss: distance },
  };
}

/** A batch's states after the final norm, and those of every layer where asked for: `[rows · time, width]` each. */
function forwardStates({
  model,
  batch,
  outputHiddenStates,
}: {
  model: LanguageModel;
  batch: ReasonerBatch;
  outputHiddenStates: boolean;
}): { states: tf.Tensor2D; layers: tf.Tensor2D[] } {
  if (batch.continuous) {
    const needed = [batch.lossRows, batch.thoughts?.rows, batch.halting?.stateRows].filter(
      (rows) => rows !== undefined,
    );
    return continuousForward({ model, batch: { ...batch, continuous: batch.continuous }, outputHiddenStates, needed });
  }
  const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
  const { hidden, hiddenStates } = model.forward({ ...forwardExtras, embeddings, outputHiddenStates });
  const asRows = (states: tf.Tensor3D) => tf.reshape(states, [batch.rows * batch.time, states.shape[2]]) as tf.Tensor2D;
  return { states: asRows(hidden), layers: (hiddenStates ?? []).map(asRows) };
}

/** Hidden states of a batch, without its loss: what interpreters of a reasoner that stays as it is are trained on. `[rows · time, width]` */
export function reasonerStates({ model, batch }: { model: LanguageModel; batch: ReasonerBatch }): tf.Tensor2D {
  return forwardStates({ model, batch, outputHiddenStates: false }).states;
}

/** The program that trains a reasoner alone. */
export async function createProgram({
  model: source,
  frozen = [],
}: ReasonerProgramOptions): Promise<TrainingProgram<ReasonerBatch>> {
  const model = await openModel(source);
  freezeParameters({ model, frozen });
  return {
    parameters: modelParameters({ model, prefix: 'reasoner' }),
    loss(batch, { measure = false, dropoutSeed = null } = {}) {
      setLoraDropoutSeed({ model, seed: dropoutSeed });
      const { states, loss, metrics } = reasonerForward({ model, batch });
      return { loss, metrics, ...(measure && { means: measureThoughts({ states, thoughts: batch.thoughts }) }) };
    },
  };
}
