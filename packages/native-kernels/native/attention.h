// Attention over heads, forward and backward. Scores exist for a block of queries at a time, never as a whole.
#pragma once

#include <atomic>

#include "product.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

constexpr int64_t kQueriesAtOnce = 30;

/** `values` (`[count, width]`, rows `stride` apart) turned over: `[width, padded]`, `padded` a whole number of tiles. */
inline void transpose(const float* values, int64_t stride, int64_t count, int64_t width, int64_t padded, float* transposed) {
  for (int64_t from = 0; from < padded; from += kLanes) {
    const bool whole = from + kLanes <= count;
    int64_t d = 0;
    for (; whole && d + kLanes <= width; d += kLanes) transposeSquare(values + from * stride + d, stride, transposed + d * padded + from, padded);
    for (; d < width; d++) {
      for (int64_t j = from; j < from + kLanes; j++) transposed[d * padded + j] = j < count ? values[j * stride + d] : 0;
    }
  }
}

/**
 * C (`[rows, columns]`, rows `cStride` apart) = or += A · B, for B of rows `bStride` apart. Where `columns` is no whole
 * number of vectors the rest is done number by number; B that is padded can be given its padded width.
 */
template <bool Add>
inline void multiplySmall(int64_t rows, int64_t columns, int64_t steps, const float* a, int64_t rowStride, int64_t stepStride, const float* b, int64_t bStride, float* c, int64_t cStride) {
  int64_t column = 0;
  auto columnsOf = [&](auto vectors) {
    constexpr int N = decltype(vectors)::value;
    for (int64_t row = 0; row < rows; row += kTileRows) {
      withRows(minimum(kTileRows, rows - row), [&](auto constant) {
        constexpr int R = decltype(constant)::value;
        Vector sums[R][N];
        for (int r = 0; r < R; r++) for (int v = 0; v < N; v++) sums[r][v] = Add ? load(c + (row + r) * cStride + column + v * kLanes) : Vector{};
        tile<R, N>(steps, a + row * rowStride, rowStride, stepStride, b + column, bStride, sums);
        for (int r = 0; r < R; r++) for (int v = 0; v < N; v++) store(c + (row + r) * cStride + column + v * kLanes, sums[r][v]);
      });
    }
    column += N * kLanes;
  };
  while (column + kTileColumns <= columns) columnsOf(Constant<kTileVectors>());
  while (column + 2 * kLanes <= columns) columnsOf(Constant<2>());
  while (column + kLanes <= columns) columnsOf(Constant<1>());
  for (int64_t row = 0; column < columns && row < rows; row++) {
    for (int64_t n = column; n < columns; n++) {
      float sum = Add ? c[row * cStride + n] : 0;
      for (int64_t k = 0; k < steps; k++) sum += a[row * rowStride + k * stepStride] * b[k * bStride + n];
      c[row * cStride + n] = sum;
    }
  }
}

/** How many keys query `i` may see at most, before any mask. */
inline int64_t visibleKeys(const AttentionShape& s, int64_t i) {
  if (!s.causal) return s.keyTime;
  const int64_t count = s.keyTime - s.queryTime + i + 1;
  return count < 0 ? 0 : minimum(count, s.keyTime);
}

inline const int32_t* maskRow(const AttentionShape& s, int64_t batch, int64_t query) {
  return s.mask ? s.mask + (batch * s.maskRows + (s.maskRows == 1 ? 0 : query)) * s.keyTime : nullptr;
}

