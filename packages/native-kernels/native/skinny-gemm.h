// Products of a few rows, as in generation: the weight is read once, where it lies, and memory is what they wait for.
#pragma once

#include "epilogue.h"
#include "tile.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

/** Steps that a product of few rows makes at once, and the most rows that it is made for. */
constexpr int64_t kFewSteps = 8, kMostFewRows = 32;

/** sums[row] += Σ over 8 steps of input[row, k] · weight[k, column …], for N vectors of columns side by side; `ahead` are the rows of the next 8 steps. */
template <int N, WeightType Type>
inline void eightSteps(int64_t rows, const float* input, const Row<Type>* steps, const Row<Type>* ahead, int64_t column, float* sums, int64_t stride, bool first) {
  Vector values[kFewSteps][N];
  for (int k = 0; k < kFewSteps; k++) {
    for (int v = 0; v < N; v++) values[k][v] = steps[k].load(column + v * kLanes);
    // The same columns of the next eight steps.
    for (int v = 0; v < N; v++) {
      if (v * kLanes % kLine == 0) __builtin_prefetch(ahead[k].place(column + v * kLanes), 0, 2);
    }
  }
  for (int64_t row = 0; row < rows; row++, input += kFewSteps, sums += stride) {
    for (int v = 0; v < N; v++) {
      // Two chains of sums, so that one need not wait for the other.
      Vector even = first ? Vector{} : load(sums + v * kLanes), odd{};
      for (int k = 0; k < kFewSteps; k += 2) {
        even += values[k][v] * input[k];
        odd += values[k + 1][v] * input[k + 1];
      }
      store(sums + v * kLanes, even + odd);
    }
  }
}

/**
 * Few rows, `steps` of the sum from `begin` on, columns from `first` on: the weight is streamed once. `sums` is
 * `[rows, stride]`: apart from the result, whose rows often lie a power of two apart and would then push one another out
 * of the cache.
 */
template <WeightType Type>
inline void skinnyGemm(int64_t rows, int64_t in, int64_t begin, int64_t steps, int64_t out, const float* input, const Weight& weight, int64_t first, int64_t columns, float* sums, int64_t stride) {
  float own[kMostFewRows * kFewSteps];
  for (int64_t from = begin; from < begin + steps; from += kFewSteps) {
    const int64_t count = minimum(kFewSteps, begin + steps - from);
    for (int64_t row = 0; row < rows; row++) {
      for (int64_t k = 0; k < kFewSteps; k++) own[row * kFewSteps + k] = k < count ? input[row * in + from + k] : 0;
    }
    int64_t column = 0;
    if (count == kFewSteps) {
      const auto rowAt = [&](int64_t row) { return Row<Type>(weight, out, minimum(row, in - 1)); };
      const Row<Type> now[] = {rowAt(from), rowAt(from + 1), rowAt(from + 2), rowAt(from + 3), rowAt(from + 4), rowAt(from + 5), rowAt(from + 6), rowAt(from + 7)};
      const Row<Type> next[] = {rowAt(from + 8), rowAt(from + 9), rowAt(from + 10), rowAt(from + 11), rowAt(from + 12), rowAt(from + 13), rowAt(from + 14), rowAt(from + 15)};
      for (; column + 2 * kLanes <= columns; column += 2 * kLanes) eightSteps<2, Type>(rows, own, now, next, first + column, sums + column, stride, from == begin);
    }
    for (; column < columns; column += kLanes) {
      const int64_t lanes = minimum(kLanes, columns - column);
      for (int64_t k = 0; k < count; k++) {
        alignas(64) float values[kLanes] = {};
        widenRow(weight, out, from + k, first + column, lanes, values);
        for (int64_t row = 0; row < rows; row++) {
          float* to = sums + row * stride + column;
          const Vector sum = from == begin && k == 0 ? Vector{} : load(to);
          store(to, sum + load(values) * own[row * kFewSteps + k]);
        }
      }
    }
  }
}

