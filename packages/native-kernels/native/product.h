// Matrix products: linear layers and the gradients of their weights. A tile of the result stays in registers while the sums
// are made; B is packed into panels as wide as the tile, so that it is read in order from the second-level cache
// (Goto & van de Geijn 2008, 10.1145/1356052.1356053).
#pragma once

#include <atomic>
#include <initializer_list>

#include "skinny-gemm.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

/**
 * Rows `rowFrom … rowTo` and columns `columnFrom … columnTo` of the product, `stepsAtOnce` of the sum at a time. For each block
 * `prepare(from, steps)` is called; then `panel(column)` says where those steps of B's columns lie packed, and
 * `place(row, from, rowStride, stepStride)` where A lies.
 */
template <typename Function, typename Prepare, typename PanelOfB, typename PlaceA, typename WantNext>
inline void multiplyBlock(int64_t stepsAtOnce, int64_t steps, int64_t rowFrom, int64_t rowTo, int64_t columnFrom, int64_t columnTo, const Store& store, Function function, Prepare prepare, PanelOfB panelOf, PlaceA place, WantNext wantNext) {
  const int64_t panels = ceilDiv(columnTo - columnFrom, kTileColumns), tiles = ceilDiv(rowTo - rowFrom, kTileRows) * panels;
  Prefetch ahead(panelOf(columnFrom));
  for (int64_t from = 0; from < steps || from == 0; from += stepsAtOnce) {
    const int64_t count = minimum(stepsAtOnce, steps - from);
    const bool first = from == 0, last = from + stepsAtOnce >= steps;
    prepare(from, count);
    for (int64_t row = rowFrom; row < rowTo; row += kTileRows) {
      const int64_t rows = minimum(kTileRows, rowTo - row);
      int64_t rowStride, stepStride;
      const float* a = place(row, from, rowStride, stepStride);
      for (int64_t column = columnFrom; column < columnTo; column += kTileColumns) {
        const float* panel = panelOf(column);
        const int64_t columns = minimum(kTileColumns, columnTo - column);
        withRows(rows, [&](auto constant) {
          constexpr int R = decltype(constant)::value;
          Vector sums[R][kTileVectors];
          for (int r = 0; r < R; r++) {
            for (int v = 0; v < kTileVectors; v++) {
              const int64_t rest = columns - v * kLanes;
              sums[r][v] = first || rest <= 0 ? Vector{} : loadUpTo(store.output + (row + r) * store.stride + column + v * kLanes, minimum(rest, kLanes));
            }
          }
          ahead.forget();
          if (R == kTileRows) wantNext(ahead, from, count, row, column, (row - rowFrom) / kTileRows * panels + (column - columnFrom) / kTileColumns, tiles);
          tile<R, kTileVectors>(count, a, rowStride, stepStride, panel, kTileColumns, sums, &ahead);
          for (int r = 0; r < R; r++) {
            for (int v = 0; v < kTileVectors; v++) {
              const int64_t rest = minimum(columns - v * kLanes, kLanes);
              if (rest <= 0) continue;
              if (last) applyEpilogue(store, function, row + r, column + v * kLanes, sums[r][v], rest);
              else storeUpTo(store.output + (row + r) * store.stride + column + v * kLanes, sums[r][v], rest);
            }
          }
        });
      }
    }
  }
}

// A block of a packed weight: half of the second-level cache, which has 1 MB or more where there is AVX-512, and 512 KB at
// least in most others. The longer it is, the fewer unfinished sums go through memory.
constexpr int64_t kLinearSteps = kMostSteps;
#if defined(__AVX512F__)
constexpr int64_t kLinearColumns = 256;
#else
constexpr int64_t kLinearColumns = 128;
#endif

