#include "continued-block.h"

#include <cstring>

#include "block-work.h"

namespace subtext {
namespace {

/** Rows of this call, `[batch, time, width]`, `stride` apart, to their places behind `past` positions in `[batch, past + time, width]`. */
void putBehind(const ContinuedBlock& b, const float* rows, int64_t stride, float* all) {
  const int64_t width = b.keyWidth(), total = b.past + b.time;
  for (int64_t batch = 0; batch < b.batch; batch++)
    for (int64_t step = 0; step < b.time; step++) memcpy(all + (batch * total + b.past + step) * width, rows + (batch * b.time + step) * stride, width * sizeof(float));
}

void putBefore(const ContinuedBlock& b, const float* past, float* all) {
  const int64_t width = b.keyWidth();
  for (int64_t batch = 0; batch < b.batch; batch++) memcpy(all + batch * (b.past + b.time) * width, past + batch * b.past * width, b.past * width * sizeof(float));
}

/** A gradient of all positions, with what later calls ask added, cut into the earlier ones' and this call's, whose rows are `stride` apart. */
void cut(const ContinuedBlock& b, const float* all, const float* later, float* past, float* rows, int64_t stride) {
  const int64_t width = b.keyWidth(), total = b.past + b.time;
  for (int64_t batch = 0; batch < b.batch; batch++) {
    const float *own = all + batch * total * width, *asked = later + batch * total * width;
    for (int64_t at = 0; at < b.past * width; at++) past[batch * b.past * width + at] = own[at] + asked[at];
    for (int64_t step = 0; step < b.time; step++) {
      float* to = rows + (batch * b.time + step) * stride;
      const int64_t from = (b.past + step) * width;
      for (int64_t at = 0; at < width; at++) to[at] = own[from + at] + asked[from + at];
    }
  }
}

}  // namespace

bool continuedBlock(const Kernels& k, const Threads& t, const ContinuedBlock& b, const float* input, const float* pastKey, const float* pastValue, const BlockValues& v, KeysAndValues all, float* output) {
  const Work work = {k, t, b, b.rows()};
  const int64_t queryWidth = b.queryWidth(), keyWidth = b.keyWidth(), packedWidth = queryWidth + 2 * keyWidth;
  const Numbers together = allocateNumbers(work.rows * (b.packed() ? packedWidth : 2 * keyWidth));
  if (!together) return false;
  normalise(k, t, b.attentionNorm, work.rows, b.width, input, v.attentionNormal, v.attentionStatistics);
  if (b.packed()) {
    if (!work.apply(b.query, b.width, v.attentionNormal, together.get())) return false;
    for (int64_t row = 0; row < work.rows; row++) memcpy(v.projected + row * queryWidth, together.get() + row * packedWidth, queryWidth * sizeof(float));
    putBehind(b, together.get() + queryWidth, packedWidth, all.key);
    putBehind(b, together.get() + queryWidth + keyWidth, packedWidth, all.value);
  } else {
    float *const key = together.get(), *const value = key + work.rows * keyWidth;
    if (!work.apply(b.query, b.width, v.attentionNormal, v.projected) || !work.apply(b.key, b.width, v.attentionNormal, key) || !work.apply(b.value, b.width, v.attentionNormal, value)) return false;
    work.rotate(v.projected, key, false);
    putBehind(b, key, keyWidth, all.key);
    putBehind(b, value, keyWidth, all.value);
  }
  if (b.past > 0) {
    putBefore(b, pastKey, all.key);
    putBefore(b, pastValue, all.value);
  }
  if (!k.attentionForward(t, b.attention, v.projected, all.key, all.value, v.attended, v.logSumExp)) return false;
  return work.apply(b.output, queryWidth, v.attended, v.hidden, adding(input)) && feedForwardPart(work, v, output);
}

bool continuedBlockGradient(const Kernels& k, const Threads& t, const ContinuedBlock& b, const float* input, const BlockValues& v, KeysAndValues all, const float* gradient, KeysAndValues allGradients, const BlockGradients& g, KeysAndValues past) {
  const Work work = {k, t, b, b.rows()};
  const int64_t rows = work.rows, queryWidth = b.queryWidth(), keyWidth = b.keyWidth(), packedWidth = queryWidth + 2 * keyWidth, keys = b.batch * (b.past + b.time) * keyWidth;
  const Numbers normal = allocateNumbers(rows * b.width), second = allocateNumbers(rows * b.width), hidden = allocateNumbers(rows * b.width), attended = allocateNumbers(rows * queryWidth);
  const Numbers query = allocateNumbers(rows * queryWidth), keyGradient = allocateNumbers(keys), valueGradient = allocateNumbers(keys), together = allocateNumbers(rows * packedWidth);
  if (!normal || !second || !hidden || !attended || !query || !keyGradient || !valueGradient || !together) return false;
  if (!feedForwardGradient(work, v, gradient, g, hidden.get())) return false;
  if (!work.weights(b.output, queryWidth, v.attended, hidden.get(), g.output) || !work.back(b.output, queryWidth, hidden.get(), attended.get())) return false;
  if (!k.attentionBackward(t, b.attention, attended.get(), v.projected, all.key, all.value, v.attended, v.logSumExp, query.get(), keyGradient.get(), valueGradient.get())) return false;
  if (b.packed()) {
    for (int64_t row = 0; row < rows; row++) memcpy(together.get() + row * packedWidth, query.get() + row * queryWidth, queryWidth * sizeof(float));
    cut(b, keyGradient.get(), allGradients.key, past.key, together.get() + queryWidth, packedWidth);
    cut(b, valueGradient.get(), allGradients.value, past.value, together.get() + queryWidth + keyWidth, packedWidth);
    if (!projectionGradient(work, v, together.get(), nullptr, nullptr, g, normal.get(), second.get())) return false;
  } else {
    float *const key = together.get(), *const value = key + rows * keyWidth;
    cut(b, keyGradient.get(), allGradients.key, past.key, key, keyWidth);
    cut(b, valueGradient.get(), allGradients.value, past.value, value, keyWidth);
    work.rotate(query.get(), key, true);
    if (!projectionGradient(work, v, query.get(), key, value, g, normal.get(), second.get())) return false;
  }
  return work.normBack(b.attentionNorm, normal.get(), input, v.attentionStatistics, hidden.get(), g.input, g.attentionNorm);
}

}  // namespace subtext
