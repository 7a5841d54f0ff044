import type { RandomStream } from '@subtext/tensor';
import { notANumber } from './greedy-tokens';
import { checkSampling, type SamplingOptions } from './sampling-options';

/**
 * Index of the largest logit; the first among ties.
 *
 * @throws ModelError `not-a-number` if one is NaN or +∞, or none is above −∞
 */
export function argumentOfMaximum(logits: Float32Array): number {
  let best = 0;
  for (let index = 0; index < logits.length; index++) {
    const value = logits[index] as number;
    if (Number.isNaN(value) || value === Infinity) throw notANumber();
    if (value > (logits[best] as number)) best = index;
  }
  if (!Number.isFinite(logits[best])) throw notANumber();
  return best;
}

/**
 * Samples a token from one row of logits: temperature, then top-k, top-p (nucleus sampling, arXiv 1904.09751) and min-p
 * (arXiv 2407.01082), in transformers' order. Sorts only as much of the vocabulary as the draw requires.
 *
 * @throws ModelError `invalid-option`; `not-a-number` if a logit is NaN or +∞, or none is above −∞
 */
export function sampleToken({
  logits,
  temperature = 0,
  topK = Infinity,
  topP = 1,
  minP = 0,
  random,
}: SamplingOptions & { /** `[vocabulary]` */ logits: Float32Array; random: RandomStream }): number {
  checkSampling({ temperature, topK, topP, minP });
  const best = argumentOfMaximum(logits);
  if (temperature === 0) return best;
  const likeliest = logits[best] as number;
  const weightOf = (value: number) => Math.exp((value - likeliest) / temperature);
  const share = random.uniform();
  const { counts, masses, total } = histogram({ logits, likeliest, temperature, weighs: topK >= logits.length });
  // Limit of the draw's distance from the top token; unlimited if rounding exhausts it.
  const bin =
    total === null
      ? firstReaching(counts, topK)
      : Math.min(
          firstReaching(masses, total * (topP < 1 ? topP : share) * (1 + 1e-9)),
          minP > 0 ? Math.ceil(-Math.log(minP) * binsPerNat) : bins,
        );
  for (const least of [bin < bins ? likeliest - (temperature * (bin + 1)) / binsPerNat : -Infinity, -Infinity]) {
    const sorted = valuesFrom(logits, least);
    const rank = drawRank({ sorted, whole: sorted.length === logits.length, weightOf, total, topK, topP, minP, share });
    if (rank === null) continue;
    // The rank determines the value; ties are ordered by id.
    const value = sorted[rank] as number;
    let id = -1;
    for (let ties = rank - sorted.indexOf(value); ties >= 0; ties--) id = logits.indexOf(value, id + 1);
    return id;
  }
  return best;
}

/** Histogram resolution and range, used before sorting; everything rarer than e⁻³² shares one bin. */
const binsPerNat = 8;
const bins = 32 * binsPerNat;

/** Number and total weight of tokens at each distance from the top token; weights and their sum only on request. */
function histogram({
  logits,
  likeliest,
  temperature,
  weighs,
}: {
  logits: Float32Array;
  likeliest: number;
  temperature: number;
  weighs: boolean;
}): { counts: Float64Array; masses: Float64Array; total: number | null } {
  const counts = new Float64Array(bins + 1);
  const masses = new Float64Array(bins + 1);
  for (let id = 0; id < logits.length; id++) {
    const distance = (likeliest - (logits[id] as number)) / temperature;
    const bin = Math.min(bins, Math.floor(distance * binsPerNat));
    counts[bin]!++;
    if (weighs) masses[bin]! += Math.exp(-distance);
  }
  return { counts, masses, total: weighs ? masses.reduce((sum, mass) => sum + mass, 0) : null };
}

/** The first bin at which the cumulative sum reaches `target`; the last if none does. */
function firstReaching(values: Float64Array, target: number): number {
  let sum = 0;
  for (let bin = 0; bin < bins; bin++) if ((sum += values[bin] as number) >= target) return bin;
  return bins;
}

/** Logits from `least` up, in descending order. */
function valuesFrom(logits: Float32Array, least: number): Float32Array {
  let count = 0;
  for (let id = 0; id < logits.length; id++) if ((logits[id] as number) >= least) count++;
  const found = new Float32Array(count);
  for (let id = 0, next = 0; next < count; id++)
    if ((logits[id] as number) >= least) found[next++] = logits[id] as number;
  return found.sort().reverse();
}

/** The rank that a uniform `share` falls on; null if more values are needed to tell. */
function drawRank({
  sorted,
  whole,
  weightOf,
  total,
  topK,
  topP,
  minP,
  share,
}: {
  /** The largest values, in descending order. */
  sorted: Float32Array;
  /** Whether these are all values. */
  whole: boolean;
  weightOf: (value: number) => number;
  /** Sum over all tokens; null if top-k excludes some. */
  total: number | null;
  topK: number;
  topP: number;
  minP: number;
  share: number;
}): number | null {
  if (total === null && sorted.length < topK && !whole) return null;
  const weights = new Float64Array(Math.min(topK, sorted.length));
  for (let rank = 0; rank < weights.length; rank++) weights[rank] = weightOf(sorted[rank] as number);
  const sum = total ?? weights.reduce((partial, weight) => partial + weight, 0);
  let kept = 0;
  let mass = 0;
  while (kept < weights.length && (kept === 0 || (mass < topP * sum && (weights[kept] as number) >= minP)))
    mass += weights[kept++] as number;
  // Whether the kept tokens end within these values.
  const ends = whole || kept < weights.length || total === null;
  if (!ends && (topP < 1 || minP > 0)) return null;
  let draw = share * (ends ? mass : sum);
  for (let rank = 0; rank < kept; rank++) {
    draw -= weights[rank] as number;
    if (draw < 0) return rank;
  }
  return ends ? kept - 1 : null;
}
