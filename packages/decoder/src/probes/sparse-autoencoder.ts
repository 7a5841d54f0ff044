/** A latent with its activation. */
export interface ActiveLatent {
  latent: number;
  strength: number;
}

/** A state that activates a latent. */
export interface ActivatingExample {
  index: number;
  strength: number;
}

/** A trained top-k sparse autoencoder, held in plain arrays. */
export interface SparseAutoencoder {
  width: number;
  latents: number;
  active: number;
  /** Unit directions of the latents, `[latents, width]`. */
  decoder: Float32Array;
  /** Fraction of variance explained by the reconstruction, on held-out states. */
  explainedVariance: number;
  /** Number of latents that no training state activates. */
  deadLatents: number;
  /** Mean squared error per step, for plotting. */
  losses: number[];
  /** Active latents of a state, strongest first. */
  encode: (state: ArrayLike<number>) => ActiveLatent[];
  /** Reconstructs a state from its active latents. */
  reconstruct: (state: ArrayLike<number>) => Float32Array;
}

/** The states with a latent's highest activations. */
export function mostActivating({
  autoencoder,
  states,
  latent,
  count = 5,
}: {
  autoencoder: SparseAutoencoder;
  states: readonly ArrayLike<number>[];
  latent: number;
  /** @default 5 */ count?: number;
}): ActivatingExample[] {
  return states
    .flatMap((state, index) => {
      const found = autoencoder.encode(state).find((one) => one.latent === latent);
      return found === undefined ? [] : [{ index, strength: found.strength }];
    })
    .sort((one, other) => other.strength - one.strength || one.index - other.index)
    .slice(0, count);
}

export interface Weights {
  /** `[latents, width]`. */
  decoder: Float32Array;
  /** `[width, latents]`. */
  encoder: Float32Array;
  encoderBias: Float32Array;
  bias: Float32Array;
}

export function encodeWith({
  weights,
  state,
  width,
  latents,
  active,
}: {
  weights: Weights;
  state: Float32Array;
  width: number;
  latents: number;
  active: number;
}): ActiveLatent[] {
  const scores = Float64Array.from(weights.encoderBias);
  for (let unit = 0; unit < width; unit++) {
    const value = (state[unit] as number) - (weights.bias[unit] as number);
    for (let latent = 0; latent < latents; latent++)
      scores[latent] = (scores[latent] as number) + value * (weights.encoder[unit * latents + latent] as number);
  }
  return [...scores]
    .map((strength, latent) => ({ latent, strength }))
    .filter(({ strength }) => strength > 0)
    .sort((one, other) => other.strength - one.strength || one.latent - other.latent)
    .slice(0, active);
}

export function rebuild({
  weights,
  width,
  active,
}: {
  weights: Weights;
  width: number;
  active: readonly ActiveLatent[];
}): Float32Array {
  const rebuilt = Float32Array.from(weights.bias);
  for (const { latent, strength } of active) {
    for (let unit = 0; unit < width; unit++)
      rebuilt[unit] = (rebuilt[unit] as number) + strength * (weights.decoder[latent * width + unit] as number);
  }
  return rebuilt;
}
