// A tile of a product, whose sums stay in registers, and what it reads: B packed into panels as wide as the tile, and memory
// that is asked for before it is wanted.
#pragma once

#include "activations.h"
#include "widen.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

// 24 sums in 32 registers, or 12 in 16.
constexpr int kTileRows = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTileVectors = 4;
#else
constexpr int kTileVectors = 2;
#endif
constexpr int64_t kTileColumns = kTileVectors * kLanes;

/** Numbers in a line of the cache. */
constexpr int64_t kLine = 16;
/** Most steps of the sum that are made in one go. */
constexpr int64_t kMostSteps = 512;

/** Memory that will be wanted soon, asked for line by line while a tile is made: one line in four steps. */
class Prefetch {
 public:
  explicit Prefetch(const float* inCache) : inCache_(inCache) {
    for (const float*& line : lines_) line = inCache;
  }
  void forget() {
    while (wanted_ > 0) lines_[--wanted_] = inCache_;
  }
  /** Wants `count` numbers at `from`; what finds no room is left out. */
  void want(const float* from, int64_t count) {
    for (int64_t at = 0; at < count && wanted_ < kMost; at += kLine) lines_[wanted_++] = from + at;
  }
  void prefetchAt(int64_t step) const {
    if (step % kStepsForLine == 0) __builtin_prefetch(lines_[step / kStepsForLine], 0, 2);
  }

 private:
  static constexpr int64_t kStepsForLine = 4, kMost = kMostSteps / kStepsForLine;
  const float* lines_[kMost];
  const float* inCache_;
  int64_t wanted_ = 0;
};

/**
 * sums[r][v] += Σ over `steps` of a[r·rowStride + k·stepStride] · b[k·bStride + v …]. R and N are known when compiled,
 * so that the sums lie in registers.
 */
template <int R, int N>
inline __attribute__((always_inline)) void tile(int64_t steps, const float* a, int64_t rowStride, int64_t stepStride, const float* b, int64_t bStride, Vector (&sums)[R][N], const Prefetch* ahead = nullptr) {
  // A copy whose every index is known when compiled, or the compiler may keep the sums in memory.
  Vector own[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) own[r][v] = sums[r][v];
  }
  for (int64_t k = 0; k < steps; k++) {
    if (ahead) ahead->prefetchAt(k);
    Vector column[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) column[v] = load(b + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      const Vector value = broadcast(a[r * rowStride]);
#pragma GCC unroll 8
      for (int v = 0; v < N; v++) own[r][v] += value * column[v];
    }
    a += stepStride;
    b += bStride;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) sums[r][v] = own[r][v];
  }
}

/** Calls `body` with the number of rows, 1 to kTileRows, as a constant. */
template <typename Body>
inline void withRows(int64_t rows, Body body) {
  switch (rows) {
    case 1: return body(Constant<1>());
    case 2: return body(Constant<2>());
    case 3: return body(Constant<3>());
    case 4: return body(Constant<4>());
    case 5: return body(Constant<5>());
    default: return body(Constant<6>());
  }
}

/**
 * `steps` rows of B, `[k, n]`, as panels `[steps, kTileColumns]` that lie `apart` numbers from one another, with zeros past
 * `columns`. Row by row, so that memory is read in long runs.
 */
inline void packRows(const float* b, int64_t stride, int64_t steps, int64_t columns, float* panels, int64_t apart) {
  for (int64_t k = 0; k < steps; k++, b += stride, panels += kTileColumns) {
    float* panel = panels;
    int64_t column = 0;
    for (; column + kTileColumns <= columns; column += kTileColumns, panel += apart) {
      for (int v = 0; v < kTileVectors; v++) store(panel + v * kLanes, load(b + column + v * kLanes));
    }
    if (column < columns) {
      for (int64_t n = 0; n < kTileColumns; n++) panel[n] = column + n < columns ? b[column + n] : 0;
    }
  }
}

/** Turns a square of kLanes × kLanes numbers over: log₂ kLanes times, the rows' first and second halves are shuffled together. */
inline void transposeSquare(const float* from, int64_t stride, float* to, int64_t toStride) {
  Vector rows[kLanes];
  for (int64_t row = 0; row < kLanes; row++) rows[row] = load(from + row * stride);
  for (int64_t merged = 1; merged < kLanes; merged *= 2) {
    Vector shuffled[kLanes];
    for (int64_t row = 0; row < kLanes / 2; row++) {
      shuffled[2 * row] = mergeLow(rows[row], rows[row + kLanes / 2]);
      shuffled[2 * row + 1] = mergeHigh(rows[row], rows[row + kLanes / 2]);
    }
    for (int64_t row = 0; row < kLanes; row++) rows[row] = shuffled[row];
  }
  for (int64_t row = 0; row < kLanes; row++) store(to + row * toStride, rows[row]);
}

/** As `packRows`, from B that lies as `[n, k]`. */
inline void packColumns(const float* b, int64_t stride, int64_t steps, int64_t columns, float* panels, int64_t apart) {
  for (int64_t first = 0; first < columns; first += kTileColumns, panels += apart, b += kTileColumns * stride) {
    const int64_t count = minimum(kTileColumns, columns - first);
    for (int64_t n = 0; n < kTileColumns; n += kLanes) {
      const bool whole = n + kLanes <= count;
      int64_t k = 0;
      for (; whole && k + kLanes <= steps; k += kLanes) transposeSquare(b + n * stride + k, stride, panels + k * kTileColumns + n, kTileColumns);
      for (; k < steps; k++) {
        for (int64_t lane = n; lane < n + kLanes; lane++) panels[k * kTileColumns + lane] = lane < count ? b[lane * stride + k] : 0;
      }
    }
  }
}

/** As `packRows` or, where `turned`, `packColumns`, from rows `from …` and columns `column …` of a weight `[*, width]` that is widened on the way. */
inline void packWidened(const Weight& weight, int64_t width, bool turned, int64_t from, int64_t steps, int64_t column, int64_t columns, float* panels, int64_t apart) {
  constexpr int64_t stepsAtOnce = 64, columnsAtOnce = 256;
  alignas(64) float wide[stepsAtOnce * kTileColumns > columnsAtOnce ? stepsAtOnce * kTileColumns : columnsAtOnce];
  if (!turned) {
    for (int64_t first = 0; first < columns; first += columnsAtOnce) {
      const int64_t count = minimum(columnsAtOnce, columns - first);
      for (int64_t k = 0; k < steps; k++) {
        widenRow(weight, width, from + k, column + first, count, wide);
        packRows(wide, 0, 1, count, panels + first / kTileColumns * apart + k * kTileColumns, apart);
      }
    }
    return;
  }
  for (int64_t first = 0; first < columns; first += kTileColumns, panels += apart) {
    const int64_t count = minimum(kTileColumns, columns - first);
    for (int64_t k = 0; k < steps; k += stepsAtOnce) {
      const int64_t length = minimum(stepsAtOnce, steps - k);
      for (int64_t n = 0; n < count; n++) widenRow(weight, width, column + first + n, from + k, length, wide + n * stepsAtOnce);
      packColumns(wide, stepsAtOnce, length, count, panels + k * kTileColumns, 0);
    }
  }
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
