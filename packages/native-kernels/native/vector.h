// Vectors as long as the level's registers, and the functions that the kernels need on them. Compiler extensions that
// g++ and clang share; every load and store may be unaligned, since some tensors lie in JavaScript's memory.
#pragma once

#include <math.h>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "aligned-memory.h"
#include "kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define SUBTEXT_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define SUBTEXT_VECTOR_BYTES 32
#else
#define SUBTEXT_VECTOR_BYTES 16
#endif

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

typedef float Vector __attribute__((vector_size(SUBTEXT_VECTOR_BYTES)));
typedef int32_t Integers __attribute__((vector_size(SUBTEXT_VECTOR_BYTES)));
typedef float UnalignedVector __attribute__((vector_size(SUBTEXT_VECTOR_BYTES), aligned(4), may_alias));

constexpr int64_t kLanes = SUBTEXT_VECTOR_BYTES / 4;

inline Vector load(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<UnalignedVector*>(to) = value; }
inline Vector broadcast(float value) { return value - Vector{}; }

/** The first `count` numbers; `rest` in the other lanes. */
inline Vector loadPart(const float* from, int64_t count, float rest = 0) {
#if defined(__AVX512F__)
  return (Vector)_mm512_mask_loadu_ps(_mm512_set1_ps(rest), static_cast<__mmask16>((1u << count) - 1), from);
#endif
  float buffer[kLanes];
  for (int64_t lane = 0; lane < kLanes; lane++) buffer[lane] = lane < count ? from[lane] : rest;
  return load(buffer);
}
inline void storePart(float* to, Vector value, int64_t count) {
#if defined(__AVX512F__)
  return _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), (__m512)value);
#endif
  float buffer[kLanes];
  store(buffer, value);
  for (int64_t lane = 0; lane < count; lane++) to[lane] = buffer[lane];
}

// The lower and the upper halves of two vectors, number by number in turn.
#if SUBTEXT_VECTOR_BYTES == 64
#define SUBTEXT_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SUBTEXT_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif SUBTEXT_VECTOR_BYTES == 32
#define SUBTEXT_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define SUBTEXT_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define SUBTEXT_LOW 0, 4, 1, 5
#define SUBTEXT_HIGH 2, 6, 3, 7
#endif
#if defined(__clang__)
inline Vector mergeLow(Vector a, Vector b) { return __builtin_shufflevector(a, b, SUBTEXT_LOW); }
inline Vector mergeHigh(Vector a, Vector b) { return __builtin_shufflevector(a, b, SUBTEXT_HIGH); }
#else
inline Vector mergeLow(Vector a, Vector b) { return __builtin_shuffle(a, b, Integers{SUBTEXT_LOW}); }
inline Vector mergeHigh(Vector a, Vector b) { return __builtin_shuffle(a, b, Integers{SUBTEXT_HIGH}); }
#endif
#undef SUBTEXT_LOW
#undef SUBTEXT_HIGH

/**
 * Past the caches, for what is not read soon; `to` must lie at a multiple of the vector's size. Other threads see it once the
 * task is counted as done: that is a locked instruction, which such stores do not pass.
 */
inline void storeStreaming(float* to, Vector value) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)value);
#elif defined(__AVX2__)
  _mm256_stream_ps(to, (__m256)value);
#else
  store(to, value);
#endif
}

/** A whole vector, or the first `count` numbers of one. */
inline Vector loadUpTo(const float* from, int64_t count) { return count == kLanes ? load(from) : loadPart(from, count); }
inline void storeUpTo(float* to, Vector value, int64_t count) { count == kLanes ? store(to, value) : storePart(to, value, count); }

/** The sum of all lanes, by halves. */
inline float sumOf(Vector value) {
#if SUBTEXT_VECTOR_BYTES >= 32
  typedef float Half __attribute__((vector_size(SUBTEXT_VECTOR_BYTES / 2)));
  Half halves[2];
  memcpy(halves, &value, sizeof value);
  const Half half = halves[0] + halves[1];
#if SUBTEXT_VECTOR_BYTES >= 64
  typedef float Quarter __attribute__((vector_size(SUBTEXT_VECTOR_BYTES / 4)));
  Quarter quarters[2];
  memcpy(quarters, &half, sizeof half);
  const Quarter rest = quarters[0] + quarters[1];
#else
  const Half rest = half;
#endif
#else
  const Vector rest = value;
#endif
  return (rest[0] + rest[2]) + (rest[1] + rest[3]);
}

