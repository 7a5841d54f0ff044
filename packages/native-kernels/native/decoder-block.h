// A whole pre-norm block of a decoder over a cache, without gradients: what generation runs a token at a time, where the
// calls of a dozen small operations cost more than their arithmetic.
#pragma once

#include "transformer-block.h"

namespace subtext {

/** `attention`'s `keyTime` counts this call's positions, and its `capacity` is that of the cache. */
struct DecoderBlock : TransformerBlock {
  DecoderBlock(const TransformerBlock& block, float* keys, float* values, int64_t position) : TransformerBlock(block), keyCache(keys), valueCache(values), offset(position) {}

  /** `[batch, capacity, keyWidth]`: this call's rows are written at `offset`. */
  float* keyCache;
  float* valueCache;
  int64_t offset;
};

/** As `transformerBlock`, over the cache. False where memory ran out. */
bool decoderBlock(const Kernels&, const Threads&, const DecoderBlock&, const float* input, float* output);

}  // namespace subtext
