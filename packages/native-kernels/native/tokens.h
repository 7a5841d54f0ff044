// What works on ids: embeddings and cross-entropy; and the optimizer, which works on flat arrays.
#pragma once

#include "norms.h"
#include "widen.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

void embedding(const Threads& threads, int64_t count, int64_t width, const Weight& table, const int32_t* ids, float* output) {
  inParallel(threads, ceilDiv(count, kRowsAtOnce), count * width / 8, [&](int64_t part) {
    for (int64_t row = part * kRowsAtOnce; row < minimum(count, (part + 1) * kRowsAtOnce); row++) {
      widenRow(table, width, ids[row], 0, width, output + row * width);
    }
  });
}

void widen(const Threads& threads, int64_t from, int64_t count, int64_t width, const Weight& weight, float* output) {
  inParallel(threads, ceilDiv(count, kRowsAtOnce), count * width / 8, [&](int64_t part) {
    for (int64_t row = part * kRowsAtOnce; row < minimum(count, (part + 1) * kRowsAtOnce); row++) widenRow(weight, width, from + row, 0, width, output + row * width);
  });
}

void embeddingBackward(const Threads& threads, int64_t count, int64_t width, int64_t vocabulary, const float* gradient, const int32_t* ids, float* output) {
  // Each part has rows of the table to itself, and looks for them among all ids: in order, without conflicts.
  const int64_t part = 512;
  inParallel(threads, ceilDiv(vocabulary, part), (vocabulary + count) * width / 8, [&](int64_t index) {
    const int64_t from = index * part, to = minimum(vocabulary, from + part);
    memset(output + from * width, 0, (to - from) * width * sizeof(float));
    for (int64_t row = 0; row < count; row++) {
      if (ids[row] < from || ids[row] >= to) continue;
      float* own = output + ids[row] * width;
      everyVectorOfRow(width, [&](int64_t at, int64_t lanes) { storeUpTo(own + at, loadUpTo(own + at, lanes) + loadUpTo(gradient + row * width + at, lanes), lanes); });
    }
  });
}

void crossEntropyForward(const Threads& threads, int64_t rows, int64_t vocabulary, const float* logits, const int32_t* labels, int32_t ignored, float* losses, float* logSumExp) {
  inParallel(threads, rows, rows * vocabulary, [&](int64_t row) {
    const float* own = logits + row * vocabulary;
    Vector highest = broadcast(-INFINITY);
    everyVectorOfRow(vocabulary, [&](int64_t at, int64_t count) { highest = maximum(highest, count == kLanes ? load(own + at) : loadPart(own + at, count, -INFINITY)); });
    float maximum = highest[0];
    for (int64_t lane = 1; lane < kLanes; lane++) maximum = highest[lane] > maximum ? highest[lane] : maximum;
    if (!(maximum > -INFINITY && maximum < INFINITY)) maximum = 0;
    const float sum = sumRow(vocabulary, [&](int64_t at, int64_t count) { return exponential(loadUpTo(own + at, count) - maximum); });
    logSumExp[row] = maximum + logf(sum);
    losses[row] = labels[row] == ignored ? 0 : logSumExp[row] - own[labels[row]];
  });
}

void crossEntropyBackward(const Threads& threads, int64_t rows, int64_t vocabulary, const float* gradient, const float* logits, const int32_t* labels, const float* logSumExp, int32_t ignored, float* output) {
  inParallel(threads, rows, rows * vocabulary, [&](int64_t row) {
    const float* own = logits + row * vocabulary;
    float* to = output + row * vocabulary;
    const int32_t label = labels[row];
    if (label == ignored) {
      memset(to, 0, vocabulary * sizeof(float));
      return;
    }
    const float factor = gradient[row], shift = logSumExp[row];
    everyVectorOfRow(vocabulary, [&](int64_t at, int64_t count) { storeUpTo(to + at, exponential(loadUpTo(own + at, count) - shift) * factor, count); });
    to[label] -= factor;
  });
}

