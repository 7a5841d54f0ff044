// What the computations of a whole block share.
#pragma once

#include "scratch-numbers.h"
#include "transformer-block.h"

namespace subtext {

/** A block and what its computations all need. */
struct Work {
  const Kernels& k;
  const Threads& t;
  const TransformerBlock& b;
  int64_t rows;

  bool apply(const LinearWeights& layer, int64_t in, const float* input, float* output, const Epilogue& epilogue = {}) const { return applyLayer(k, t, layer, rows, in, input, output, epilogue); }
  bool back(const LinearWeights& layer, int64_t in, const float* gradient, float* result, const Epilogue& epilogue = {}) const { return inputGradient(k, t, layer, rows, in, gradient, result, epilogue); }
  bool weights(const LinearWeights& layer, int64_t in, const float* input, const float* gradient, const LayerGradients& gradients) const { return weightGradients(k, t, layer, rows, in, input, gradient, gradients); }
  /** Turns queries and keys, `[rows, width of theirs]`, to their positions or back. */
  void rotate(float* query, float* key, bool inverse) const {
    if (!b.cos) return;
    k.rotary(t, b.batch, b.time, b.attention.heads, b.attention.headWidth, query, b.cos, b.sin, b.angleBatch, inverse, query);
    k.rotary(t, b.batch, b.time, b.attention.keyValueHeads, b.attention.headWidth, key, b.cos, b.sin, b.angleBatch, inverse, key);
  }
  bool normBack(const NormWeights& norm, const float* gradient, const float* input, const float* statistics, const float* added, float* result, const LayerGradients& gradients) const {
    // The kernels give gradients of scale and bias too; those of a norm that does not train go nowhere.
    const Numbers unasked = allocateNumbers(2 * b.width);
    if (!unasked) return false;
    float *const scale = gradients.weight ? gradients.weight : unasked.get(), *const bias = gradients.bias ? gradients.bias : unasked.get() + b.width;
    if (norm.bias) return k.layerNormBackward(t, rows, b.width, gradient, input, norm.scale, statistics, statistics + rows, added, result, scale, bias);
    return k.rmsNormBackward(t, rows, b.width, gradient, input, norm.scale, statistics + rows, added, result, scale);
  }
};

inline Epilogue adding(const float* added) {
  Epilogue epilogue;
  epilogue.added = added;
  return epilogue;
}

/** From `v.hidden` on: `hidden + feedForward(norm(hidden))`. False where memory ran out. */
bool feedForwardPart(const Work&, const BlockValues&, float* output);
/** The gradient of `v.hidden`, `[rows, width]`, from the output's, and those of the part's weights. False where memory ran out. */
bool feedForwardGradient(const Work&, const BlockValues&, const float* gradient, const BlockGradients&, float* hidden);

/**
 * The gradient of `v.attentionNormal`, `[rows, width]`, from those of queries, keys and values (of packed ones, side by side
 * in `query`), and those of their weights; `scratch` is as large. False where memory ran out.
 */
bool projectionGradient(const Work&, const BlockValues&, const float* query, const float* key, const float* value, const BlockGradients&, float* normal, float* scratch);

}  // namespace subtext
