// Whole transformer blocks as operations. They share their first 37 inputs: the block's input; scale and bias of the norm
// before attention; weight and bias of queries, keys, values and of the output; scale and bias of the norm before the
// feed-forward part; weight and bias of its gate, up and down; cos, sin, mask and settings; then `down` and `up` of the low-rank addition to each of the seven layers. A tensor of no numbers stands
// for what is absent. settings: heads, keyValueHeads, causal, scale, activation, epsilon of both norms, for each layer
// whether its weight is [out, in]; then, with a cache, the position at which it goes on; the additions'
// scaling; and whether the weights are frozen, so that their gradients are not computed (outputs of no numbers).
#pragma once

#include "call.h"

namespace subtext {

/** The block over a cache, whose buffers follow the 37 inputs. */
void decoderBlockOf(Call& call);
/** The block, and what its gradient needs: see `BlockValues`. */
void transformerBlockOf(Call& call);
/** Gradients of the first 19 inputs and of the 14 of the additions, from the 37, the output's gradient and the values that were kept. */
void transformerBlockGradientOf(Call& call);
/** The block behind earlier keys and values, which follow the 37 inputs (of no numbers: there are none): its output, all keys and values, what its gradient needs. */
void continuedBlockOf(Call& call);
/** As `transformerBlockGradientOf`, from the 37, the gradients of output, keys and values, all keys and values, and what was kept; then the gradients of the earlier keys and values. */
void continuedBlockGradientOf(Call& call);

}  // namespace subtext
