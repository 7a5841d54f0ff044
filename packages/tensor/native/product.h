// Matrix products. A tile of the result stays in registers while the sums are made; B is packed into panels as wide as
// the tile, so that it is read in order from the second-level cache (Goto & van de Geijn 2008, 10.1145/1356052.1356053).
#pragma once

#include "activations.h"

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
class Ahead {
 public:
  explicit Ahead(const float* inCache) : inCache_(inCache) {
    for (const float*& line : lines_) line = inCache;
  }
  void forget() {
    while (wanted_ > 0) lines_[--wanted_] = inCache_;
  }
  /** Wants `count` numbers at `from`; what finds no room is left out. */
  void want(const float* from, int64_t count) {
    for (int64_t at = 0; at < count && wanted_ < kMost; at += kLine) lines_[wanted_++] = from + at;
  }
  void askAt(int64_t step) const {
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
inline __attribute__((always_inline)) void tile(int64_t steps, const float* a, int64_t rowStride, int64_t stepStride, const float* b, int64_t bStride, Vector (&sums)[R][N], const Ahead* ahead = nullptr) {
  // A copy whose every index is known when compiled, or the compiler may keep the sums in memory.
  Vector own[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) own[r][v] = sums[r][v];
  }
  for (int64_t k = 0; k < steps; k++) {
    if (ahead) ahead->askAt(k);
    Vector column[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) column[v] = load(b + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      const Vector value = all(a[r * rowStride]);
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
inline void turnSquare(const float* from, int64_t stride, float* to, int64_t toStride) {
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
    const int64_t count = smaller(kTileColumns, columns - first);
    for (int64_t n = 0; n < kTileColumns; n += kLanes) {
      const bool whole = n + kLanes <= count;
      int64_t k = 0;
      for (; whole && k + kLanes <= steps; k += kLanes) turnSquare(b + n * stride + k, stride, panels + k * kTileColumns + n, kTileColumns);
      for (; k < steps; k++) {
        for (int64_t lane = n; lane < n + kLanes; lane++) panels[k * kTileColumns + lane] = lane < count ? b[lane * stride + k] : 0;
      }
    }
  }
}

/** Where finished sums go: rows of the output and of what belongs to it are `stride` numbers apart. */
struct Store {
  float* output;
  int64_t stride;
  Finish rest;
};

template <typename Function>
inline void finish(const Store& store, Function, int64_t row, int64_t column, Vector sum, int64_t count) {
  const Finish& rest = store.rest;
  const int64_t place = row * store.stride + column;
  if (rest.bias) sum += take(rest.bias + column, count);
  const ValueAndSlope found = Function::at(sum);
  Vector value = found.value;
  if (rest.factor) value *= take(rest.factor + place, count);
  if (rest.added) value += take(rest.added + place, count);
  put(store.output + place, value, count);
  if (!rest.slope) return;
  float* slope = rest.slope + place;
  if (count == kLanes && reinterpret_cast<uintptr_t>(slope) % sizeof(Vector) == 0) storePast(slope, found.slope);
  else put(slope, found.slope, count);
}

/**
 * Rows `rowFrom … rowTo` and columns `columnFrom … columnTo` of the product, `stepsAtOnce` of the sum at a time. For each block
 * `prepare(from, steps)` is called; then `panel(column)` says where those steps of B's columns lie packed, and
 * `place(row, from, rowStride, stepStride)` where A lies.
 */
template <typename Function, typename Prepare, typename PanelOfB, typename PlaceA, typename WantNext>
inline void multiplyBlock(int64_t stepsAtOnce, int64_t steps, int64_t rowFrom, int64_t rowTo, int64_t columnFrom, int64_t columnTo, const Store& store, Function function, Prepare prepare, PanelOfB panelOf, PlaceA place, WantNext wantNext) {
  const int64_t panels = cut(columnTo - columnFrom, kTileColumns), tiles = cut(rowTo - rowFrom, kTileRows) * panels;
  Ahead ahead(panelOf(columnFrom));
  for (int64_t from = 0; from < steps || from == 0; from += stepsAtOnce) {
    const int64_t count = smaller(stepsAtOnce, steps - from);
    const bool first = from == 0, last = from + stepsAtOnce >= steps;
    prepare(from, count);
    for (int64_t row = rowFrom; row < rowTo; row += kTileRows) {
      const int64_t rows = smaller(kTileRows, rowTo - row);
      int64_t rowStride, stepStride;
      const float* a = place(row, from, rowStride, stepStride);
      for (int64_t column = columnFrom; column < columnTo; column += kTileColumns) {
        const float* panel = panelOf(column);
        const int64_t columns = smaller(kTileColumns, columnTo - column);
        withRows(rows, [&](auto constant) {
          constexpr int R = decltype(constant)::value;
          Vector sums[R][kTileVectors];
          for (int r = 0; r < R; r++) {
            for (int v = 0; v < kTileVectors; v++) {
              const int64_t rest = columns - v * kLanes;
              sums[r][v] = first || rest <= 0 ? Vector{} : take(store.output + (row + r) * store.stride + column + v * kLanes, smaller(rest, kLanes));
            }
          }
          ahead.forget();
          if (R == kTileRows) wantNext(ahead, from, count, row, column, (row - rowFrom) / kTileRows * panels + (column - columnFrom) / kTileColumns, tiles);
          tile<R, kTileVectors>(count, a, rowStride, stepStride, panel, kTileColumns, sums, &ahead);
          for (int r = 0; r < R; r++) {
            for (int v = 0; v < kTileVectors; v++) {
              const int64_t rest = smaller(columns - v * kLanes, kLanes);
              if (rest <= 0) continue;
              if (last) finish(store, function, row + r, column + v * kLanes, sums[r][v], rest);
              else put(store.output + (row + r) * store.stride + column + v * kLanes, sums[r][v], rest);
            }
          }
        });
      }
    }
  }
}

/** Steps that a product of few rows makes at once, and the most rows that it is made for. */
constexpr int64_t kFewSteps = 8, kMostFewRows = 32;

/** sums[row] += Σ over 8 steps of input[row, k] · weight[k, column …], for N vectors of columns side by side. */
template <int N>
inline void eightSteps(int64_t rows, const float* input, const float* weight, int64_t out, float* sums, int64_t stride, bool first) {
  Vector values[kFewSteps][N];
  for (int k = 0; k < kFewSteps; k++) {
    for (int v = 0; v < N; v++) values[k][v] = load(weight + k * out + v * kLanes);
    // The same columns of the next eight steps.
    for (int v = 0; v < N; v++) {
      if (v * kLanes % kLine == 0) __builtin_prefetch(weight + (k + kFewSteps) * out + v * kLanes, 0, 2);
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
 * Few rows, a part of the sum and of the columns: the weight is streamed once. `sums` is `[rows, stride]`: apart from the
 * result, whose rows often lie a power of two apart and would then push one another out of the cache.
 */
inline void fewRows(int64_t rows, int64_t in, int64_t steps, int64_t out, const float* input, const float* weight, int64_t columns, float* sums, int64_t stride) {
  float own[kMostFewRows * kFewSteps];
  for (int64_t from = 0; from < steps; from += kFewSteps) {
    const int64_t count = smaller(kFewSteps, steps - from);
    const float* block = weight + from * out;
    for (int64_t row = 0; row < rows; row++) {
      for (int64_t k = 0; k < kFewSteps; k++) own[row * kFewSteps + k] = k < count ? input[row * in + from + k] : 0;
    }
    int64_t column = 0;
    if (count == kFewSteps) {
      for (; column + 2 * kLanes <= columns; column += 2 * kLanes) eightSteps<2>(rows, own, block + column, out, sums + column, stride, from == 0);
    }
    for (; column < columns; column += kLanes) {
      const int64_t lanes = smaller(kLanes, columns - column);
      for (int64_t row = 0; row < rows; row++) {
        float* to = sums + row * stride + column;
        Vector sum = from == 0 ? Vector{} : load(to);
        for (int64_t k = 0; k < count; k++) sum += take(block + k * out + column, lanes) * own[row * kFewSteps + k];
        store(to, sum);
      }
    }
  }
}

template <typename Function>
inline bool linearOfFewRows(const Threads& threads, int64_t rows, int64_t in, int64_t out, const float* input, const float* weight, const Store& store, Function function) {
  // Parts of columns whose sums stay in the first-level cache, of whole rows if they can, so that the weight is read in
  // long runs; the sum is cut where there are too few parts of columns for several threads.
  constexpr int64_t sumsInCache = 6144, parts = 8;
  const int64_t width = cut(cut(out, cut(rows * out, sumsInCache)), 2 * kLanes) * 2 * kLanes, columnParts = cut(out, width), blocks = cut(in, kFewSteps);
  const int64_t sums = in > 0 ? smaller(cut(parts, columnParts), cut(blocks, 8)) : 1;
  // A line more than the columns, for the reason above.
  const int64_t stride = width + kLine;
  Scratch partial(columnParts * sums * rows * stride);
  if (!partial.values) return false;
  auto sumsOf = [&](int64_t columnPart, int64_t part) { return partial.values + (columnPart * sums + part) * rows * stride; };
  auto finishColumns = [&](int64_t columnPart) {
    const int64_t first = columnPart * width, last = smaller(out, first + width);
    for (int64_t row = 0; row < rows; row++) {
      for (int64_t column = first; column < last; column += kLanes) {
        Vector sum{};
        for (int64_t part = 0; part < sums && in > 0; part++) sum += load(sumsOf(columnPart, part) + row * stride + column - first);
        finish(store, function, row, column, sum, smaller(kLanes, last - column));
      }
    }
  };
  inParallel(threads, columnParts * sums, in * out / 8 * rows, [&](int64_t index) {
    const int64_t part = index % sums, columnPart = index / sums, first = columnPart * width;
    const int64_t begin = blocks * part / sums * kFewSteps, end = smaller(in, blocks * (part + 1) / sums * kFewSteps);
    fewRows(rows, in, end - begin, out, input + begin, weight + begin * out + first, smaller(out, first + width) - first, sumsOf(columnPart, part), stride);
    if (sums == 1) finishColumns(columnPart);
  });
  if (sums > 1) inParallel(threads, columnParts, rows * out, finishColumns);
  return true;
}

/** Inner products of R rows with four rows of the weight `[out, in]`. */
template <int R>
inline void innerProducts(int64_t in, const float* input, const float* weight, int64_t outputs, float (&results)[R][4]) {
  Vector sums[R][4];
  for (int r = 0; r < R; r++) for (int n = 0; n < 4; n++) sums[r][n] = Vector{};
  const float* rows[4];
  for (int64_t n = 0; n < 4; n++) rows[n] = weight + (n < outputs ? n : 0) * in;
  int64_t at = 0;
  for (; at + kLanes <= in; at += kLanes) {
    Vector values[4];
    for (int n = 0; n < 4; n++) values[n] = load(rows[n] + at);
    for (int r = 0; r < R; r++) {
      const Vector own = load(input + r * in + at);
      for (int n = 0; n < 4; n++) sums[r][n] += own * values[n];
    }
  }
  for (int r = 0; r < R; r++) {
    for (int n = 0; n < 4; n++) {
      results[r][n] = sumOf(sums[r][n]);
      for (int64_t rest = at; rest < in; rest++) results[r][n] += input[r * in + rest] * rows[n][rest];
    }
  }
}

template <typename Function>
inline void fewRowsTransposed(int64_t rows, int64_t in, const float* input, const float* weight, int64_t columnFrom, int64_t columnTo, const Store& store, Function function) {
  auto write = [&](int64_t row, int64_t column, int64_t outputs, const float* found) {
    Vector sums{};
    for (int64_t n = 0; n < outputs; n++) sums[n] = found[n];
    finish(store, function, row, column, sums, outputs);
  };
  for (int64_t column = columnFrom; column < columnTo; column += 4) {
    const int64_t outputs = smaller(4, columnTo - column);
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      float found[4][4];
      innerProducts<4>(in, input + row * in, weight + column * in, outputs, found);
      for (int r = 0; r < 4; r++) write(row + r, column, outputs, found[r]);
    }
    for (; row < rows; row++) {
      float found[1][4];
      innerProducts<1>(in, input + row * in, weight + column * in, outputs, found);
      write(row, column, outputs, found[0]);
    }
  }
}

/** Whether a product goes without packing: it is worth its while for many rows, and for small weights sooner. */
inline bool hasFewRows(int64_t rows, int64_t in, int64_t out, bool transposed) {
  if (transposed) return rows < 16 || (rows <= kMostFewRows && in >= 1024);
  return rows < 12 || (rows <= kMostFewRows && in * out > (1 << 17));
}

// A block of a packed weight: half of the second-level cache, which has 1 MB or more where there is AVX-512, and 512 KB at
// least in most others. The longer it is, the fewer unfinished sums go through memory.
constexpr int64_t kLinearSteps = kMostSteps;
#if defined(__AVX512F__)
constexpr int64_t kLinearColumns = 256;
#else
constexpr int64_t kLinearColumns = 128;
#endif

bool linear(const Threads& threads, int64_t rows, int64_t in, int64_t out, const float* input, const float* weight, bool transposed, const Finish& rest, float* output) {
  const Store store = {output, out, rest};
  bool memory = true;
  withActivation(rest.activation, [&](auto function) {
    if (hasFewRows(rows, in, out, transposed)) {
      constexpr int64_t part = 64;
      if (!transposed) memory = linearOfFewRows(threads, rows, in, out, input, weight, store, function);
      else inParallel(threads, cut(out, part), in * out / 8 * rows, [&](int64_t index) { fewRowsTransposed(rows, in, input, weight, index * part, smaller(out, index * part + part), store, function); });
      return;
    }
    // Parts enough that no thread waits long for another's last one, nor for want of one.
    int64_t columnsAtOnce = kLinearColumns, rowsAtOnce = 512 / kTileRows * kTileRows;
    while (columnsAtOnce > kTileColumns && cut(out, columnsAtOnce) * cut(rows, 128) < 4) columnsAtOnce /= 2;
    const int64_t columnParts = cut(out, columnsAtOnce), panels = cut(out, kTileColumns);
    while (rowsAtOnce > 128 && columnParts * cut(rows, rowsAtOnce) < 16) rowsAtOnce = rowsAtOnce / 2 / kTileRows * kTileRows;
    const int64_t rowParts = cut(rows, rowsAtOnce);
    auto pack = [&](float* to, int64_t apart, int64_t from, int64_t steps, int64_t column, int64_t columns) {
      if (transposed) packColumns(weight + column * in + from, in, steps, columns, to, apart);
      else packRows(weight + from * out + column, out, steps, columns, to, apart);
    };
    // A weight of up to 8 MB is packed once for all parts, a larger one by each part for itself, block by block.
    const bool once = rowParts > 1 && in * panels * kTileColumns <= (2 << 20);
    Scratch whole(once ? in * panels * kTileColumns : 0);
    if (!whole.values) {
      memory = false;
      return;
    }
    constexpr int64_t packedAtOnce = 64;
    if (once) {
      inParallel(threads, cut(in, packedAtOnce), in * out / 4, [&](int64_t index) {
        const int64_t from = index * packedAtOnce;
        pack(whole.values + from * kTileColumns, in * kTileColumns, from, smaller(packedAtOnce, in - from), 0, out);
      });
    }
    inParallel(threads, columnParts * rowParts, rows * in * out / 30, [&](int64_t index) {
      const int64_t columnFrom = index / rowParts * columnsAtOnce, rowFrom = index % rowParts * rowsAtOnce;
      const int64_t columnTo = smaller(out, columnFrom + columnsAtOnce), rowTo = smaller(rows, rowFrom + rowsAtOnce);
      Scratch packed(once ? 0 : kLinearSteps * kLinearColumns);
      if (!packed.values) {
        memory = false;
        return;
      }
      int64_t block = 0;
      multiplyBlock(
          kLinearSteps, in, rowFrom, rowTo, columnFrom, columnTo, store, function,
          [&](int64_t from, int64_t steps) {
            block = from;
            if (!once) pack(packed.values, kLinearSteps * kTileColumns, from, steps, columnFrom, columnTo - columnFrom);
          },
          [&](int64_t column) -> const float* { return once ? whole.values + column * in + block * kTileColumns : packed.values + (column - columnFrom) * kLinearSteps; },
          [&](int64_t row, int64_t from, int64_t& rowStride, int64_t& stepStride) {
            rowStride = in;
            stepStride = 1;
            return input + row * in + from;
          },
          // The tile's place in the result, and its share of the rows that come next.
          [&](Ahead& ahead, int64_t from, int64_t steps, int64_t row, int64_t column, int64_t done, int64_t) {
            for (int64_t r = row; r < row + kTileRows; r++) ahead.want(output + r * out + column, smaller(kTileColumns, columnTo - column));
            const int64_t panels = cut(columnTo - columnFrom, kTileColumns), share = cut(cut(steps, panels), kLine) * kLine, begin = done % panels * share;
            for (int64_t r = row + kTileRows; r < smaller(rowTo, row + 2 * kTileRows); r++) ahead.want(input + r * in + from + begin, smaller(share, steps - begin));
          });
    });
  });
  return memory;
}

/** A block of the right side. Beside it the second-level cache holds one of the left side and one of the result, of these many rows. */
constexpr int64_t kTransposedSteps = 256, kTransposedColumns = 256;
#if defined(__AVX512F__)
constexpr int64_t kTransposedRows = 258;
#else
constexpr int64_t kTransposedRows = 192;
#endif

/** Numbers between the turned tiles of A: those of all steps, and room for what the last one's copy has too many. */
constexpr int64_t kTurnedTile = kTransposedSteps * kTileRows + 16;

/**
 * Numbers `from … to` of a row of A to the tiles of the rows that they become: `kTileRows` side by side, tiles
 * `kTurnedTile` apart, zeros past the end. Where eight can be read, eight are copied at once: the two too
 * many lie where the next step's come.
 */
inline void turnTiles(const float* values, int64_t from, int64_t to, int64_t end, float* tiles) {
  for (int64_t row = from; row < to; row += kTileRows, tiles += kTurnedTile) {
    if (row + kTileRows <= to && row + 8 <= end) {
      memcpy(tiles, values + row, 8 * sizeof(float));
    } else {
      for (int64_t r = 0; r < kTileRows; r++) tiles[r] = row + r < to ? values[row + r] : 0;
    }
  }
}

bool transposedProduct(const Threads& threads, int64_t rows, int64_t left, int64_t right, const float* leftValues, const float* rightValues, float* output) {
  const int64_t columnParts = cut(right, kTransposedColumns);
  const int64_t rowsAtOnce = columnParts * cut(left, kTransposedRows) >= 8 ? kTransposedRows : 192, rowParts = cut(left, rowsAtOnce), blocks = cut(rows, kTransposedSteps);
  // Small results have too few parts for several threads: then the sum is cut too, and its parts are added in order.
  const int64_t wished = cut(12, columnParts * rowParts);
  const int64_t sums = blocks < 2 || wished < 2 ? 1 : smaller(wished, blocks);
  Scratch partial(sums > 1 ? sums * left * right : 0);
  if (!partial.values) return false;
  bool memory = true;
  inParallel(threads, columnParts * rowParts * sums, rows * left * right / 30, [&](int64_t index) {
    const int64_t part = index % sums, place = index / sums;
    const int64_t columnFrom = place / rowParts * kTransposedColumns, rowFrom = place % rowParts * rowsAtOnce;
    const int64_t columnTo = smaller(right, columnFrom + kTransposedColumns), rowTo = smaller(left, rowFrom + rowsAtOnce);
    const int64_t begin = blocks * part / sums * kTransposedSteps, end = smaller(rows, blocks * (part + 1) / sums * kTransposedSteps);
    const Store store = {sums > 1 ? partial.values + part * left * right : output, right, Finish()};
    Scratch packed(kTransposedSteps * kTransposedColumns);
    // The rows of this part, turned over: `[tile of rows, steps, kTileRows]`.
    Scratch turned(rowsAtOnce / kTileRows * kTurnedTile);
    if (!packed.values || !turned.values) {
      memory = false;
      return;
    }
    multiplyBlock(
        kTransposedSteps, end - begin, rowFrom, rowTo, columnFrom, columnTo, store, Identity(),
        [&](int64_t from, int64_t steps) {
          packRows(rightValues + (begin + from) * right + columnFrom, right, steps, columnTo - columnFrom, packed.values, kTransposedSteps * kTileColumns);
          for (int64_t k = 0; k < steps; k++) turnTiles(leftValues + (begin + from + k) * left, rowFrom, rowTo, left, turned.values + k * kTileRows);
        },
        [&](int64_t column) -> const float* { return packed.values + (column - columnFrom) * kTransposedSteps; },
        [&](int64_t row, int64_t, int64_t& rowStride, int64_t& stepStride) {
          rowStride = 1;
          stepStride = kTileRows;
          return turned.values + (row - rowFrom) / kTileRows * kTurnedTile;
        },
        // Each tile asks for its share of the next steps' rows.
        [&](Ahead& ahead, int64_t from, int64_t steps, int64_t, int64_t, int64_t done, int64_t tiles) {
          const int64_t next = begin + from + steps, share = cut(smaller(kTransposedSteps, end - next), tiles);
          for (int64_t k = next + done * share; k < smaller(end, next + (done + 1) * share); k++) {
            ahead.want(leftValues + k * left + rowFrom, rowTo - rowFrom);
            ahead.want(rightValues + k * right + columnFrom, columnTo - columnFrom);
          }
        });
  });
  if (memory && sums > 1) {
    everyVector(threads, left * right, 2 * sums, [&](int64_t at, int64_t count) {
      Vector sum = take(partial.values + at, count);
      for (int64_t part = 1; part < sums; part++) sum += take(partial.values + part * left * right + at, count);
      put(output + at, sum, count);
    });
  }
  return memory;
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
