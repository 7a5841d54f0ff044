import { isRecurrent, type LanguageModel, type RecurrentInput, type RecurrentModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { ReasonerBatch } from '../batches/reasoner-batch';
import { ReasonerError } from '../errors';
import { embedBatch } from '../forward/embed-batch';
import { stopGradient } from '../forward/stop-gradient';

/**
 * A pass of as many recurrences as the batch says. Those before the last `gradientSteps` are run without a tape: neither
 * their states are kept nor a gradient goes through them (Huginn's truncated backpropagation).
 *
 * @returns for each of the recurrences through which gradients go, what its state says: `[rows · time, width]`, after the
 *   final norm; the last one is the answer's
 */
export function recurrentForward({
  model,
  batch,
}: {
  model: LanguageModel;
  batch: ReasonerBatch & { recurrence: NonNullable<ReasonerBatch['recurrence']> };
}): tf.Tensor2D[] {
  const core = recurrentModel(model);
  const { rows, time, recurrence } = batch;
  const { steps, gradientSteps, lengths } = recurrence;
  const input = core.read({ ...embedBatch({ model, ...batch }), mask: lengthsMask({ lengths, time }) });
  const apart = Math.max(0, steps - gradientSteps);
  let state = core.initialState({ batch: rows, time });
  if (apart > 0)
    state = stopGradient({
      input: state,
      compute: (initial) => repeated({ core, state: initial as tf.Tensor3D, input, count: apart }),
    }) as tf.Tensor3D;
  return Array.from({ length: steps - apart }, () => {
    state = core.recur({ state, input });
    const read = core.readOut({ state, input });
    return tf.reshape(read, [rows * time, read.shape[2]]) as tf.Tensor2D;
  });
}

function repeated({
  core,
  state,
  input,
  count,
}: {
  core: RecurrentModel;
  state: tf.Tensor3D;
  input: RecurrentInput;
  count: number;
}): tf.Tensor3D {
  let current = state;
  for (let step = 0; step < count; step++) current = tf.tidy(() => core.recur({ state: current, input }));
  return current;
}

/** Which columns are no padding, int32 `[rows, time]`; null where there is none. */
export function lengthsMask({ lengths, time }: { lengths: Int32Array; time: number }): tf.Tensor2D | null {
  if (lengths.every((length) => length === time)) return null;
  const rows = [...lengths].map((length) => Array.from({ length: time }, (_, column) => (column < length ? 1 : 0)));
  return tf.tensor2d(rows, [lengths.length, time], 'int32');
}

/** @throws ReasonerError `invalid-option` where a model has no core */
export function recurrentModel(model: LanguageModel): RecurrentModel {
  if (isRecurrent(model)) return model;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The method "recurrent" runs a model's core again and again, and a ${model.modelType} has none. Take model_type "subtext_recurrent".`,
  });
}
