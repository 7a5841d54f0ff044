#include "transformer-block.h"

#include "scratch-numbers.h"

namespace subtext {
namespace {

/** Queries, keys and values, or their gradients, in the block's `projected`. */
struct Projected {
  float *query, *key, *value;
};
Projected partsOf(const TransformerBlock& b, float* projected) {
  const int64_t step = b.packed() ? 1 : b.rows();
  return {projected, projected + step * b.queryWidth(), projected + step * (b.queryWidth() + b.keyWidth())};
}

AttentionShape shapeOf(const TransformerBlock& b) {
  AttentionShape shape = b.attention;
  if (b.packed()) shape.queryStride = shape.keyStride = b.query.out;
  return shape;
}

/** A block and what its computations all need. */
struct Work {
  const Kernels& k;
  const Threads& t;
  const TransformerBlock& b;
  int64_t rows;

  bool apply(const LinearWeights& layer, int64_t in, const float* input, float* output, const Epilogue& epilogue = {}) const { return applyLayer(k, t, layer, rows, in, input, output, epilogue); }
  bool back(const LinearWeights& layer, int64_t in, const float* gradient, float* result, const Epilogue& epilogue = {}) const { return inputGradient(k, t, layer, rows, in, gradient, result, epilogue); }
  bool weights(const LinearWeights& layer, int64_t in, const float* input, const float* gradient, const LayerGradients& gradients) const { return weightGradients(k, t, layer, rows, in, input, gradient, gradients); }
  void rotate(const Projected& parts, bool inverse) const {
    if (!b.cos) return;
    k.rotary(t, b.batch, b.time, b.attention.heads, b.attention.headWidth, parts.query, b.cos, b.sin, b.angleBatch, inverse, parts.query);
    k.rotary(t, b.batch, b.time, b.attention.keyValueHeads, b.attention.headWidth, parts.key, b.cos, b.sin, b.angleBatch, inverse, parts.key);
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

Epilogue adding(const float* added) {
  Epilogue epilogue;
  epilogue.added = added;
  return epilogue;
}

}  // namespace

void normalise(const Kernels& k, const Threads& t, const NormWeights& norm, int64_t rows, int64_t width, const float* input, float* output, float* statistics) {
  if (norm.bias) k.layerNormForward(t, rows, width, input, norm.scale, norm.bias, norm.epsilon, output, statistics, statistics + rows);
  else k.rmsNormForward(t, rows, width, input, norm.scale, norm.epsilon, output, statistics + rows);
}

bool transformerBlock(const Kernels& k, const Threads& t, const TransformerBlock& b, const float* input, const BlockValues& v, float* output) {
  const Work work = {k, t, b, b.rows()};
  const Projected parts = partsOf(b, v.projected);
  normalise(k, t, b.attentionNorm, work.rows, b.width, input, v.attentionNormal, v.attentionStatistics);
  if (!work.apply(b.query, b.width, v.attentionNormal, parts.query)) return false;
  if (!b.packed() && (!work.apply(b.key, b.width, v.attentionNormal, parts.key) || !work.apply(b.value, b.width, v.attentionNormal, parts.value))) return false;
  work.rotate(parts, false);
  if (!k.attentionForward(t, shapeOf(b), parts.query, parts.key, parts.value, v.attended, v.logSumExp)) return false;
  if (!work.apply(b.output, b.queryWidth(), v.attended, v.hidden, adding(input))) return false;

  normalise(k, t, b.feedForwardNorm, work.rows, b.width, v.hidden, v.feedForwardNormal, v.feedForwardStatistics);
  if (b.gate.weight) {
    float* up = v.kept + work.rows * b.innerWidth;
    if (!work.apply(b.gate, b.width, v.feedForwardNormal, v.kept) || !work.apply(b.up, b.width, v.feedForwardNormal, up)) return false;
    k.gated(t, work.rows * b.innerWidth, b.activation, v.kept, up, v.inner);
  } else {
    Epilogue epilogue;
    epilogue.activation = b.activation;
    epilogue.derivative = b.activation == kNone ? nullptr : v.kept;
    if (!work.apply(b.up, b.width, v.feedForwardNormal, v.inner, epilogue)) return false;
  }
  return work.apply(b.down, b.innerWidth, v.inner, output, adding(v.hidden));
}

bool transformerBlockGradient(const Kernels& k, const Threads& t, const TransformerBlock& b, const float* input, const BlockValues& v, const float* gradient, const BlockGradients& g) {
  const Work work = {k, t, b, b.rows()};
  const int64_t rows = work.rows, inner = rows * b.innerWidth;
  const bool gated = static_cast<bool>(b.gate.weight);
  // `wide` and `other` hold what has the inner width, then what has the width of queries, keys and values together.
  const int64_t projectedWidth = b.queryWidth() + 2 * b.keyWidth();
  const Numbers wide = allocateNumbers(inner), other = allocateNumbers(gated ? 2 * inner : 0), normal = allocateNumbers(rows * b.width), second = allocateNumbers(rows * b.width);
  const Numbers hidden = allocateNumbers(rows * b.width), attended = allocateNumbers(rows * b.queryWidth()), projected = allocateNumbers(rows * projectedWidth);
  if (!wide || !other || !normal || !second || !hidden || !attended || !projected) return false;

  if (!work.weights(b.down, b.innerWidth, v.inner, gradient, g.down)) return false;
  if (gated) {
    float *const gateGradient = other.get(), *const upGradient = other.get() + inner;
    if (!work.back(b.down, b.innerWidth, gradient, wide.get())) return false;
    k.gatedBackward(t, inner, b.activation, wide.get(), v.kept, v.kept + inner, gateGradient, upGradient);
    if (!work.weights(b.gate, b.width, v.feedForwardNormal, gateGradient, g.gate) || !work.weights(b.up, b.width, v.feedForwardNormal, upGradient, g.up)) return false;
    if (!work.back(b.gate, b.width, gateGradient, second.get()) || !work.back(b.up, b.width, upGradient, normal.get(), adding(second.get()))) return false;
  } else {
    Epilogue epilogue;
    epilogue.factor = b.activation == kNone ? nullptr : v.kept;
    if (!work.back(b.down, b.innerWidth, gradient, wide.get(), epilogue)) return false;
    if (!work.weights(b.up, b.width, v.feedForwardNormal, wide.get(), g.up) || !work.back(b.up, b.width, wide.get(), normal.get())) return false;
  }
  if (!work.normBack(b.feedForwardNorm, normal.get(), v.hidden, v.feedForwardStatistics, gradient, hidden.get(), g.feedForwardNorm)) return false;

  if (!work.weights(b.output, b.queryWidth(), v.attended, hidden.get(), g.output) || !work.back(b.output, b.queryWidth(), hidden.get(), attended.get())) return false;
  const Projected parts = partsOf(b, v.projected), gradients = partsOf(b, projected.get());
  if (!k.attentionBackward(t, shapeOf(b), attended.get(), parts.query, parts.key, parts.value, v.attended, v.logSumExp, gradients.query, gradients.key, gradients.value)) return false;
  work.rotate(gradients, true);
  if (!work.weights(b.query, b.width, v.attentionNormal, gradients.query, g.query)) return false;
  if (b.packed()) {
    if (!work.back(b.query, b.width, gradients.query, normal.get())) return false;
  } else {
    if (!work.weights(b.key, b.width, v.attentionNormal, gradients.key, g.key) || !work.weights(b.value, b.width, v.attentionNormal, gradients.value, g.value)) return false;
    if (!work.back(b.query, b.width, gradients.query, normal.get()) || !work.back(b.key, b.width, gradients.key, second.get(), adding(normal.get())) || !work.back(b.value, b.width, gradients.value, normal.get(), adding(second.get()))) return false;
  }
  return work.normBack(b.attentionNorm, normal.get(), input, v.attentionStatistics, hidden.get(), g.input, g.attentionNorm);
}

}  // namespace subtext
