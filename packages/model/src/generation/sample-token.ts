import type { RandomStream } from '@subtext/tensor';
import { notANumber } from './greedy-tokens';
import { checkSampling, type SamplingOptions } from './sampling-options';

/**
 * The index of the largest logit; the first of equals.
 *
 * @throws ModelError `not-a-number` where one is NaN or +∞, or none is above −∞
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
 * Draws a token from one row of logits: temperature, then top-k, then top-p (nucleus sampling, arXiv 1904.09751), then
 * min-p (arXiv 2407.01082), in transformers' order. The vocabulary is not sorted: only as many of its likeliest tokens as
 * the draw reaches.
 *
 * @throws ModelError `invalid-option`; `not-a-number` where a logit is NaN or +∞, or none is above −∞
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
  // How far from the likeliest the draw may get; and everything, where rounding leaves it there.
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
    // The rank tells which value; ties go by id.
    const value = sorted[rank] as number;
    let id = -1;
    for (let ties = rank - sorted.indexOf(value); ties >= 0; ties--) id = logits.indexOf(value, id + 1);
    return id;
  }
  return best;
}

/** How finely logits are told apart before some of them are sorted, and how far: what is rarer than e⁻³² is one bin. */
const binsPerNat = 8;
const bins = 32 * binsPerNat;

/** How many tokens, and how much weight, lie at each distance from the likeliest; weights and their sum only where asked for. */
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

/** The first bin with which the sum reaches `target`; the last if none does. */
function firstReaching(values: Float64Array, target: number): number {
  let sum = 0;
  for (let bin = 0; bin < bins; bin++) if ((sum += values[bin] as number) >= target) return bin;
  return bins;
}

/** The values from `least` on, falling. */
function valuesFrom(logits: Float32Array, least: number): Float32Array {
  let count = 0;
  for (let id = 0; id < logits.length; id++) if ((logits[id] as number) >= least) count++;
  const found = new Float32Array(count);
  for (let id = 0, next = 0; next < count; id++)
    if ((logits[id] as number) >= least) found[next++] = logits[id] as number;
  return found.sort().reverse();
}

/** The rank that a uniform `share` falls on; null where the values are too few to tell. */
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
  /** The largest values, falling. */
  sorted: Float32Array;
  /** Whether they are all that there are. */
  whole: boolean;
  weightOf: (value: number) => number;
  /** Σ over all tokens, or null where top-k leaves some out. */
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
  // Whether what is kept ends within these values.
  const ends = whole || kept < weights.length || total === null;
  if (!ends && (topP < 1 || minP > 0)) return null;
  let draw = share * (ends ? mass : sum);
  for (let rank = 0; rank < kept; rank++) {
    draw -= weights[rank] as number;
    if (draw < 0) return rank;
  }
  return ends ? kept - 1 : null;
}
