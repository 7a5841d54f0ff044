// Layer norm and RMS norm over the last axis, and sums over rows.
#pragma once

#include "activations.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

constexpr int64_t kRowsAtOnce = 16;

void layerNormForward(const Threads& threads, int64_t rows, int64_t width, const float* input, const float* scale, const float* bias, float epsilon, float* output, float* mean, float* inverseDeviation) {
  inParallel(threads, ceilDiv(rows, kRowsAtOnce), rows * width / 4, [&](int64_t part) {
    for (int64_t row = part * kRowsAtOnce; row < minimum(rows, (part + 1) * kRowsAtOnce); row++) {
      const float* from = input + row * width;
      float* to = output + row * width;
      const float center = sumRow(width, [&](int64_t at, int64_t count) { return loadUpTo(from + at, count); }) / width;
      const float variance = sumRow(width, [&](int64_t at, int64_t count) {
        const Vector distance = loadUpTo(from + at, count) - center;
        return distance * distance;
      }) / width;
      const float inverse = 1 / sqrtf(variance + epsilon);
      everyVectorOfRow(width, [&](int64_t at, int64_t count) { storeUpTo(to + at, (loadUpTo(from + at, count) - center) * inverse * loadUpTo(scale + at, count) + loadUpTo(bias + at, count), count); });
      mean[row] = center;
      inverseDeviation[row] = inverse;
    }
  });
}

void rmsNormForward(const Threads& threads, int64_t rows, int64_t width, const float* input, const float* scale, float epsilon, float* output, float* inverseDeviation) {
  inParallel(threads, ceilDiv(rows, kRowsAtOnce), rows * width / 5, [&](int64_t part) {
    for (int64_t row = part * kRowsAtOnce; row < minimum(rows, (part + 1) * kRowsAtOnce); row++) {
      const float* from = input + row * width;
      float* to = output + row * width;
      const float square = sumRow(width, [&](int64_t at, int64_t count) {
        const Vector value = loadUpTo(from + at, count);
        return value * value;
      }) / width;
      const float inverse = 1 / sqrtf(square + epsilon);
      everyVectorOfRow(width, [&](int64_t at, int64_t count) { storeUpTo(to + at, loadUpTo(from + at, count) * inverse * loadUpTo(scale + at, count), count); });
      inverseDeviation[row] = inverse;
    }
  });
}

/** Parts that sums over rows are cut into: by the rows alone, so that any number of threads adds in the same order. */
inline int64_t partsOf(int64_t rows) { return minimum(16, ceilDiv(rows, 32)); }

/** Adds up what `row(row, sums)` adds for each row to `sums` (`[columns]`), part by part, into `output`. */
template <typename Row>
bool sumOverRows(const Threads& threads, int64_t rows, int64_t columns, int64_t work, float* output, Row row) {
  const int64_t parts = partsOf(rows);
  if (parts <= 1) {
    memset(output, 0, columns * sizeof(float));
    for (int64_t index = 0; index < rows; index++) row(index, output);
    return true;
  }
  Scratch sums(parts * columns);
  if (!sums.values) return false;
  inParallel(threads, parts, work, [&](int64_t part) {
    float* own = sums.values + part * columns;
    memset(own, 0, columns * sizeof(float));
    for (int64_t index = rows * part / parts; index < rows * (part + 1) / parts; index++) row(index, own);
  });
  everyVectorOfRow(columns, [&](int64_t at, int64_t count) {
    Vector sum{};
    for (int64_t part = 0; part < parts; part++) sum += loadUpTo(sums.values + part * columns + at, count);
    storeUpTo(output + at, sum, count);
  });
  return true;
}

bool sumRows(const Threads& threads, int64_t rows, int64_t width, const float* input, float* output) {
  return sumOverRows(threads, rows, width, rows * width / 8, output, [&](int64_t row, float* sums) {
    everyVectorOfRow(width, [&](int64_t at, int64_t count) { storeUpTo(sums + at, loadUpTo(sums + at, count) + loadUpTo(input + row * width + at, count), count); });
  });
}

bool layerNormBackward(const Threads& threads, int64_t rows, int64_t width, const float* gradient, const float* input, const float* scale, const float* mean, const float* inverseDeviation, const float* added, float* inputGradient, float* scaleGradient, float* biasGradient) {
  Scratch both(2 * width);
  if (!both.values) return false;
  const bool done = sumOverRows(threads, rows, 2 * width, rows * width / 2, both.values, [&](int64_t row, float* sums) {
    const float* from = input + row * width;
    const float* upstream = gradient + row * width;
    const float center = mean[row], inverse = inverseDeviation[row];
    Vector total{}, along{};
    float restTotal = 0, restAlong = 0;
    everyVectorOfRow(width, [&](int64_t at, int64_t count) {
      const Vector normalised = (loadUpTo(from + at, count) - center) * inverse;
      const Vector own = loadUpTo(upstream + at, count);
      const Vector scaled = own * loadUpTo(scale + at, count);
      storeUpTo(sums + at, loadUpTo(sums + at, count) + own * normalised, count);
      storeUpTo(sums + width + at, loadUpTo(sums + width + at, count) + own, count);
      if (count == kLanes) {
        total += scaled;
        along += scaled * normalised;
      } else {
        for (int64_t lane = 0; lane < count; lane++) {
          restTotal += scaled[lane];
          restAlong += scaled[lane] * normalised[lane];
        }
      }
    });
    const float meanTotal = (sumOf(total) + restTotal) / width, meanAlong = (sumOf(along) + restAlong) / width;
    everyVectorOfRow(width, [&](int64_t at, int64_t count) {
      const Vector normalised = (loadUpTo(from + at, count) - center) * inverse;
      const Vector own = (loadUpTo(upstream + at, count) * loadUpTo(scale + at, count) - meanTotal - normalised * meanAlong) * inverse;
      storeUpTo(inputGradient + row * width + at, added ? own + loadUpTo(added + row * width + at, count) : own, count);
    });
  });
  if (!done) return false;
  memcpy(scaleGradient, both.values, width * sizeof(float));
  memcpy(biasGradient, both.values + width, width * sizeof(float));
  return true;
}

bool rmsNormBackward(const Threads& threads, int64_t rows, int64_t width, const float* gradient, const float* input, const float* scale, const float* inverseDeviation, const float* added, float* inputGradient, float* scaleGradient) {
  return sumOverRows(threads, rows, width, rows * width / 2, scaleGradient, [&](int64_t row, float* sums) {
    const float* from = input + row * width;
    const float* upstream = gradient + row * width;
    const float inverse = inverseDeviation[row];
    const float along = sumRow(width, [&](int64_t at, int64_t count) {
      const Vector normalised = loadUpTo(from + at, count) * inverse;
      const Vector own = loadUpTo(upstream + at, count) * normalised;
      storeUpTo(sums + at, loadUpTo(sums + at, count) + own, count);
      return own * loadUpTo(scale + at, count);
    }) / width;
    everyVectorOfRow(width, [&](int64_t at, int64_t count) {
      const Vector normalised = loadUpTo(from + at, count) * inverse;
      const Vector own = (loadUpTo(upstream + at, count) * loadUpTo(scale + at, count) - normalised * along) * inverse;
      storeUpTo(inputGradient + row * width + at, added ? own + loadUpTo(added + row * width + at, count) : own, count);
    });
  });
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
