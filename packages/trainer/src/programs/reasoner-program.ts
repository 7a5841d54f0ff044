import type { LanguageModel } from '@subtext/model';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { type PixelScaling, pixelValues } from '../batches/picture-values';
import type { ReasonerBatch } from '../batches/reasoner-batch';
import { type ModelSource, openModel } from './model-source';
import type { ProgramParameter, TrainingProgram } from './training-program';

export interface ReasonerProgramOptions {
  model: ModelSource;
  /** How pictures become pixel values; needed where batches hold pictures. */
  pixelScaling?: PixelScaling;
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

/** One ordinary forward pass over a batch: hidden states as rows `[rows · time, width]` and the next-token loss. */
export function reasonerForward({
  model,
  batch,
  pixelScaling,
}: {
  model: LanguageModel;
  batch: ReasonerBatch;
  pixelScaling?: PixelScaling;
}): { states: tf.Tensor2D; loss: tf.Scalar } {
  const ids = tf.tensor2d(batch.ids, [batch.rows, batch.time], 'int32');
  const embeddings = model.embedInputs({ ids, images: pictureTensor({ batch, pixelScaling }) });
  const { hidden } = model.forward({ embeddings });
  const states = tf.reshape(hidden, [batch.rows * batch.time, hidden.shape[2]]) as tf.Tensor2D;
  return { states, loss: pickedLoss({ model, states, ...batch }) };
}

/** Pixel values of a batch's pictures, `[count, height, width, 3]`. */
function pictureTensor({ batch, pixelScaling }: { batch: ReasonerBatch; pixelScaling?: PixelScaling }): tf.Tensor4D | undefined {
  const { pictures } = batch;
  if (!pictures || !pixelScaling) return undefined;
  return tf.tensor4d(pixelValues({ pictures, scaling: pixelScaling }), [pictures.count, pictures.height, pictures.width, 3]);
}

/** The program that trains a reasoner alone. */
export async function createProgram({ model: source, pixelScaling, frozen = [] }: ReasonerProgramOptions): Promise<TrainingProgram<ReasonerBatch>> {
  const model = await openModel(source);
  for (const pattern of frozen) model.parameters.freeze(new RegExp(pattern));
  return {
    parameters: modelParameters({ model, prefix: 'reasoner' }),
    loss(batch) {
      const { loss } = reasonerForward({ model, batch, pixelScaling });
      return { loss, metrics: {} };
    },
  };
}
