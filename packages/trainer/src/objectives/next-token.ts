import { pickedLosses, type ReasonerBatch } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import type { Forward, ObjectiveDefinition } from './objective';

const losses = new WeakMap<Forward<ReasonerBatch>, tf.Tensor1D>();

/** Cross-entropy of each token that a batch must predict, row by row: `[tokens]`. Computed once for a forward pass. */
export function tokenLosses(forward: Forward<ReasonerBatch>): tf.Tensor1D {
  let found = losses.get(forward);
  if (!found) {
    const { states, inputs } = forward;
    found = pickedLosses({ model: forward, states, ...inputs });
    losses.set(forward, found);
  }
  return found;
}

/** `w · Σ −log p(token)`, over the tokens that a batch must predict, with w = 1 / tokens of the step. */
export function nextTokenLoss(forward: Forward<ReasonerBatch>): tf.Scalar {
  if (forward.inputs.lossRows.length === 0) return tf.scalar(0);
  return tf.mul(tf.sum(tokenLosses(forward)), forward.inputs.lossWeight) as tf.Scalar;
}

/** Next-token cross-entropy over the labels of the sequences: what a method is trained on that names no objective. */
export const nextToken: ObjectiveDefinition<undefined, undefined, undefined, ReasonerBatch> = {
  name: 'next-token',
  create: () => ({
    loss({ forward }) {
      const answerLoss = nextTokenLoss(forward);
      return { terms: [answerLoss], parts: { answerLoss } };
    },
  }),
};
