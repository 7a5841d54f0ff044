// A whole pre-norm block with what its gradient needs, and that gradient: what training runs, where each of two dozen small
// operations would pass over memory once more.
#pragma once

#include "linear-layer.h"

namespace subtext {

/** RMS norm where the bias is null. */
struct NormWeights {
  const float* scale;
  const float* bias;
  float epsilon;
};

struct TransformerBlock {
  int64_t batch, time, width, innerWidth;
  NormWeights attentionNorm, feedForwardNorm;
  /** `query` alone where it makes keys and values too, side by side in its output. */
  LinearWeights query, key, value, output, gate, up, down;
  int activation;
  AttentionShape attention;
  /** `[angleBatch, time, headWidth / 2]`, or null without rotary positions; queries, keys and values have layers of their own then. */
  const float* cos;
  const float* sin;
  int64_t angleBatch;

  int64_t rows() const { return batch * time; }
  int64_t queryWidth() const { return attention.heads * attention.headWidth; }
  int64_t keyWidth() const { return attention.keyValueHeads * attention.headWidth; }
  bool packed() const { return !key.weight; }
};

/** What a block keeps for its gradient. */
struct BlockValues {
  /** `[rows, width]` */
  float *attentionNormal, *hidden, *feedForwardNormal;
  /** `[2, rows]`: a layer norm's means and inverse deviations; RMS norm has no means. */
  float *attentionStatistics, *feedForwardStatistics;
  /** Queries, keys and values, rotated: side by side in each row if they are packed, else one after the other. */
  float* projected;
  /** `[rows, queryWidth]` */
  float* attended;
  /** `[batch, heads, time]` */
  float* logSumExp;
  /** `[rows, innerWidth]`: what `down` reads. */
  float* inner;
  /** `[rows, innerWidth]`, the activation's derivative; with a gate `[2, rows, innerWidth]`, what comes from `gate` and from `up`. */
  float* kept;
};

struct BlockGradients {
  /** `[rows, width]` */
  float* input;
  LayerGradients attentionNorm, feedForwardNorm, query, key, value, output, gate, up, down;
};

/** A norm of `[rows, width]`; its statistics are `[2, rows]`. */
void normalise(const Kernels&, const Threads&, const NormWeights&, int64_t rows, int64_t width, const float* input, float* output, float* statistics);

/**
 * `h = x + attention(norm(x))`, `output = h + feedForward(norm(h))`, both `[batch, time, width]`; with a gate the
 * feed-forward part is `down(activation(gate(x)) · up(x))`, without it `down(activation(up(x)))`. False where memory ran out.
 */
bool transformerBlock(const Kernels&, const Threads&, const TransformerBlock&, const float* input, const BlockValues&, float* output);

/** Gradients of the input and of those weights for whose gradient there is a place, from the output's. False where memory ran out. */
bool transformerBlockGradient(const Kernels&, const Threads&, const TransformerBlock&, const float* input, const BlockValues&, const float* gradient, const BlockGradients&);

}  // namespace subtext