/** Scores of one query to probabilities that are not yet divided by their sum; gives that sum's logarithm, −∞ for none. */
inline float exponentials(float* scores, int64_t count, int64_t padded, float scale, const int32_t* mask, float& inverseSum) {
  Vector highest = broadcast(-INFINITY);
  for (int64_t j = 0; j < count; j += kLanes) {
    Vector value = load(scores + j) * scale;
    if (mask || j + kLanes > count) {
      for (int64_t lane = 0; lane < kLanes; lane++) if (j + lane >= count || (mask && !mask[j + lane])) value[lane] = -INFINITY;
    }
    store(scores + j, value);
    highest = maximum(highest, value);
  }
  float maximum = highest[0];
  for (int64_t lane = 1; lane < kLanes; lane++) maximum = highest[lane] > maximum ? highest[lane] : maximum;
  if (maximum == -INFINITY) {
    // No key may be seen, or no score is a number.
    float sum = 0;
    for (int64_t j = 0; j < count; j++) sum += scores[j] == scores[j] ? 0 : scores[j];
    for (int64_t j = 0; j < padded; j++) scores[j] = sum;
    inverseSum = sum == sum ? 0 : sum;
    return sum == sum ? -INFINITY : sum;
  }
  Vector sum{};
  for (int64_t j = 0; j < count; j += kLanes) {
    const Vector value = load(scores + j);
    const Vector power = value == broadcast(-INFINITY) ? Vector{} : exponential(value - maximum);
    store(scores + j, power);
    sum += power;
  }
  for (int64_t j = ceilDiv(count, kLanes) * kLanes; j < padded; j++) scores[j] = 0;
  const float total = sumOf(sum);
  inverseSum = 1 / total;
  return maximum + logf(total);
}

/** One query of one head, as in generation: keys and values are read once, where they lie. */
inline void attendHead(const AttentionShape& s, int64_t batch, int64_t head, const float* query, const float* key, const float* value, float* output, float* logSumExp, float* scores) {
  const int64_t width = s.headWidth, stride = s.keyStride, keyHead = head / (s.heads / s.keyValueHeads);
  const float* keys = key + batch * s.capacity * stride + keyHead * width;
  const float* values = value + batch * s.capacity * stride + keyHead * width;
  for (int64_t i = 0; i < s.queryTime; i++) {
    const float* own = query + (batch * s.queryTime + i) * s.queryStride + head * width;
    const int64_t count = visibleKeys(s, i);
    for (int64_t j = 0; j < count; j++) {
      const float* other = keys + j * stride;
      scores[j] = sumRow(width, [&](int64_t at, int64_t lanes) { return loadUpTo(own + at, lanes) * loadUpTo(other + at, lanes); });
    }
    const int64_t padded = ceilDiv(count, kLanes) * kLanes;
    for (int64_t j = count; j < padded; j++) scores[j] = 0;
    float inverse = 0;
    logSumExp[(batch * s.heads + head) * s.queryTime + i] = exponentials(scores, count, padded, s.scale, maskRow(s, batch, i), inverse);
    float* to = output + (batch * s.queryTime + i) * s.heads * width + head * width;
    int64_t column = 0;
    for (; column + 4 * kLanes <= width; column += 4 * kLanes) {
      Vector sums[4] = {};
      for (int64_t j = 0; j < count; j++) for (int v = 0; v < 4; v++) sums[v] += load(values + j * stride + column + v * kLanes) * scores[j];
      for (int v = 0; v < 4; v++) store(to + column + v * kLanes, sums[v] * inverse);
    }
    for (; column < width; column += kLanes) {
      const int64_t lanes = minimum(kLanes, width - column);
      Vector sum{};
      for (int64_t j = 0; j < count; j++) sum += loadUpTo(values + j * stride + column, lanes) * scores[j];
      storeUpTo(to + column, sum * inverse, lanes);
    }
  }
}

/**
 * The same for all heads of an example: rows of keys and of values are read one after the other, each for all heads, since
 * memory gives twice as much in long runs. `scores` has room for a row of `padded` for each head.
 */