// NaN compares false, so that it passes through both.
inline Vector atLeast(Vector value, float bound) { return value < broadcast(bound) ? broadcast(bound) : value; }
inline Vector atMost(Vector value, float bound) { return value > broadcast(bound) ? broadcast(bound) : value; }
inline Vector maximum(Vector a, Vector b) { return b > a ? b : a; }

/** e^x within 2 units in the last place; below −87.3 the smallest normal number, above 88.3 the largest power. */
inline Vector exponential(Vector x) {
  x = atMost(atLeast(x, -87.33654f), 88.37626f);
  // Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits.
  const Vector shifted = x * 1.44269504f + 12582912.f;
  const Vector whole = shifted - 12582912.f;
  // ln 2 in two parts, the first short enough that its product is exact (Cephes, expf).
  const Vector rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  Vector sum = rest * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  sum = sum * rest * rest + rest + 1.f;
  Integers power;
  memcpy(&power, &shifted, sizeof power);
  power = (power + (127 - 0x4b400000)) << 23;
  Vector scale;
  memcpy(&scale, &power, sizeof scale);
  return sum * scale;
}

inline Vector sigmoid(Vector x) { return 1.f / (1.f + exponential(-x)); }

/** The error function by a rational approximation, within 2e-7 (the one of Eigen). */
inline Vector errorFunction(Vector x) {
  x = atMost(atLeast(x, -4.f), 4.f);
  const Vector square = x * x;
  Vector above = square * -2.72614225801306e-10f + 2.77068142495902e-08f;
  above = above * square + -2.10102402082508e-06f;
  above = above * square + -5.69250639462346e-05f;
  above = above * square + -7.34990630326855e-04f;
  above = above * square + -2.95459980854025e-03f;
  above = above * square + -1.60960333262415e-02f;
  Vector below = square * -1.45660718464996e-05f + -2.13374055278905e-04f;
  below = below * square + -1.68282697438203e-03f;
  below = below * square + -7.37332916720468e-03f;
  below = below * square + -1.42647390514189e-02f;
  return x * above / below;
}

template <typename Task>
void callTask(void* task, int64_t index) {
  (*static_cast<Task*>(task))(index);
}

/** Calls `task(0 … count − 1)`, on several threads if the work, in steps of about a nanosecond, is worth it. */
template <typename Task>
inline void inParallel(const Threads& threads, int64_t count, int64_t work, Task task) {
  if (count > 1 && threads.count > 1 && work > 20000) {
    threads.run(count, &callTask<Task>, &task);
  } else {
    for (int64_t index = 0; index < count; index++) task(index);
  }
}

/** Σ over a row of what `value(at, count)` gives for each vector of it. */
template <typename Value>
inline float sumRow(int64_t width, Value value) {
  Vector sum{};
  int64_t at = 0;
  for (; at + kLanes <= width; at += kLanes) sum += value(at, kLanes);
  float total = sumOf(sum);
  if (at < width) {
    const Vector rest = value(at, width - at);
    for (int64_t lane = 0; lane < width - at; lane++) total += rest[lane];
  }
  return total;
}

/** Calls `body(at, count)` for each vector of a row; `count` is below `kLanes` only in the last. */
template <typename Body>
inline void everyVectorOfRow(int64_t width, Body body) {
  int64_t at = 0;
  for (; at + kLanes <= width; at += kLanes) body(at, kLanes);
  if (at < width) body(at, width - at);
}

/** Memory that a kernel needs while it runs; null where there is none. */
struct Scratch {
  float* values;
  explicit Scratch(int64_t count) : values(static_cast<float*>(allocateAligned(static_cast<size_t>(count > 0 ? count : 1) * sizeof(float)))) {}
  ~Scratch() { freeAligned(values); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

/** A number that is known when compiled, as an argument. */
template <int Value>
struct Constant {
  static constexpr int value = Value;
};

inline int64_t minimum(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t ceilDiv(int64_t size, int64_t part) { return (size + part - 1) / part; }

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