template <typename Function>
inline bool linearOfFewRows(const Threads& threads, int64_t rows, int64_t in, int64_t out, const float* input, const Weight& weight, const Store& store, Function function) {
  // Parts of columns whose sums stay in the first-level cache, of whole rows if they can, so that the weight is read in
  // long runs; the sum is cut where there are too few parts of columns for several threads.
  constexpr int64_t sumsInCache = 6144, parts = 8;
  const int64_t width = ceilDiv(ceilDiv(out, ceilDiv(rows * out, sumsInCache)), 2 * kLanes) * 2 * kLanes, columnParts = ceilDiv(out, width), blocks = ceilDiv(in, kFewSteps);
  const int64_t sums = in > 0 ? minimum(ceilDiv(parts, columnParts), ceilDiv(blocks, 8)) : 1;
  // A line more than the columns, for the reason above.
  const int64_t stride = width + kLine;
  Scratch partial(columnParts * sums * rows * stride);
  if (!partial.values) return false;
  auto sumsOf = [&](int64_t columnPart, int64_t part) { return partial.values + (columnPart * sums + part) * rows * stride; };
  auto applyToColumns = [&](int64_t columnPart) {
    const int64_t first = columnPart * width, last = minimum(out, first + width);
    for (int64_t row = 0; row < rows; row++) {
      for (int64_t column = first; column < last; column += kLanes) {
        Vector sum{};
        for (int64_t part = 0; part < sums && in > 0; part++) sum += load(sumsOf(columnPart, part) + row * stride + column - first);
        applyEpilogue(store, function, row, column, sum, minimum(kLanes, last - column));
      }
    }
  };
  inParallel(threads, columnParts * sums, in * out / 8 * rows, [&](int64_t index) {
    const int64_t part = index % sums, columnPart = index / sums, first = columnPart * width;
    const int64_t begin = blocks * part / sums * kFewSteps, end = minimum(in, blocks * (part + 1) / sums * kFewSteps);
    withType(weight.type, [&](auto type) { skinnyGemm<decltype(type)::value>(rows, in, begin, end - begin, out, input, weight, first, minimum(out, first + width) - first, sumsOf(columnPart, part), stride); });
    if (sums == 1) applyToColumns(columnPart);
  });
  if (sums > 1) inParallel(threads, columnParts, rows * out, applyToColumns);
  return true;
}

/** Inner products of R rows with rows `first … first + outputs` (four at most) of the weight `[out, in]`. */
template <int R, WeightType Type>
inline void innerProducts(int64_t in, const float* input, const Weight& weight, int64_t first, int64_t outputs, float (&results)[R][4]) {
  Vector sums[R][4];
  for (int r = 0; r < R; r++) for (int n = 0; n < 4; n++) sums[r][n] = Vector{};
  const auto rowAt = [&](int64_t n) { return Row<Type>(weight, in, first + (n < outputs ? n : 0)); };
  const Row<Type> rows[] = {rowAt(0), rowAt(1), rowAt(2), rowAt(3)};
  const auto add = [&](int64_t at) {
    Vector values[4];
    for (int n = 0; n < 4; n++) values[n] = rows[n].load(at);
    for (int r = 0; r < R; r++) {
      const Vector own = load(input + r * in + at);
      for (int n = 0; n < 4; n++) sums[r][n] += own * values[n];
    }
  };
  // Four rows lie one after another, and the next four behind them: what comes there is asked for.
  constexpr int64_t atOnce = kLine * (Type == kFloat32Weight ? 1 : Type == kInt8Weight ? 4 : Type == kNormalFloat4Weight ? 8 : 2);
  const int64_t ahead = 4 * bytesOfRow(Type, in);
  int64_t at = 0;
  for (; at + atOnce <= in; at += atOnce) {
    for (int n = 0; n < 4; n++) __builtin_prefetch(static_cast<const char*>(rows[n].place(at)) + ahead, 0, 2);
    for (int64_t step = 0; step < atOnce; step += kLanes) add(at + step);
  }
  for (; at + kLanes <= in; at += kLanes) add(at);
  for (int r = 0; r < R; r++) {
    for (int n = 0; n < 4; n++) {
      results[r][n] = sumOf(sums[r][n]);
      for (int64_t rest = at; rest < in; rest++) results[r][n] += input[r * in + rest] * rows[n].one(rest);
    }
  }
}

template <WeightType Type, typename Function>
inline void skinnyGemmTransposed(int64_t rows, int64_t in, const float* input, const Weight& weight, int64_t columnFrom, int64_t columnTo, const Store& store, Function function) {
  auto write = [&](int64_t row, int64_t column, int64_t outputs, const float* found) {
    Vector sums{};
    for (int64_t n = 0; n < outputs; n++) sums[n] = found[n];
    applyEpilogue(store, function, row, column, sums, outputs);
  };
  for (int64_t column = columnFrom; column < columnTo; column += 4) {
    const int64_t outputs = minimum(4, columnTo - column);
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      float found[4][4];
      innerProducts<4, Type>(in, input + row * in, weight, column, outputs, found);
      for (int r = 0; r < 4; r++) write(row + r, column, outputs, found[r]);
    }
    for (; row < rows; row++) {
      float found[1][4];
      innerProducts<1, Type>(in, input + row * in, weight, column, outputs, found);
      write(row, column, outputs, found[0]);
    }
  }
}

/** Whether a product goes without packing: it is worth its while for many rows, and for small weights sooner. */
inline bool hasFewRows(int64_t rows, int64_t in, int64_t out, bool transposed) {
  if (transposed) return rows < 16 || (rows <= kMostFewRows && in >= 1024);
  return rows < 12 || (rows <= kMostFewRows && in * out > (1 << 17));
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
