import { RandomStream } from '@subtext/data';
import { AdamW, Parameters, tf, valueAndGradients } from '@subtext/tensor';

import { DecoderError } from '../errors';
import { holdOut } from './hold-out';
import { type SparseAutoencoder, encodeWith, rebuild } from './sparse-autoencoder';
import { silentOf, restartSilent, readWeights } from './silent-latents';

/** Options of {@link trainSparseAutoencoder}. */
export interface SparseAutoencoderOptions {
  /** States, each `[width]`. */
  states: readonly ArrayLike<number>[];
  /** Number of latents. @default 4 · width */
  latents?: number;
  /** Number of active latents, k. @default 8 */
  active?: number;
  /** @default 1000 */
  steps?: number;
  /** @default 128 */
  batch?: number;
  /** @default 0.003 */
  learningRate?: number;
  /** By state: its group, such as its example; groups are held out as a whole. @default each its own */
  groups?: readonly (string | number)[];
  /** Fraction of groups held out for `explainedVariance`. @default 0.1 */
  heldOut?: number;
  /** @default 0 */
  seed?: number;
  /** Called after each step. @default none */
  onProgress?: (progress: { step: number; steps: number; loss: number }) => void;
}

/**
 * Trains a top-k sparse autoencoder (Makhzani and Frey, 2014; Gao et al., 2024): `z = TopK(ReLU(E(x − b) + c))`,
 * `x̂ = D·z + b`, minimising ‖x − x̂‖², with decoder directions of unit length and the encoder initialised as its
 * transpose. Dead latents are reinitialised to the states with the worst reconstruction. Runs on the current engine;
 * leaves no tensors behind.
 *
 * @throws DecoderError empty-set for fewer than ten states; invalid-option for an invalid k.
 */
export async function trainSparseAutoencoder({
  states,
  latents: givenLatents,
  active = 8,
  steps = 1000,
  batch = 128,
  learningRate = 0.003,
  groups,
  heldOut = 0.1,
  seed = 0,
  onProgress,
}: SparseAutoencoderOptions): Promise<SparseAutoencoder> {
  if (states.length < 10)
    throw new DecoderError({
      code: 'empty-set',
      message: `A sparse autoencoder needs at least ten states, got ${states.length}; collect more thoughts.`,
    });
  const width = (states[0] as ArrayLike<number>).length;
  const odd = states.findIndex((state) => state.length !== width);
  if (odd >= 0)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `State ${odd} has width ${states[odd]?.length}, the first ${width}; pass states of a single model.`,
    });
  const latents = givenLatents ?? 4 * width;
  if (!Number.isInteger(active) || active < 1 || active > latents) {
    throw new DecoderError({
      code: 'invalid-option',
      message: `${active} active of ${latents} latents is not valid; pass an integer from 1 to ${latents}.`,
    });
  }
  const random = new RandomStream({ seed, name: 'sparse autoencoder' });
  if (groups !== undefined && groups.length !== states.length)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `${groups.length} groups for ${states.length} states; pass one per state.`,
    });
  const { training, test: held } = holdOut({
    groups: groups ?? states.map((_, index) => index),
    share: heldOut,
    random,
  });
  const mean = meanOf(
    training.map((index) => states[index] as ArrayLike<number>),
    width,
  );
  // One scale for all units, so that the learning rate suits states of any size.
  const scale =
    1 /
    Math.max(
      1e-12,
      Math.sqrt(
        variance(
          training.map((index) => states[index] as ArrayLike<number>),
          mean,
        ) / width,
      ),
    );
  const rows = (indices: readonly number[]) => {
    const values = new Float32Array(indices.length * width);
    for (const [place, index] of indices.entries()) {
      for (let unit = 0; unit < width; unit++)
        values[place * width + unit] =
          (((states[index] as ArrayLike<number>)[unit] as number) - (mean[unit] as number)) * scale;
    }
    return values;
  };

  const decoderStart = new Float32Array(latents * width);
  for (let latent = 0; latent < latents; latent++) decoderStart.set(randomDirection(random, width), latent * width);
  const parameters = new Parameters();
  parameters.add({ name: 'decoder', value: tf.tensor2d(decoderStart, [latents, width]) });
  parameters.add({ name: 'encoder', value: tf.tidy(() => tf.tensor2d(decoderStart, [latents, width]).transpose()) });
  parameters.add({ name: 'encoderBias', value: tf.zeros([latents]) });
  parameters.add({ name: 'bias', value: tf.zeros([width]) });
  const optimizer = new AdamW({ parameters, learningRate, weightDecay: 0 });
  const losses: number[] = [];
  const usedSince = new Uint8Array(latents);
  const restartEvery = Math.max(50, Math.floor(steps / 8));
  try {
    for (let step = 0; step < steps; step++) {
      const indices = Array.from(
        { length: Math.min(batch, training.length) },
        () => training[random.integer(training.length)] as number,
      );
      const input = tf.tensor2d(rows(indices), [indices.length, width]);
      let activity: tf.Tensor1D | undefined;
      const { value, gradients } = valueAndGradients({
        parameters,
        compute: () => {
          const bias = parameters.get('bias');
          const scores = tf.relu(
            tf.add(
              tf.matMul(tf.sub(input, bias), parameters.get<tf.Rank.R2>('encoder')),
              parameters.get('encoderBias'),
            ),
          ) as tf.Tensor2D;
          const kept = keepStrongest(scores, active);
          activity = tf.keep(tf.max(kept, 0) as tf.Tensor1D);
          const rebuilt = tf.add(tf.matMul(kept, parameters.get<tf.Rank.R2>('decoder')), bias);
          return tf.mean(tf.squaredDifference(rebuilt, input)) as tf.Scalar;
        },
      });
      // Decay to 0 over the last eighth.
      optimizer.step({ gradients, learningRate: learningRate * Math.min(1, (8 * (steps - step)) / steps) });
      tf.tidy(() => {
        const decoder = parameters.get<tf.Rank.R2>('decoder');
        decoder.assign(tf.div(decoder, tf.add(tf.norm(decoder, 'euclidean', 1, true), 1e-8)) as tf.Tensor2D);
      });
      const loss = (await value.data())[0] as number;
      const strengths = await (activity as tf.Tensor1D).data();
      tf.dispose([value, input, activity as tf.Tensor1D, ...Object.values(gradients)]);
      for (let latent = 0; latent < latents; latent++) if ((strengths[latent] as number) > 0) usedSince[latent] = 1;
      losses.push(loss);
      onProgress?.({ step: step + 1, steps, loss });
      if ((step + 1) % restartEvery === 0 && step + 1 <= (steps * 3) / 4) {
        await restartSilent({
          parameters,
          silent: silentOf(usedSince),
          rows,
          training,
          width,
          latents,
          active,
          random,
        });
        usedSince.fill(0);
      }
    }
    return await finish({ parameters, states, held, training, width, latents, active, mean, scale, losses });
  } finally {
    optimizer.dispose();
    parameters.dispose();
  }
}

