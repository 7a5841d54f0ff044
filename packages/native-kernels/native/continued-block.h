// A whole pre-norm block whose queries also see keys and values of positions before this call, with gradients that reach
// these: what training runs where each thought is made of the one before, a pass at a time.
#pragma once

#include "transformer-block.h"

namespace subtext {

/** `attention`'s `keyTime` and `capacity` count the earlier positions and this call's. */
struct ContinuedBlock : TransformerBlock {
  ContinuedBlock(const TransformerBlock& block, int64_t earlier) : TransformerBlock(block), past(earlier) {
    attention.keyTime = attention.capacity = past + time;
    attention.queryStride = queryWidth();
    attention.keyStride = keyWidth();
  }

  /** Positions before this call's. */
  int64_t past;
};

/** Keys and values, or their gradients, of all positions: `[batch, past + time, keyWidth]` each. */
struct KeysAndValues {
  float *key, *value;
};

/**
 * As `transformerBlock`; `v.projected` holds queries alone, `[rows, queryWidth]`. `all` is filled with the earlier keys and
 * values, `[batch, past, keyWidth]` (null if there are none), and this call's behind them. False where memory ran out.
 */
bool continuedBlock(const Kernels&, const Threads&, const ContinuedBlock&, const float* input, const float* pastKey, const float* pastValue, const BlockValues&, KeysAndValues all, float* output);

/** As `transformerBlockGradient`, from the gradients of the output and of all keys and values; `past` gets those of the earlier ones. */
bool continuedBlockGradient(const Kernels&, const Threads&, const ContinuedBlock&, const float* input, const BlockValues&, KeysAndValues all, const float* gradient, KeysAndValues allGradients, const BlockGradients&, KeysAndValues past);

}  // namespace subtext