inline void attendExample(const AttentionShape& s, int64_t batch, int64_t padded, const float* query, const float* key, const float* value, float* output, float* logSumExp, float* scores) {
  const int64_t width = s.headWidth, stride = s.keyStride, group = s.heads / s.keyValueHeads;
  const float* keys = key + batch * s.capacity * stride;
  const float* values = value + batch * s.capacity * stride;
  for (int64_t i = 0; i < s.queryTime; i++) {
    const float* own = query + (batch * s.queryTime + i) * s.queryStride;
    float* to = output + (batch * s.queryTime + i) * s.heads * width;
    const int64_t count = visibleKeys(s, i);
    for (int64_t j = 0; j < count; j++) {
      for (int64_t head = 0; head < s.heads; head++) {
        const float* other = keys + j * stride + head / group * width;
        scores[head * padded + j] = sumRow(width, [&](int64_t at, int64_t lanes) { return loadUpTo(own + head * width + at, lanes) * loadUpTo(other + at, lanes); });
      }
    }
    for (int64_t head = 0; head < s.heads; head++) {
      float* p = scores + head * padded;
      for (int64_t j = count; j < padded; j++) p[j] = 0;
      float inverse = 0;
      logSumExp[(batch * s.heads + head) * s.queryTime + i] = exponentials(p, count, padded, s.scale, maskRow(s, batch, i), inverse);
      for (int64_t j = 0; j < padded; j += kLanes) store(p + j, load(p + j) * inverse);
    }
    constexpr int64_t together = 4;
    for (int64_t j = 0; j < count || j == 0; j += together) {
      for (int64_t head = 0; head < s.heads; head++) {
        const float* p = scores + head * padded + j;
        const float* from = values + j * stride + head / group * width;
        float* sums = to + head * width;
        everyVectorOfRow(width, [&](int64_t at, int64_t lanes) {
          Vector sum = j == 0 ? Vector{} : loadUpTo(sums + at, lanes);
          for (int64_t n = 0; n < minimum(together, count - j); n++) sum += loadUpTo(from + n * stride + at, lanes) * p[n];
          storeUpTo(sums + at, sum, lanes);
        });
      }
    }
  }
}

bool attentionForward(const Threads& threads, const AttentionShape& s, const float* query, const float* key, const float* value, float* output, float* logSumExp) {
  const int64_t width = s.headWidth, stride = s.keyStride, outputStride = s.heads * width;
  const int64_t padded = ceilDiv(s.keyTime, kTileColumns) * kTileColumns, group = s.heads / s.keyValueHeads;
  // Several threads may set it.
  std::atomic<bool> memory{true};
  if (s.queryTime < 4) {
    // Few examples give work to several threads by their heads only.
    const bool whole = s.batch >= 4;
    const int64_t roomy = padded + kLanes;
    inParallel(threads, whole ? s.batch : s.batch * s.heads, s.batch * s.heads * s.queryTime * s.keyTime * width / 8, [&](int64_t index) {
      Scratch scores(whole ? s.heads * roomy : roomy);
      if (!scores.values) memory = false;
      else if (whole) attendExample(s, index, roomy, query, key, value, output, logSumExp, scores.values);
      else attendHead(s, index / s.heads, index % s.heads, query, key, value, output, logSumExp, scores.values);
    });
    return memory;
  }
  inParallel(threads, s.batch * s.keyValueHeads, s.batch * s.heads * s.queryTime * s.keyTime * width / 16, [&](int64_t index) {
    const int64_t batch = index / s.keyValueHeads, keyHead = index % s.keyValueHeads;
    const float* keys = key + batch * s.capacity * stride + keyHead * width;
    const float* values = value + batch * s.capacity * stride + keyHead * width;
    Scratch scratch(width * padded + kQueriesAtOnce * padded);
    if (!scratch.values) {
      memory = false;
      return;
    }
    float* transposed = scratch.values;
    float* scores = transposed + width * padded;
    transpose(keys, stride, s.keyTime, width, padded, transposed);
    for (int64_t head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int64_t from = 0; from < s.queryTime; from += kQueriesAtOnce) {
        const int64_t rows = minimum(kQueriesAtOnce, s.queryTime - from);
        const int64_t seen = visibleKeys(s, from + rows - 1), wide = ceilDiv(seen, 2 * kLanes) * 2 * kLanes;
        const float* own = query + (batch * s.queryTime + from) * s.queryStride + head * width;
        float* to = output + (batch * s.queryTime + from) * outputStride + head * width;
        multiplySmall<false>(rows, wide, width, own, s.queryStride, 1, transposed, padded, scores, padded);
        float inverses[kQueriesAtOnce];
        for (int64_t i = 0; i < rows; i++) {
          logSumExp[(batch * s.heads + head) * s.queryTime + from + i] = exponentials(scores + i * padded, visibleKeys(s, from + i), wide, s.scale, maskRow(s, batch, from + i), inverses[i]);
        }
        multiplySmall<false>(rows, width, seen, scores, padded, 1, values, stride, to, outputStride);
        for (int64_t i = 0; i < rows; i++) {
          everyVectorOfRow(width, [&](int64_t at, int64_t count) { storeUpTo(to + i * outputStride + at, loadUpTo(to + i * outputStride + at, count) * inverses[i], count); });
        }
      }
    }
  });
  return memory;
}

