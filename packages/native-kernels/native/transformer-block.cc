#include "transformer-block.h"

#include "block-work.h"

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

}  // namespace

void normalise(const Kernels& k, const Threads& t, const NormWeights& norm, int64_t rows, int64_t width, const float* input, float* output, float* statistics) {
  if (norm.bias) k.layerNormForward(t, rows, width, input, norm.scale, norm.bias, norm.epsilon, output, statistics, statistics + rows);
  else k.rmsNormForward(t, rows, width, input, norm.scale, norm.epsilon, output, statistics + rows);
}

bool feedForwardPart(const Work& work, const BlockValues& v, float* output) {
  const TransformerBlock& b = work.b;
  normalise(work.k, work.t, b.feedForwardNorm, work.rows, b.width, v.hidden, v.feedForwardNormal, v.feedForwardStatistics);
  if (b.gate.weight) {
    float* up = v.kept + work.rows * b.innerWidth;
    if (!work.apply(b.gate, b.width, v.feedForwardNormal, v.kept) || !work.apply(b.up, b.width, v.feedForwardNormal, up)) return false;
    work.k.gated(work.t, work.rows * b.innerWidth, b.activation, v.kept, up, v.inner);
  } else {
    Epilogue epilogue;
    epilogue.activation = b.activation;
    epilogue.derivative = b.activation == kNone ? nullptr : v.kept;
    if (!work.apply(b.up, b.width, v.feedForwardNormal, v.inner, epilogue)) return false;
  }
  return work.apply(b.down, b.innerWidth, v.inner, output, adding(v.hidden));
}

bool feedForwardGradient(const Work& work, const BlockValues& v, const float* gradient, const BlockGradients& g, float* hidden) {
  const TransformerBlock& b = work.b;
  const int64_t inner = work.rows * b.innerWidth;
  const bool gated = static_cast<bool>(b.gate.weight);
  const Numbers wide = allocateNumbers(inner), other = allocateNumbers(gated ? 2 * inner : 0), normal = allocateNumbers(work.rows * b.width), second = allocateNumbers(gated ? work.rows * b.width : 0);
  if (!wide || !other || !normal || !second) return false;
  if (!work.weights(b.down, b.innerWidth, v.inner, gradient, g.down)) return false;
  if (gated) {
    float *const gateGradient = other.get(), *const upGradient = other.get() + inner;
    if (!work.back(b.down, b.innerWidth, gradient, wide.get())) return false;
    work.k.gatedBackward(work.t, inner, b.activation, wide.get(), v.kept, v.kept + inner, gateGradient, upGradient);
    if (!work.weights(b.gate, b.width, v.feedForwardNormal, gateGradient, g.gate) || !work.weights(b.up, b.width, v.feedForwardNormal, upGradient, g.up)) return false;
    if (!work.back(b.gate, b.width, gateGradient, second.get()) || !work.back(b.up, b.width, upGradient, normal.get(), adding(second.get()))) return false;
  } else {
    Epilogue epilogue;
    epilogue.factor = b.activation == kNone ? nullptr : v.kept;
    if (!work.back(b.down, b.innerWidth, gradient, wide.get(), epilogue)) return false;
    if (!work.weights(b.up, b.width, v.feedForwardNormal, wide.get(), g.up) || !work.back(b.up, b.width, wide.get(), normal.get())) return false;
  }
  return work.normBack(b.feedForwardNorm, normal.get(), v.hidden, v.feedForwardStatistics, gradient, hidden, g.feedForwardNorm);
}

bool projectionGradient(const Work& work, const BlockValues& v, const float* query, const float* key, const float* value, const BlockGradients& g, float* normal, float* scratch) {
  const TransformerBlock& b = work.b;
  if (!work.weights(b.query, b.width, v.attentionNormal, query, g.query)) return false;
  if (b.packed()) return work.back(b.query, b.width, query, normal);
  if (!work.weights(b.key, b.width, v.attentionNormal, key, g.key) || !work.weights(b.value, b.width, v.attentionNormal, value, g.value)) return false;
  return work.back(b.query, b.width, query, normal) && work.back(b.key, b.width, key, scratch, adding(normal)) && work.back(b.value, b.width, value, normal, adding(scratch));
}

bool transformerBlock(const Kernels& k, const Threads& t, const TransformerBlock& b, const float* input, const BlockValues& v, float* output) {
  const Work work = {k, t, b, b.rows()};
  const Projected parts = partsOf(b, v.projected);
  normalise(k, t, b.attentionNorm, work.rows, b.width, input, v.attentionNormal, v.attentionStatistics);
  if (!work.apply(b.query, b.width, v.attentionNormal, parts.query)) return false;
  if (!b.packed() && (!work.apply(b.key, b.width, v.attentionNormal, parts.key) || !work.apply(b.value, b.width, v.attentionNormal, parts.value))) return false;
  work.rotate(parts.query, parts.key, false);
  if (!k.attentionForward(t, shapeOf(b), parts.query, parts.key, parts.value, v.attended, v.logSumExp)) return false;
  return work.apply(b.output, b.queryWidth(), v.attended, v.hidden, adding(input)) && feedForwardPart(work, v, output);
}

bool transformerBlockGradient(const Kernels& k, const Threads& t, const TransformerBlock& b, const float* input, const BlockValues& v, const float* gradient, const BlockGradients& g) {
  const Work work = {k, t, b, b.rows()};
  const int64_t rows = work.rows;
  const Numbers normal = allocateNumbers(rows * b.width), second = allocateNumbers(rows * b.width), hidden = allocateNumbers(rows * b.width);
  const Numbers attended = allocateNumbers(rows * b.queryWidth()), projected = allocateNumbers(rows * (b.queryWidth() + 2 * b.keyWidth()));
  if (!normal || !second || !hidden || !attended || !projected) return false;
  if (!feedForwardGradient(work, v, gradient, g, hidden.get())) return false;

  if (!work.weights(b.output, b.queryWidth(), v.attended, hidden.get(), g.output) || !work.back(b.output, b.queryWidth(), hidden.get(), attended.get())) return false;
  const Projected parts = partsOf(b, v.projected), gradients = partsOf(b, projected.get());
  if (!k.attentionBackward(t, shapeOf(b), attended.get(), parts.query, parts.key, parts.value, v.attended, v.logSumExp, gradients.query, gradients.key, gradients.value)) return false;
  work.rotate(gradients.query, gradients.key, true);
  if (!projectionGradient(work, v, gradients.query, gradients.key, gradients.value, g, normal.get(), second.get())) return false;
  return work.normBack(b.attentionNorm, normal.get(), input, v.attentionStatistics, hidden.get(), g.input, g.attentionNorm);
}

}  // namespace subtext
