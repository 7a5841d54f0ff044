// A whole pre-norm block of a decoder over a cache, without gradients: what generation runs a token at a time, where the
// calls of a dozen small operations cost more than their arithmetic.
#pragma once

#include "kernels.h"

namespace subtext {

/** `[in, out]`, or `[out, in]` if `transposed`; no bias is null. A weight that is null is absent. */
struct LinearWeights {
  const float* weight;
  const float* bias;
  int64_t out;
  bool transposed;
};

/** RMS norm where the bias is null. */
struct NormWeights {
  const float* scale;
  const float* bias;
  float epsilon;
};

struct DecoderBlock {
  int64_t batch, time, width, innerWidth;
  NormWeights attentionNorm, feedForwardNorm;
  /** `query` alone where it makes keys and values too, side by side in its output. */
  LinearWeights query, key, value, output, gate, up, down;
  int activation;
  /** Its `keyTime` counts this call's positions. */
  AttentionShape attention;
  /** `[batch, capacity, keyValueHeads · headWidth]`: this call's rows are written at `offset`. */
  float* keyCache;
  float* valueCache;
  int64_t offset;
  /** `[angleBatch, time, headWidth / 2]`, or null without rotary positions. */
  const float* cos;
  const float* sin;
  int64_t angleBatch;
};

/**
 * `h = x + attention(norm(x))`, `output = h + feedForward(norm(h))`, both `[batch, time, width]`; with a gate the
 * feed-forward part is `down(activation(gate(x)) · up(x))`, without it `down(activation(up(x)))`. False where memory ran out.
 */
bool decoderBlock(const Kernels&, const Threads&, const DecoderBlock&, const float* input, float* output);

}  // namespace subtext
