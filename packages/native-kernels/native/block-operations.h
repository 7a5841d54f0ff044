// Whole transformer blocks as operations. They share their first 23 inputs: the block's input; scale and bias of the norm
// before attention; weight and bias of queries, keys, values and of the output; scale and bias of the norm before the
// feed-forward part; weight and bias of its gate, up and down; cos, sin, mask and settings. A tensor of no numbers stands
// for what is absent. settings: heads, keyValueHeads, causal, scale, activation, epsilon of both norms, for each layer
// whether its weight is [out, in]; then, with a cache, the position at which it goes on.
#pragma once

#include "call.h"

namespace subtext {

/** The block over a cache, whose buffers follow the 23 inputs. */
void decoderBlockOf(Call& call);
/** The block, and what its gradient needs: see `BlockValues`. */
void transformerBlockOf(Call& call);
/** Gradients of the first 19 inputs, from the 23, the output's gradient and the values that were kept. */
void transformerBlockGradientOf(Call& call);

}  // namespace subtext