/** With P the probabilities: `dV = Pᵀ·dO`, `dS = P ∘ (dO·Vᵀ − rowsum(dO ∘ O))`, `dQ = scale·dS·K`, `dK = scale·dSᵀ·Q`. */
bool attentionBackward(const Threads& threads, const AttentionShape& s, const float* gradient, const float* query, const float* key, const float* value, const float* output, const float* logSumExp, float* queryGradient, float* keyGradient, float* valueGradient) {
  const int64_t width = s.headWidth, stride = s.keyStride, outputStride = s.heads * width;
  const int64_t padded = ceilDiv(s.keyTime, kTileColumns) * kTileColumns, group = s.heads / s.keyValueHeads;
  // Several threads may set it.
  std::atomic<bool> memory{true};
  inParallel(threads, s.batch * s.keyValueHeads, s.batch * s.heads * s.queryTime * s.keyTime * width / 6, [&](int64_t index) {
    const int64_t batch = index / s.keyValueHeads, keyHead = index % s.keyValueHeads;
    const int64_t place = batch * s.keyTime * stride + keyHead * width;
    const float* keys = key + place;
    const float* values = value + place;
    Scratch scratch(2 * width * padded + 2 * kQueriesAtOnce * padded);
    if (!scratch.values) {
      memory = false;
      return;
    }
    float* transposedKeys = scratch.values;
    float* transposedValues = transposedKeys + width * padded;
    float* probabilities = transposedValues + width * padded;
    float* derivatives = probabilities + kQueriesAtOnce * padded;
    transpose(keys, stride, s.keyTime, width, padded, transposedKeys);
    transpose(values, stride, s.keyTime, width, padded, transposedValues);
    for (int64_t j = 0; j < s.keyTime; j++) {
      memset(keyGradient + place + j * stride, 0, width * sizeof(float));
      memset(valueGradient + place + j * stride, 0, width * sizeof(float));
    }
    for (int64_t head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int64_t from = 0; from < s.queryTime; from += kQueriesAtOnce) {
        const int64_t rows = minimum(kQueriesAtOnce, s.queryTime - from);
        const int64_t seen = visibleKeys(s, from + rows - 1), wide = ceilDiv(seen, 2 * kLanes) * 2 * kLanes;
        const int64_t own = (batch * s.queryTime + from) * s.queryStride + head * width, at = (batch * s.queryTime + from) * outputStride + head * width;
        multiplySmall<false>(rows, wide, width, query + own, s.queryStride, 1, transposedKeys, padded, probabilities, padded);
        multiplySmall<false>(rows, wide, width, gradient + at, outputStride, 1, transposedValues, padded, derivatives, padded);
        for (int64_t i = 0; i < rows; i++) {
          const float total = logSumExp[(batch * s.heads + head) * s.queryTime + from + i];
          const float dot = sumRow(width, [&](int64_t d, int64_t count) { return loadUpTo(gradient + at + i * outputStride + d, count) * loadUpTo(output + at + i * outputStride + d, count); });
          const int64_t visible = total == -INFINITY ? 0 : visibleKeys(s, from + i);
          const int32_t* mask = maskRow(s, batch, from + i);
          float* p = probabilities + i * padded;
          float* d = derivatives + i * padded;
          for (int64_t j = 0; j < wide; j += kLanes) {
            if (j >= visible) {
              store(p + j, Vector{});
              store(d + j, Vector{});
              continue;
            }
            Vector power = exponential(load(p + j) * s.scale - total);
            if (mask || j + kLanes > visible) {
              for (int64_t lane = 0; lane < kLanes; lane++) if (j + lane >= visible || (mask && !mask[j + lane])) power[lane] = 0;
            }
            store(p + j, power);
            // Where nothing may be seen dO·Vᵀ could be anything, even no number.
            store(d + j, power == Vector{} ? Vector{} : power * (load(d + j) - dot) * s.scale);
          }
        }
        multiplySmall<false>(rows, width, seen, derivatives, padded, 1, keys, stride, queryGradient + own, s.queryStride);
        multiplySmall<true>(seen, width, rows, derivatives, 1, padded, query + own, s.queryStride, keyGradient + place, stride);
        multiplySmall<true>(seen, width, rows, probabilities, 1, padded, gradient + at, outputStride, valueGradient + place, stride);
      }
    }
  });
  return memory;
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
