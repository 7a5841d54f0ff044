/**
 * A model of a training step among ranks: what is computed, what travels meanwhile, and what everybody waits for. It
 * follows what `RankExchange` of `@subtext/trainer` does, message by message; what machine and network add is given:
 * seconds of computing, and a link's latency, bandwidth and time a message.
 *
 * With `N` ranks, `k` shards on each, `L` bytes of gradients, and a link of `B` bytes a second:
 *
 * - `shards` (sums in the order of the shards): each rank sends `k L (1 − 1/N)` to the owners of the slices, of which all
 *   but the last shard's, and as much of the last one's as is ready early, may travel while it computes; then everyone's
 *   slice goes to all, `L (1 − 1/N)`, while nothing else happens.
 * - `any`: each rank sums its shards first, and sends `L (1 − 1/N)` to the owners after the last gradient; then the same.
 * - the optimizer's state in parts: each rank updates `1/N` of the weights; they travel in place of the gradients (where the
 *   engine keeps the state and takes the gradients' norm: beside them).
 */

/** Bytes of a piece of gradients that travels by itself, as `RankExchange` cuts them. */
const pieceBytes = (bytes) => 2 ** 16 * Math.min(16, Math.ceil(bytes / 16 / 2 ** 16));
/** Numbers of 8 bytes that each rank tells of a shard beside one for each parameter, as `RankExchange` does. */
const TOLD = 17;

/** Links by name: latency in seconds, bandwidth in bytes a second. Of real networks these are assumptions, not measurements. */
export const links = {
  'Ethernet, 10 Gbit/s': { latency: 30e-6, bandwidth: 10e9 / 8 },
  'Ethernet, 100 Gbit/s': { latency: 15e-6, bandwidth: 100e9 / 8 },
  'InfiniBand, 200 Gbit/s': { latency: 1.5e-6, bandwidth: 200e9 / 8 },
};

/**
 * Seconds of a step.
 *
 * @param {object} options
 * @param {{ seconds: number, updateSeconds: number, backwardShare?: number }} options.computing Of one rank: all of a step
 *   but the update of the weights, for its `shards` shards; the update of all weights; which part of a shard's seconds the
 *   backward pass is (2/3 by default: two products for the forward pass's one)
 * @param {{ bytes: number, tensors: number, lateShare: number }} options.gradients All of them; how many parameters; which
 *   part is whole only at the end of the backward pass: that of the embeddings, which the output layer shares
 * @param {number} options.ranks
 * @param {number} [options.shards] On each rank: 1 by default
 * @param {'shards' | 'any'} [options.order]
 * @param {'whole' | 'parts'} [options.optimizerState]
 * @param {boolean} [options.stateOnEngine] Whether the engine keeps the optimizer's state: `native` without worker threads
 * @param {{ latency: number, bandwidth: number, message?: number }} options.link `message`: seconds that a message takes of
 *   the processor of either side
 * @param {number} [options.overlap] Which part of what could travel while it is computed does: 1 where messages move on by
 *   themselves
 * @returns {{ seconds: number, alone: number, efficiency: number, parts: Record<string, number> }}
 */
export function predictStep({
  computing: { seconds, updateSeconds, backwardShare = 2 / 3 },
  gradients: { bytes, tensors, lateShare },
  ranks,
  shards = 1,
  order = 'shards',
  optimizerState = 'whole',
  stateOnEngine = false,
  link: { latency, bandwidth, message = 0 },
  overlap = 1,
}) {
  const alone = seconds + updateSeconds;
  if (ranks === 1)
    return { seconds: alone, alone, efficiency: 1, parts: { computing: seconds, update: updateSeconds } };
  const others = ranks - 1;
  const inParts = optimizerState === 'parts';
  const away = bytes * (1 - 1 / ranks);
  /** A slice from each rank to each other one, all at once. */
  const slices = away / bandwidth + latency + others * message;
  const pieces = others * Math.max(1, Math.ceil(bytes / ranks / pieceBytes(bytes)));

  let exposed = slices;
  let busy = 0;
  if (order === 'shards') {
    // Both ends of every message take their time from the computing.
    busy = shards * pieces * message;
    const transfer = (shards * away) / bandwidth + latency;
    const early = ((shards - 1 + backwardShare) / shards) * seconds * overlap;
    const late = (lateShare * away) / bandwidth + latency;
    exposed = Math.max(late, transfer - early);
  }
  const gather = inParts && stateOnEngine ? 2 * slices : slices;
  const told = (others * shards * (TOLD + tensors) * 8) / bandwidth + Math.ceil(Math.log2(ranks)) * (latency + message);
  const update = inParts ? updateSeconds / ranks : updateSeconds;
  const parts = { computing: seconds, messages: busy, exposed, told, update, gather };
  const total = Object.values(parts).reduce((sum, one) => sum + one, 0);
  return { seconds: total, alone, efficiency: alone / total, parts };
}

/**
 * Latency and bandwidth of a link from seconds by size, so that `seconds = latency + bytes / bandwidth`: least squares of
 * the relative error, as short and long messages count alike.
 *
 * @param {{ bytes: number, seconds: number }[]} points Two sizes at least
 * @returns {{ latency: number, bandwidth: number }}
 */
export function fitLink(points) {
  let [w, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (const { bytes, seconds } of points) {
    const weight = 1 / seconds ** 2;
    w += weight;
    x += weight * bytes;
    y += weight * seconds;
    xx += weight * bytes * bytes;
    xy += weight * bytes * seconds;
  }
  const slope = (w * xy - x * y) / (w * xx - x * x);
  return { latency: Math.max(0, (y - slope * x) / w), bandwidth: 1 / slope };
}

/** Parameters of a GPT-2 (Radford et al. 2019), and how many are of the embeddings that are whole last. */
export function gpt2Parameters({ width, layers, vocabulary, positions }) {
  const embeddings = (vocabulary + positions) * width;
  const block = 12 * width * width + 13 * width;
  return { all: embeddings + layers * block + 2 * width, embeddings, tensors: 2 + 12 * layers + 2 };
}

/**
 * Floating-point operations of forward and backward pass, after Narayanan et al. 2021 (arXiv 2104.04473), without
 * recomputation: 6 for each weight of a product and token, and `12 · layers · width · tokens a sequence` for attention.
 */
export function gpt2Operations({ width, layers, vocabulary, sequence, tokens }) {
  return tokens * (6 * (12 * layers * width * width + vocabulary * width) + 12 * layers * width * sequence);
}