/** Keeps the k largest scores of each row and zeros the rest. Gradients flow only through kept scores. */
function keepStrongest(scores: tf.Tensor2D, active: number): tf.Tensor2D {
  const keep = tf.customGrad((input, save) => {
    const given = input as tf.Tensor2D;
    const { values } = tf.topk(given, active, true);
    const least = tf.slice(values, [0, active - 1], [given.shape[0], 1]);
    const mask = tf.cast(tf.greaterEqual(given, least), 'float32');
    (save as (tensors: tf.Tensor[]) => void)([mask]);
    return {
      value: tf.mul(given, mask),
      gradFunc: (gradient: tf.Tensor, saved: tf.Tensor[]) => tf.mul(gradient, saved[0] as tf.Tensor),
    };
  });
  return keep(scores) as tf.Tensor2D;
}

async function finish({
  parameters,
  states,
  held,
  training,
  width,
  latents,
  active,
  mean,
  scale,
  losses,
}: {
  parameters: Parameters;
  states: readonly ArrayLike<number>[];
  held: number[];
  training: number[];
  width: number;
  latents: number;
  active: number;
  mean: Float64Array;
  scale: number;
  losses: number[];
}): Promise<SparseAutoencoder> {
  const weights = await readWeights(parameters);
  const scaled = (state: ArrayLike<number>) =>
    Float32Array.from({ length: width }, (_, unit) => ((state[unit] as number) - (mean[unit] as number)) * scale);
  const encode = (state: ArrayLike<number>) => encodeWith({ weights, state: scaled(state), width, latents, active });
  const reconstruct = (state: ArrayLike<number>) =>
    rebuild({ weights, width, active: encode(state) }).map((value, unit) => value / scale + (mean[unit] as number));
  let missed = 0;
  let spread = 0;
  for (const index of held) {
    const state = states[index] as ArrayLike<number>;
    const rebuilt = reconstruct(state);
    for (let unit = 0; unit < width; unit++) {
      missed += ((state[unit] as number) - (rebuilt[unit] as number)) ** 2;
      spread += ((state[unit] as number) - (mean[unit] as number)) ** 2;
    }
  }
  const used = new Uint8Array(latents);
  for (const index of training) for (const { latent } of encode(states[index] as ArrayLike<number>)) used[latent] = 1;
  return {
    width,
    latents,
    active,
    decoder: weights.decoder,
    explainedVariance: spread > 0 ? 1 - missed / spread : Number.NaN,
    deadLatents: silentOf(used).length,
    losses,
    // Activations in the states' original units.
    encode: (state) => encode(state).map(({ latent, strength }) => ({ latent, strength: strength / scale })),
    reconstruct,
  };
}

function meanOf(vectors: readonly ArrayLike<number>[], width: number): Float64Array {
  const mean = new Float64Array(width);
  for (const vector of vectors)
    for (let unit = 0; unit < width; unit++)
      mean[unit] = (mean[unit] as number) + (vector[unit] as number) / vectors.length;
  return mean;
}

function variance(vectors: readonly ArrayLike<number>[], mean: Float64Array): number {
  let sum = 0;
  for (const vector of vectors)
    for (let unit = 0; unit < mean.length; unit++) sum += ((vector[unit] as number) - (mean[unit] as number)) ** 2;
  return sum / vectors.length;
}

/** A random unit vector, uniform on the sphere. */
function randomDirection(random: RandomStream, width: number): Float32Array {
  const draws = Float64Array.from(
    { length: width },
    () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform()),
  );
  const norm = Math.hypot(...draws);
  return Float32Array.from(draws, (value) => value / norm);
}