double sumOfSquares(const Threads& threads, int64_t size, const float* values) {
  constexpr int64_t part = 1 << 16;
  constexpr int64_t most = 1024;
  // Sums of at most 1,024 parts: each a whole number of blocks, added in order.
  const int64_t blocks = ceilDiv(size, part), perTask = ceilDiv(blocks > 0 ? blocks : 1, most);
  double sums[most] = {0};
  inParallel(threads, ceilDiv(blocks, perTask), size / 8, [&](int64_t task) {
    double total = 0;
    for (int64_t block = task * perTask; block < minimum(blocks, (task + 1) * perTask); block++) {
      const int64_t from = block * part, to = minimum(size, from + part);
      // Short sums in float32, which lose nothing that counts, then float64.
      for (int64_t at = from; at < to; at += 1024) {
        total += sumRow(minimum(1024, to - at), [&](int64_t offset, int64_t count) {
          const Vector value = loadUpTo(values + at + offset, count);
          return value * value;
        });
      }
    }
    sums[task] = total;
  });
  double total = 0;
  for (int64_t task = 0; task < ceilDiv(blocks, perTask); task++) total += sums[task];
  return total;
}

void adamW(const Threads& threads, int64_t size, const AdamWSettings& s, float* parameter, const float* gradient, float* firstMoment, float* secondMoment) {
  const float step = s.learningRate / s.firstCorrection, root = 1 / sqrtf(s.secondCorrection);
  everyVector(threads, size, 8, [&](int64_t at, int64_t count) {
    const Vector g = loadUpTo(gradient + at, count) * s.gradientScale;
    const Vector first = loadUpTo(firstMoment + at, count) * s.beta1 + g * (1 - s.beta1);
    const Vector second = loadUpTo(secondMoment + at, count) * s.beta2 + g * g * (1 - s.beta2);
    storeUpTo(firstMoment + at, first, count);
    storeUpTo(secondMoment + at, second, count);
    Vector deviation{};
    for (int64_t lane = 0; lane < kLanes; lane++) deviation[lane] = sqrtf(second[lane]);
    storeUpTo(parameter + at, loadUpTo(parameter + at, count) * s.decay - first / (deviation * root + s.epsilon) * step, count);
  });
}

void cacheWrite(const Threads& threads, int64_t batch, int64_t time, int64_t capacity, int64_t width, int64_t offset, const float* update, float* buffer) {
  inParallel(threads, batch, batch * time * width / 8, [&](int64_t row) { memcpy(buffer + (row * capacity + offset) * width, update + row * time * width, time * width * sizeof(float)); });
}

void rotary(const Threads& threads, int64_t batch, int64_t time, int64_t heads, int64_t headWidth, const float* input, const float* cos, const float* sin, int64_t angleBatch, bool inverse, float* output) {
  const int64_t half = headWidth / 2, width = heads * headWidth;
  const float sign = inverse ? -1.f : 1.f;
  inParallel(threads, ceilDiv(batch * time, 8), batch * time * width / 4, [&](int64_t part) {
    for (int64_t place = part * 8; place < minimum(batch * time, (part + 1) * 8); place++) {
      const int64_t angle = (angleBatch == 1 ? place % time : place) * half;
      for (int64_t head = 0; head < heads; head++) {
        const float* from = input + place * width + head * headWidth;
        float* to = output + place * width + head * headWidth;
        everyVectorOfRow(half, [&](int64_t at, int64_t count) {
          const Vector cosine = loadUpTo(cos + angle + at, count), sine = loadUpTo(sin + angle + at, count) * sign;
          const Vector first = loadUpTo(from + at, count), second = loadUpTo(from + half + at, count);
          storeUpTo(to + at, first * cosine - second * sine, count);
          storeUpTo(to + half + at, second * cosine + first * sine, count);
        });
      }
    }
  });
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