bool linear(const Threads& threads, int64_t rows, int64_t in, int64_t out, const float* input, const Weight& weight, bool transposed, const Epilogue& rest, float* output) {
  const Store store = {output, out, rest};
  // Several threads may set it.
  std::atomic<bool> memory{true};
  withActivation(rest.activation, [&](auto function) {
    if (hasFewRows(rows, in, out, transposed)) {
      constexpr int64_t part = 64;
      if (!transposed) memory = linearOfFewRows(threads, rows, in, out, input, weight, store, function);
      else withType(weight.type, [&](auto type) { inParallel(threads, ceilDiv(out, part), in * out / 8 * rows, [&](int64_t index) { skinnyGemmTransposed<decltype(type)::value>(rows, in, input, weight, index * part, minimum(out, index * part + part), store, function); }); });
      return;
    }
    // Parts enough that no thread waits long for another's last one, nor for want of one.
    int64_t columnsAtOnce = kLinearColumns, rowsAtOnce = 512 / kTileRows * kTileRows;
    while (columnsAtOnce > kTileColumns && ceilDiv(out, columnsAtOnce) * ceilDiv(rows, 128) < 4) columnsAtOnce /= 2;
    const int64_t columnParts = ceilDiv(out, columnsAtOnce), panels = ceilDiv(out, kTileColumns);
    while (rowsAtOnce > 128 && columnParts * ceilDiv(rows, rowsAtOnce) < 16) rowsAtOnce = rowsAtOnce / 2 / kTileRows * kTileRows;
    const int64_t rowParts = ceilDiv(rows, rowsAtOnce);
    auto pack = [&](float* to, int64_t apart, int64_t from, int64_t steps, int64_t column, int64_t columns) {
      const float* values = static_cast<const float*>(weight.numbers);
      if (weight.type != kFloat32Weight) packWidened(weight, transposed ? in : out, transposed, from, steps, column, columns, to, apart);
      else if (transposed) packColumns(values + column * in + from, in, steps, columns, to, apart);
      else packRows(values + from * out + column, out, steps, columns, to, apart);
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
      inParallel(threads, ceilDiv(in, packedAtOnce), in * out / 4, [&](int64_t index) {
        const int64_t from = index * packedAtOnce;
        pack(whole.values + from * kTileColumns, in * kTileColumns, from, minimum(packedAtOnce, in - from), 0, out);
      });
    }
    inParallel(threads, columnParts * rowParts, rows * in * out / 30, [&](int64_t index) {
      const int64_t columnFrom = index / rowParts * columnsAtOnce, rowFrom = index % rowParts * rowsAtOnce;
      const int64_t columnTo = minimum(out, columnFrom + columnsAtOnce), rowTo = minimum(rows, rowFrom + rowsAtOnce);
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
          [&](Prefetch& ahead, int64_t from, int64_t steps, int64_t row, int64_t column, int64_t done, int64_t) {
            const int64_t columns = minimum(kTileColumns, columnTo - column);
            for (const float* place : {rest.before, rest.factor, rest.added, static_cast<const float*>(output)}) {
              for (int64_t r = row; place && r < row + kTileRows; r++) ahead.want(place + r * out + column, columns);
            }
            const int64_t panels = ceilDiv(columnTo - columnFrom, kTileColumns), share = ceilDiv(ceilDiv(steps, panels), kLine) * kLine, begin = done % panels * share;
            for (int64_t r = row + kTileRows; r < minimum(rowTo, row + 2 * kTileRows); r++) ahead.want(input + r * in + from + begin, minimum(share, steps - begin));
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
  const int64_t columnParts = ceilDiv(right, kTransposedColumns);
  const int64_t rowsAtOnce = columnParts * ceilDiv(left, kTransposedRows) >= 8 ? kTransposedRows : 192, rowParts = ceilDiv(left, rowsAtOnce), blocks = ceilDiv(rows, kTransposedSteps);
  // Small results have too few parts for several threads: then the sum is cut too, and its parts are added in order.
  const int64_t requested = ceilDiv(12, columnParts * rowParts);
  const int64_t sums = blocks < 2 || requested < 2 ? 1 : minimum(requested, blocks);
  Scratch partial(sums > 1 ? sums * left * right : 0);
  if (!partial.values) return false;
  // Several threads may set it.
  std::atomic<bool> memory{true};
  inParallel(threads, columnParts * rowParts * sums, rows * left * right / 30, [&](int64_t index) {
    const int64_t part = index % sums, place = index / sums;
    const int64_t columnFrom = place / rowParts * kTransposedColumns, rowFrom = place % rowParts * rowsAtOnce;
    const int64_t columnTo = minimum(right, columnFrom + kTransposedColumns), rowTo = minimum(left, rowFrom + rowsAtOnce);
    const int64_t begin = blocks * part / sums * kTransposedSteps, end = minimum(rows, blocks * (part + 1) / sums * kTransposedSteps);
    const Store store = {sums > 1 ? partial.values + part * left * right : output, right, Epilogue()};
    Scratch packed(kTransposedSteps * kTransposedColumns);
    // The rows of this part, turned over: `[tile of rows, steps, kTileRows]`.
    Scratch transposed(rowsAtOnce / kTileRows * kTurnedTile);
    if (!packed.values || !transposed.values) {
      memory = false;
      return;
    }
    multiplyBlock(
        kTransposedSteps, end - begin, rowFrom, rowTo, columnFrom, columnTo, store, Identity(),
        [&](int64_t from, int64_t steps) {
          packRows(rightValues + (begin + from) * right + columnFrom, right, steps, columnTo - columnFrom, packed.values, kTransposedSteps * kTileColumns);
          for (int64_t k = 0; k < steps; k++) turnTiles(leftValues + (begin + from + k) * left, rowFrom, rowTo, left, transposed.values + k * kTileRows);
        },
        [&](int64_t column) -> const float* { return packed.values + (column - columnFrom) * kTransposedSteps; },
        [&](int64_t row, int64_t, int64_t& rowStride, int64_t& stepStride) {
          rowStride = 1;
          stepStride = kTileRows;
          return transposed.values + (row - rowFrom) / kTileRows * kTurnedTile;
        },
        // Each tile asks for its share of the next steps' rows.
        [&](Prefetch& ahead, int64_t from, int64_t steps, int64_t, int64_t, int64_t done, int64_t tiles) {
          const int64_t next = begin + from + steps, share = ceilDiv(minimum(kTransposedSteps, end - next), tiles);
          for (int64_t k = next + done * share; k < minimum(end, next + (done + 1) * share); k++) {
            ahead.want(leftValues + k * left + rowFrom, rowTo - rowFrom);
            ahead.want(rightValues + k * right + columnFrom, columnTo - columnFrom);
          }
        });
  });
  if (memory && sums > 1) {
    everyVector(threads, left * right, 2 * sums, [&](int64_t at, int64_t count) {
      Vector sum = loadUpTo(partial.values + at, count);
      for (int64_t part = 1; part < sums; part++) sum += loadUpTo(partial.values + part * left * right + at, count);
      storeUpTo(output + at, sum, count);
    });
  }
  return memory;
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
