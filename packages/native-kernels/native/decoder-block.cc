#include "decoder-block.h"

#include <cstring>

#include "scratch-numbers.h"

namespace subtext {
namespace {

bool apply(const Kernels& k, const Threads& t, const LinearWeights& layer, int64_t rows, int64_t in, const float* input, float* output, int activation = kNone, const float* added = nullptr) {
  Epilogue epilogue;
  epilogue.activation = activation;
  epilogue.added = added;
  return applyLayer(k, t, layer, rows, in, input, output, epilogue);
}

}  // namespace

bool decoderBlock(const Kernels& k, const Threads& t, const DecoderBlock& b, const float* input, float* output) {
  const AttentionShape& shape = b.attention;
  const int64_t rows = b.rows(), width = b.width, queryWidth = b.queryWidth(), keyWidth = b.keyWidth();
  const bool packed = b.packed();
  const Numbers normal = allocateNumbers(rows * width), perRow = allocateNumbers(rows * 2), query = allocateNumbers(rows * queryWidth), key = allocateNumbers(rows * keyWidth), value = allocateNumbers(rows * keyWidth);
  const Numbers together = allocateNumbers(packed ? rows * (queryWidth + 2 * keyWidth) : 0), attended = allocateNumbers(rows * queryWidth), logSumExp = allocateNumbers(rows * shape.heads), hidden = allocateNumbers(rows * width);
  const Numbers inner = allocateNumbers(rows * b.innerWidth), gate = allocateNumbers(b.gate.weight ? rows * b.innerWidth : 0);
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
  if (!apply(k, t, b.output, rows, queryWidth, attended.get(), hidden.get(), kNone, input)) return false;

  normalise(k, t, b.feedForwardNorm, rows, width, hidden.get(), normal.get(), perRow.get());
  if (b.gate.weight) {
    if (!apply(k, t, b.gate, rows, width, normal.get(), gate.get()) || !apply(k, t, b.up, rows, width, normal.get(), inner.get())) return false;
    k.gated(t, rows * b.innerWidth, b.activation, gate.get(), inner.get(), inner.get());
  } else if (!apply(k, t, b.up, rows, width, normal.get(), inner.get(), b.activation)) {
    return false;
  }
  return apply(k, t, b.down, rows, b.innerWidth, inner.get(), output, kNone, hidden.get());
}

}  // namespace subtext
