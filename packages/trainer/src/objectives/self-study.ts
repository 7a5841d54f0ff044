import { documentPack, PackedModel, type ReasonerBatch, stopGradient } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { TrainerError } from '../errors';
import { reasonerRunner } from '../program/runner';
import type { ObjectiveDefinition } from './objective';

export interface SelfStudyOptions {
  /** The document's tokens: what the teacher has read. */
  document: readonly number[];
}

/**
 * Self-study (Cartridges, arXiv 2506.06266; context distillation): the model with a document in its context teaches itself
 * with a pack in the document's place. Over the predicted tokens of texts about the document, each w = 1 / tokens of the step,
 * `Σ w · KL(p ‖ q)`, p the next token's probabilities with the document, through which no gradient passes, q those with the pack.
 *
 * Measures: `agreement`, the share of tokens of which both think the same likeliest.
 */
export const selfStudy: ObjectiveDefinition<SelfStudyOptions, undefined, undefined, ReasonerBatch> = {
  name: 'self-study',
  async create({ options: { document }, model }) {
    if (!(model instanceof PackedModel))
      throw new TrainerError({
        code: 'invalid-option',
        message: 'The objective "self-study" trains a knowledge pack: its model is one of the kind "pack".',
      });
    const { base } = model;
    const teacher = await PackedModel.open({
      model: base,
      packs: [await documentPack({ model: base, ids: document })],
    });
    const taughtBy = reasonerRunner({ model: teacher });
    return {
      loss({ forward }) {
        const { lossRows, lossWeight } = forward.inputs;
        const { states } = taughtBy.forward({ inputs: forward.inputs, layers: false });
        const logits = (input: tf.Tensor2D) => base.logits(gatherRows({ input, indices: lossRows }));
        const taught = stopGradient({ input: tf.logSoftmax(logits(states)) });
        const own = tf.logSoftmax(logits(forward.states));
        const divergence = tf.mul(tf.sum(tf.mul(tf.exp(taught), tf.sub(taught, own))), lossWeight) as tf.Scalar;
        const agrees = tf.cast(tf.equal(tf.argMax(taught, 1), tf.argMax(own, 1)), 'float32');
        return { terms: [divergence], metrics: { agreement: tf.mul(tf.sum(agrees), lossWeight) as tf.Scalar } };
      },
    };
  },
};
