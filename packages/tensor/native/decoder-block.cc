#include "decoder-block.h"

#include <cstdlib>
#include <cstring>
#include <memory>

namespace subtext {
namespace {

using Numbers = std::unique_ptr<float[], void (*)(void*)>;

Numbers allocate(int64_t count) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, static_cast<size_t>(count > 0 ? count : 1) * sizeof(float)) != 0) memory = nullptr;
  return Numbers(static_cast<float*>(memory), free);
}

void normalise(const Kernels& k, const Threads& t, const NormWeights& norm, int64_t rows, int64_t width, const float* input, float* output, float* perRow) {
  if (norm.bias) k.layerNormForward(t, rows, width, input, norm.scale, norm.bias, norm.epsilon, output, perRow, perRow + rows);
  else k.rmsNormForward(t, rows, width, input, norm.scale, norm.epsilon, output, perRow);
}

bool apply(const Kernels& k, const Threads& t, const LinearWeights& layer, int64_t rows, int64_t in, const float* input, float* output, int activation = kNone) {
  return k.linear(t, rows, in, layer.out, input, layer.weight, layer.transposed, layer.bias, activation, output, nullptr);
}

}  // namespace

bool decoderBlock(const Kernels& k, const Threads& t, const DecoderBlock& b, const float* input, float* output) {
  const AttentionShape& shape = b.attention;
  const int64_t rows = b.batch * b.time, width = b.width;
  const int64_t queryWidth = shape.heads * shape.headWidth, keyWidth = shape.keyValueHeads * shape.headWidth;
  const bool packed = b.key.weight == nullptr;
  const Numbers normal = allocate(rows * width), perRow = allocate(rows * 2), query = allocate(rows * queryWidth), key = allocate(rows * keyWidth), value = allocate(rows * keyWidth);
  const Numbers together = allocate(packed ? rows * (queryWidth + 2 * keyWidth) : 0), attended = allocate(rows * queryWidth), logSumExp = allocate(rows * shape.heads), hidden = allocate(rows * width);
  const Numbers inner = allocate(rows * b.innerWidth), gate = allocate(b.gate.weight ? rows * b.innerWidth : 0);
  if (!normal || !perRow || !query || !key || !value || !together || !attended || !logSumExp || !hidden || !inner || !gate) return false;

  normalise(k, t, b.attentionNorm, rows, width, input, normal.get(), perRow.get());
  if (packed) {
    if (!apply(k, t, b.query, rows, width, normal.get(), together.get())) return false;
    for (int64_t row = 0; row < rows; row++) {
      const float* from = together.get() + row * (queryWidth + 2 * keyWidth);
      memcpy(query.get() + row * queryWidth, from, queryWidth * sizeof(float));
      memcpy(key.get() + row * keyWidth, from + queryWidth, keyWidth * sizeof(float));
      memcpy(value.get() + row * keyWidth, from + queryWidth + keyWidth, keyWidth * sizeof(float));
    }
  } else if (!apply(k, t, b.query, rows, width, normal.get(), query.get()) || !apply(k, t, b.key, rows, width, normal.get(), key.get()) || !apply(k, t, b.value, rows, width, normal.get(), value.get())) {
    return false;
  }
  if (b.cos) {
    k.rotary(t, b.batch, b.time, shape.heads, shape.headWidth, query.get(), b.cos, b.sin, b.angleBatch, false, query.get());
    k.rotary(t, b.batch, b.time, shape.keyValueHeads, shape.headWidth, key.get(), b.cos, b.sin, b.angleBatch, false, key.get());
  }
  k.cacheWrite(t, b.batch, b.time, shape.capacity, keyWidth, b.offset, key.get(), b.keyCache);
  k.cacheWrite(t, b.batch, b.time, shape.capacity, keyWidth, b.offset, value.get(), b.valueCache);
  if (!k.attentionForward(t, shape, query.get(), b.keyCache, b.valueCache, attended.get(), logSumExp.get())) return false;
  if (!apply(k, t, b.output, rows, queryWidth, attended.get(), hidden.get())) return false;
  k.add(t, rows * width, input, hidden.get(), hidden.get());

  normalise(k, t, b.feedForwardNorm, rows, width, hidden.get(), normal.get(), perRow.get());
  if (b.gate.weight) {
    if (!apply(k, t, b.gate, rows, width, normal.get(), gate.get()) || !apply(k, t, b.up, rows, width, normal.get(), inner.get())) return false;
    k.gated(t, rows * b.innerWidth, b.activation, gate.get(), inner.get(), inner.get());
  } else if (!apply(k, t, b.up, rows, width, normal.get(), inner.get(), b.activation)) {
    return false;
  }
  if (!apply(k, t, b.down, rows, b.innerWidth, inner.get(), output)) return false;
  k.add(t, rows * width, hidden.get(), output, output);
  return true;
}

}  // namespace subtext
