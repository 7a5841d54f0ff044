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

/**
 * sums[r][v] += Σ over `steps` of a[r·rowStride + k·stepStride] · b[k·bStride + v …]. R and N are known when compiled,
 * so that the sums lie in registers.
 */
template <int R, int N>
inline __attribute__((always_inline)) void tile(int64_t steps, const float* a, int64_t rowStride, int64_t stepStride, const float* b, int64_t bStride, Vector (&sums)[R][N]) {
  for (int64_t k = 0; k < steps; k++) {
    Vector column[N];
    for (int v = 0; v < N; v++) column[v] = load(b + v * kLanes);
    for (int r = 0; r < R; r++) {
      const Vector value = all(a[r * rowStride]);
      for (int v = 0; v < N; v++) sums[r][v] += value * column[v];
    }
    a += stepStride;
    b += bStride;
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

/** Columns `from …` of `steps` rows of B, `[steps, kTileColumns]` with zeros past `columns`. B is `[k, n]`. */
inline void packRows(const float* b, int64_t stride, int64_t steps, int64_t columns, float* panel) {
  for (int64_t k = 0; k < steps; k++, b += stride, panel += kTileColumns) {
    if (columns == kTileColumns) {
      for (int v = 0; v < kTileVectors; v++) store(panel + v * kLanes, load(b + v * kLanes));
    } else {
      for (int64_t n = 0; n < kTileColumns; n++) panel[n] = n < columns ? b[n] : 0;
    }
  }
}

/** The same from B that lies as `[n, k]`: turned over in blocks that stay in the first-level cache. */
inline void packColumns(const float* b, int64_t stride, int64_t steps, int64_t columns, float* panel) {
  constexpr int64_t block = 16;
  for (int64_t from = 0; from < steps; from += block) {
    const int64_t to = smaller(steps, from + block);
    for (int64_t n = 0; n < kTileColumns; n++) {
      if (n < columns) {
        for (int64_t k = from; k < to; k++) panel[k * kTileColumns + n] = b[n * stride + k];
      } else {
        for (int64_t k = from; k < to; k++) panel[k * kTileColumns + n] = 0;
      }
    }
  }
}

constexpr int64_t kStepsAtOnce = 256;
constexpr int64_t kPanelsAtOnce = 256 / kTileColumns > 0 ? 256 / kTileColumns : 1;
constexpr int64_t kColumnsAtOnce = kPanelsAtOnce * kTileColumns;

/** What becomes of a finished tile's sums. */
struct Store {
  float* output;
  float* slope;
  const float* bias;
  int activation;
  int64_t stride;
};

template <typename Function>
inline void finish(const Store& store, Function, int64_t row, int64_t column, Vector sum, int64_t count) {
  if (store.bias) sum += take(store.bias + column, count);
  const ValueAndSlope found = Function::at(sum);
  put(store.output + row * store.stride + column, found.value, count);
  if (store.slope) put(store.slope + row * store.stride + column, found.slope, count);
}

/**
 * Rows `rowFrom … rowTo` and columns `columnFrom … columnTo` of the product, block by block along the sum. For each block
 * `prepare(from, steps)` is called; then `panel(column)` says where those steps of B's columns lie packed, and
 * `place(row, from, rowStride, stepStride)` where A lies.
 */
template <typename Function, typename Prepare, typename PanelOfB, typename PlaceA>
inline void multiplyBlock(int64_t steps, int64_t rowFrom, int64_t rowTo, int64_t columnFrom, int64_t columnTo, const Store& store, Function function, Prepare prepare, PanelOfB panelOf, PlaceA place) {
  for (int64_t from = 0; from < steps || from == 0; from += kStepsAtOnce) {
    const int64_t count = smaller(kStepsAtOnce, steps - from);
    const bool first = from == 0, last = from + kStepsAtOnce >= steps;
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
          tile<R, kTileVectors>(count, a, rowStride, stepStride, panel, kTileColumns, sums);
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

/** sums[row] += Σ over 8 steps of input[row, k] · weight[k, column …], for N vectors of columns side by side. */
template <int N>
inline void eightSteps(int64_t rows, int64_t in, int64_t out, const float* input, const float* weight, float* to, int64_t stride, bool first) {
  constexpr int together = 8;
  Vector values[together][N];
  for (int k = 0; k < together; k++) for (int v = 0; v < N; v++) values[k][v] = load(weight + k * out + v * kLanes);
  for (int64_t row = 0; row < rows; row++, input += in, to += stride) {
    for (int v = 0; v < N; v++) {
      // Two chains of sums, so that one need not wait for the other.
      Vector even = first ? Vector{} : load(to + v * kLanes), odd{};
      for (int k = 0; k < together; k += 2) {
        even += values[k][v] * input[k];
        odd += values[k + 1][v] * input[k + 1];
      }
      store(to + v * kLanes, even + odd);
    }
  }
}

/** A few rows: the weight `[in, out]` is streamed once, eight of its rows side by side. */
template <typename Function>
inline void fewRows(int64_t rows, int64_t in, int64_t out, const float* input, const float* weight, int64_t columnFrom, int64_t columnTo, const Store& store, Function function) {
  constexpr int64_t together = 8;
  for (int64_t from = 0; from < in; from += together) {
    const int64_t steps = smaller(together, in - from);
    const float* block = weight + from * out;
    int64_t column = columnFrom;
    if (steps == together) {
      for (; column + 2 * kLanes <= columnTo; column += 2 * kLanes) eightSteps<2>(rows, in, out, input + from, block + column, store.output + column, store.stride, from == 0);
    }
    for (; column < columnTo; column += kLanes) {
      const int64_t count = smaller(kLanes, columnTo - column);
      for (int64_t row = 0; row < rows; row++) {
        float* to = store.output + row * store.stride + column;
        Vector sum = from == 0 ? Vector{} : take(to, count);
        for (int64_t k = 0; k < steps; k++) sum += take(block + k * out + column, count) * input[row * in + from + k];
        put(to, sum, count);
      }
    }
  }
  if (!store.bias && store.activation == kNone && in > 0) return;
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t column = columnFrom; column < columnTo; column += kLanes) {
      const int64_t count = smaller(kLanes, columnTo - column);
      finish(store, function, row, column, in > 0 ? take(store.output + row * store.stride + column, count) : Vector{}, count);
    }
  }
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
inline void fewRowsTransposed(int64_t rows, int64_t in, const float* input, const float* weight, int64_t columnFrom, int64_t columnTo, const Store& store, Function) {
  auto write = [&](int64_t row, int64_t column, int64_t outputs, const float* found) {
    Vector sums{};
    for (int64_t n = 0; n < outputs; n++) sums[n] = found[n] + (store.bias ? store.bias[column + n] : 0);
    const ValueAndSlope result = Function::at(sums);
    for (int64_t n = 0; n < outputs; n++) {
      store.output[row * store.stride + column + n] = result.value[n];
      if (store.slope) store.slope[row * store.stride + column + n] = result.slope[n];
    }
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

bool linear(const Threads& threads, int64_t rows, int64_t in, int64_t out, const float* input, const float* weight, bool transposed, const float* bias, int activation, float* output, float* slope) {
  const Store store = {output, slope, bias, activation, out};
  bool memory = true;
  withActivation(activation, [&](auto function) {
    if (rows < (transposed ? 24 : 12)) {
      // Long runs of each row, which the processor's prefetch can follow; four parts at least.
      const int64_t part = transposed ? 64 : cut(cut(out, 4), 64) * 64;
      inParallel(threads, cut(out, part), in * out / 8 * rows, [&](int64_t index) {
        const int64_t from = index * part, to = smaller(out, from + part);
        if (transposed) fewRowsTransposed(rows, in, input, weight, from, to, store, function);
        else fewRows(rows, in, out, input, weight, from, to, store, function);
      });
      return;
    }
    const int64_t columnParts = cut(out, kColumnsAtOnce), panels = cut(out, kTileColumns);
    // Parts enough that no thread waits long for another's last one.
    int64_t rowsAtOnce = 512 / kTileRows * kTileRows;
    while (rowsAtOnce > 128 && columnParts * cut(rows, rowsAtOnce) < 16) rowsAtOnce = rowsAtOnce / 2 / kTileRows * kTileRows;
    const int64_t rowParts = cut(rows, rowsAtOnce);
    auto pack = [&](float* panel, int64_t from, int64_t steps, int64_t column, int64_t columns) {
      if (transposed) packColumns(weight + column * in + from, in, steps, columns, panel);
      else packRows(weight + from * out + column, out, steps, columns, panel);
    };
    // A weight of up to 8 MB is packed once for all parts, a larger one by each part for itself, block by block.
    const bool once = rowParts > 1 && in * panels * kTileColumns <= (2 << 20);
    Scratch whole(once ? in * panels * kTileColumns : 0);
    if (!whole.values) {
      memory = false;
      return;
    }
    if (once) inParallel(threads, panels, in * out / 4, [&](int64_t panel) { pack(whole.values + panel * in * kTileColumns, 0, in, panel * kTileColumns, smaller(kTileColumns, out - panel * kTileColumns)); });
    inParallel(threads, columnParts * rowParts, rows * in * out / 30, [&](int64_t index) {
      const int64_t columnFrom = index / rowParts * kColumnsAtOnce, rowFrom = index % rowParts * rowsAtOnce;
      const int64_t columnTo = smaller(out, columnFrom + kColumnsAtOnce), rowTo = smaller(rows, rowFrom + rowsAtOnce);
      Scratch packed(once ? 0 : kStepsAtOnce * kColumnsAtOnce);
      if (!packed.values) {
        memory = false;
        return;
      }
      int64_t block = 0;
      multiplyBlock(
          in, rowFrom, rowTo, columnFrom, columnTo, store, function,
          [&](int64_t from, int64_t steps) {
            block = from;
            for (int64_t column = columnFrom; !once && column < columnTo; column += kTileColumns) pack(packed.values + (column - columnFrom) * kStepsAtOnce, from, steps, column, smaller(kTileColumns, columnTo - column));
          },
          [&](int64_t column) -> const float* { return once ? whole.values + column * in + block * kTileColumns : packed.values + (column - columnFrom) * kStepsAtOnce; },
          [&](int64_t row, int64_t from, int64_t& rowStride, int64_t& stepStride) {
            rowStride = in;
            stepStride = 1;
            return input + row * in + from;
          });
    });
  });
  return memory;
}

/** Numbers between the turned tiles of A: those of all steps, and room for what the last one's copy has too many. */
constexpr int64_t kTurnedTile = kStepsAtOnce * kTileRows + 16;

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
  constexpr int64_t rowsAtOnce = 192 / kTileRows * kTileRows;
  const int64_t columnParts = cut(right, kColumnsAtOnce), rowParts = cut(left, rowsAtOnce), blocks = cut(rows, kStepsAtOnce);
  // Small results have too few parts for several threads: then the sum is cut too, and its parts are added in order.
  const int64_t wished = cut(12, columnParts * rowParts);
  const int64_t sums = blocks < 2 || wished < 2 ? 1 : smaller(wished, blocks);
  Scratch partial(sums > 1 ? sums * left * right : 0);
  if (!partial.values) return false;
  bool memory = true;
  inParallel(threads, columnParts * rowParts * sums, rows * left * right / 30, [&](int64_t index) {
    const int64_t part = index % sums, place = index / sums;
    const int64_t columnFrom = place / rowParts * kColumnsAtOnce, rowFrom = place % rowParts * rowsAtOnce;
    const int64_t columnTo = smaller(right, columnFrom + kColumnsAtOnce), rowTo = smaller(left, rowFrom + rowsAtOnce);
    const int64_t begin = blocks * part / sums * kStepsAtOnce, end = smaller(rows, blocks * (part + 1) / sums * kStepsAtOnce);
    const Store store = {sums > 1 ? partial.values + part * left * right : output, nullptr, nullptr, kNone, right};
    Scratch packed(kStepsAtOnce * kColumnsAtOnce);
    // The rows of this part, turned over: `[tile of rows, steps, kTileRows]`.
    Scratch turned(rowsAtOnce / kTileRows * kTurnedTile);
    if (!packed.values || !turned.values) {
      memory = false;
      return;
    }
    multiplyBlock(
        end - begin, rowFrom, rowTo, columnFrom, columnTo, store, Identity(),
        [&](int64_t from, int64_t steps) {
          for (int64_t column = columnFrom; column < columnTo; column += kTileColumns) packRows(rightValues + (begin + from) * right + column, right, steps, smaller(kTileColumns, columnTo - column), packed.values + (column - columnFrom) * kStepsAtOnce);
          for (int64_t k = 0; k < steps; k++) turnTiles(leftValues + (begin + from + k) * left, rowFrom, rowTo, left, turned.values + k * kTileRows);
        },
        [&](int64_t column) -> const float* { return packed.values + (column - columnFrom) * kStepsAtOnce; },
        [&](int64_t row, int64_t, int64_t& rowStride, int64_t& stepStride) {
          rowStride = 1;
          stepStride = kTileRows;
          return turned.values + (row - rowFrom) / kTileRows * kTurnedTile;
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
