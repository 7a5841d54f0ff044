import { RandomStream } from '@subtext/data';
import { Parameters, tf } from '@subtext/tensor';

import { type Weights, encodeWith, rebuild } from './sparse-autoencoder';

export function silentOf(used: Uint8Array): number[] {
  return [...used].flatMap((flag, latent) => (flag === 0 ? [latent] : []));
}

/** Reinitialises dead latents to the residuals of the worst-reconstructed states. */
export async function restartSilent({
  parameters,
  silent,
  rows,
  training,
  width,
  latents,
  active,
  random,
}: {
  parameters: Parameters;
  silent: number[];
  rows: (indices: readonly number[]) => Float32Array;
  training: number[];
  width: number;
  latents: number;
  active: number;
  random: RandomStream;
}): Promise<void> {
  if (silent.length === 0) return;
  const weights = await readWeights(parameters);
  const sample = random.shuffle(training).slice(0, Math.max(256, silent.length));
  const values = rows(sample);
  const residuals = sample
    .map((_, place) => {
      const state = values.subarray(place * width, (place + 1) * width);
      const rebuilt = rebuild({ weights, width, active: encodeWith({ weights, state, width, latents, active }) });
      const rest = state.map((value, unit) => value - (rebuilt[unit] as number));
      return { rest, size: Math.hypot(...rest) };
    })
    .sort((one, other) => other.size - one.size);
  for (const [place, latent] of silent.entries()) {
    const { rest, size } = residuals[place % residuals.length] as { rest: Float32Array; size: number };
    if (size < 1e-6) continue;
    for (let unit = 0; unit < width; unit++) {
      const value = (rest[unit] as number) / size;
      weights.decoder[latent * width + unit] = value;
      weights.encoder[unit * latents + latent] = value;
    }
    weights.encoderBias[latent] = 0;
  }
  tf.tidy(() => {
    parameters.get<tf.Rank.R2>('decoder').assign(tf.tensor2d(weights.decoder, [latents, width]));
    parameters.get<tf.Rank.R2>('encoder').assign(tf.tensor2d(weights.encoder, [width, latents]));
    parameters.get<tf.Rank.R1>('encoderBias').assign(tf.tensor1d(weights.encoderBias));
  });
}

export async function readWeights(parameters: Parameters): Promise<Weights> {
  const read = async (name: string) => Float32Array.from(await parameters.get(name).data());
  return {
    decoder: await read('decoder'),
    encoder: await read('encoder'),
    encoderBias: await read('encoderBias'),
    bias: await read('bias'),
  };
}
