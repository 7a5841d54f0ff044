import { collateInputs, mixedEmbeddings, type ReasonerBatch, stopGradient, withoutGradient } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { TrainerError } from '../errors';
import type { ObjectiveDefinition } from './objective';

export interface CompressedLatentsOptions {
  /** How the mean learns: each of its numbers by its squared error, or all by the likelihood. */
  loss: 'mse' | 'nll';
  /** Of the loss beside other objectives. */
  weight: number;
}

/** What a shard's latent head predicts: the mixtures that stand in the batch in place of tokens. */
export interface CompressedLatentsPart {
  /** Rows of the states `[rows · time]`, those before the mixtures. */
  rows: Int32Array;
  /** 1 / mixtures of the whole step. */
  latentWeight: number;
}

/**
 * A latent head that predicts compressed embeddings (CoLaR, arXiv 2505.16552): from the state before each mixture of embeddings
 * that a layout puts in place of a token, a normal distribution of the mixture z. In units of the embeddings' scale, and through
 * z without a gradient, `nll` is the mean over its numbers and over the mixtures of `(z − μ)² / 2σ² + log σ`. `mse` weighs the
 * squared error as 1, `½ (z − μ)²`, and σ learns by the same likelihood with the error held fixed: it neither slows down what
 * is uncertain nor lets what is certain run away.
 */
export const compressedLatents: ObjectiveDefinition<
  CompressedLatentsOptions,
  undefined,
  CompressedLatentsPart,
  ReasonerBatch
> = {
  name: 'compressed-latents',

  create({ options: { loss: kind, weight }, model, feedback }) {
    if (feedback?.settings.kind !== 'latent-head')
      throw new TrainerError({
        code: 'invalid-option',
        message:
          'The objective "compressed-latents" trains a latent head, which this model has not. Take a method that has one, such as "colar".',
      });
    return {
      loss({ forward: { states, inputs }, part: { rows, latentWeight } }) {
        const { mean, deviation, scale } = feedback.predict(gatherRows({ input: states, indices: rows }));
        const target = withoutGradient(() => mixedEmbeddings({ model, mixtures: inputs.inputs!.mixtures! }));
        const error = tf.square(tf.sub(tf.div(target, scale), mean));
        const held = kind === 'mse' ? stopGradient({ input: error }) : error;
        const likelihood = tf.add(tf.div(held, tf.mul(2, tf.square(deviation))), tf.log(deviation));
        const losses = kind === 'mse' ? tf.add(likelihood, tf.mul(error, 0.5)) : likelihood;
        const share = latentWeight / states.shape[1];
        const latentLoss = tf.mul(tf.sum(losses), share) as tf.Scalar;
        return {
          terms: [tf.mul(latentLoss, weight)],
          parts: { latentLoss },
          // The share of the embeddings' size that the mean does not tell: about 1 where it tells nothing.
          metrics: { latentError: tf.mul(tf.sum(stopGradient({ input: error })), share) as tf.Scalar },
        };
      },
    };
  },

  parts({ shards, batches }) {
    const places = shards.map(
      (items, shard) =>
        collateInputs({ layouts: items.map(({ layout }) => layout), time: batches[shard]!.time })?.mixtures?.places,
    );
    const count = places.reduce((sum, own) => sum + (own?.length ?? 0), 0);
    return places.map((own) => own && { rows: own.map((place) => place - 1), latentWeight: 1 / count });
  },
};
