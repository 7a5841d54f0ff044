// Reading weights as they are stored: vectors of float32 from 16, 8 or 4 bits. Every number is widened to the same float32
// wherever it is read.
#pragma once

#include "vector.h"
#include "weight.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

typedef uint16_t Halves __attribute__((vector_size(SUBTEXT_VECTOR_BYTES / 2)));
typedef uint32_t UnsignedIntegers __attribute__((vector_size(SUBTEXT_VECTOR_BYTES)));

inline Vector asVector(UnsignedIntegers bits) {
  Vector value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
inline UnsignedIntegers asBits(Vector value) {
  UnsignedIntegers bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
template <typename T>
inline T loadBytes(const void* from) {
  T value;
  memcpy(&value, from, sizeof value);
  return value;
}

/** As many bytes as there are lanes, widened; compilers make numbers one by one of what has no name of their own. */
inline UnsignedIntegers widenBytes(const void* from) {
#if defined(__AVX512F__)
  return (UnsignedIntegers)_mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from)));
#elif defined(__AVX2__)
  return (UnsignedIntegers)_mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(from)));
#else
  const uint8_t* bytes = static_cast<const uint8_t*>(from);
  UnsignedIntegers wide;
  for (int64_t lane = 0; lane < kLanes; lane++) wide[lane] = bytes[lane];
  return wide;
#endif
}
inline Vector widenSignedBytes(const void* from) {
#if defined(__AVX512F__)
  return (Vector)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from))));
#elif defined(__AVX2__)
  return (Vector)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(from))));
#else
  const int8_t* bytes = static_cast<const int8_t*>(from);
  Vector wide;
  for (int64_t lane = 0; lane < kLanes; lane++) wide[lane] = bytes[lane];
  return wide;
#endif
}

/** Half precision: the exponent is moved by a multiplication, which makes subnormal numbers normal too. */
inline Vector widenHalves(Halves halves) {
  const UnsignedIntegers wide = __builtin_convertvector(halves, UnsignedIntegers), magnitude = (wide & 0x7fffu) << 13;
  const UnsignedIntegers special = (UnsignedIntegers)(magnitude >= (UnsignedIntegers{} + 0x0f800000u));
  return asVector(asBits(asVector(magnitude) * 0x1p112f) | (special & 0x7f800000u) | (wide & 0x8000u) << 16);
}

/** Numbers of `kNormalFloat4` by places from 0 to 15. */
inline Vector lookUp(UnsignedIntegers places) {
#if defined(__AVX512F__)
  return (Vector)_mm512_permutexvar_ps((__m512i)places, _mm512_load_ps(kNormalFloat4));
#elif defined(__AVX2__)
  const __m256i at = (__m256i)places;
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(kNormalFloat4), at), high = _mm256_permutevar8x32_ps(_mm256_load_ps(kNormalFloat4 + 8), at);
  return (Vector)_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)));
#else
  Vector values{};
  for (int64_t lane = 0; lane < kLanes; lane++) values[lane] = kNormalFloat4[places[lane]];
  return values;
#endif
}

/** One row of a weight of a type that is known when compiled; columns `at` of `load` are a multiple of kLanes. */
template <WeightType Type>
struct Row;

template <>
struct Row<kFloat32Weight> {
  const float* values;
  Row(const Weight& weight, int64_t columns, int64_t row) : values(static_cast<const float*>(weight.numbers) + row * columns) {}
  Vector load(int64_t at) const { return subtext::SUBTEXT_LEVEL::load(values + at); }
  float one(int64_t at) const { return values[at]; }
  const void* place(int64_t at) const { return values + at; }
};

template <>
struct Row<kBfloat16Weight> {
  const uint16_t* values;
  Row(const Weight& weight, int64_t columns, int64_t row) : values(static_cast<const uint16_t*>(weight.numbers) + row * columns) {}
  Vector load(int64_t at) const { return asVector(__builtin_convertvector(loadBytes<Halves>(values + at), UnsignedIntegers) << 16); }
  float one(int64_t at) const {
    const uint32_t bits = static_cast<uint32_t>(values[at]) << 16;
    return loadBytes<float>(&bits);
  }
  const void* place(int64_t at) const { return values + at; }
};

template <>
struct Row<kFloat16Weight> {
  const uint16_t* values;
  Row(const Weight& weight, int64_t columns, int64_t row) : values(static_cast<const uint16_t*>(weight.numbers) + row * columns) {}
  Vector load(int64_t at) const {
#if defined(__AVX512F__)
    return (Vector)_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + at)));
#else
    return widenHalves(loadBytes<Halves>(values + at));
#endif
  }
  float one(int64_t at) const {
    Halves halves{};
    halves[0] = values[at];
    return widenHalves(halves)[0];
  }
  const void* place(int64_t at) const { return values + at; }
};

template <>
struct Row<kInt8Weight> {
  const int8_t* values;
  float scale;
  Row(const Weight& weight, int64_t columns, int64_t row) : values(static_cast<const int8_t*>(weight.numbers) + row * columns), scale(weight.scales[row]) {}
  Vector load(int64_t at) const { return widenSignedBytes(values + at) * scale; }
  float one(int64_t at) const { return static_cast<float>(values[at]) * scale; }
  const void* place(int64_t at) const { return values + at; }
};

template <>
struct Row<kNormalFloat4Weight> {
  const uint8_t* values;
  const float* scales;
  Row(const Weight& weight, int64_t columns, int64_t row)
      : values(static_cast<const uint8_t*>(weight.numbers) + row * bytesOfRow(kNormalFloat4Weight, columns)), scales(weight.scales + row * blocksOfRow(columns)) {}
  Vector load(int64_t at) const {
    const UnsignedIntegers pairs = widenBytes(place(at));
    return lookUp(at % kRun < kRun / 2 ? pairs & 15u : pairs >> 4) * scales[at / kBlock];
  }
  float one(int64_t at) const {
    const uint8_t pair = *static_cast<const uint8_t*>(place(at));
    return kNormalFloat4[at % kRun < kRun / 2 ? pair & 15 : pair >> 4] * scales[at / kBlock];
  }
  const void* place(int64_t at) const { return values + at / kRun * (kRun / 2) + at % (kRun / 2); }
};

/** Calls `body` with the weight's type as a constant. */
template <typename Body>
inline void withType(WeightType type, Body body) {
  switch (type) {
    case kBfloat16Weight: return body(std::integral_constant<WeightType, kBfloat16Weight>());
    case kFloat16Weight: return body(std::integral_constant<WeightType, kFloat16Weight>());
    case kInt8Weight: return body(std::integral_constant<WeightType, kInt8Weight>());
    case kNormalFloat4Weight: return body(std::integral_constant<WeightType, kNormalFloat4Weight>());
    default: return body(std::integral_constant<WeightType, kFloat32Weight>());
  }
}

/** Numbers `from … from + count` of a row of `columns`. */
inline void widenRow(const Weight& weight, int64_t columns, int64_t row, int64_t from, int64_t count, float* to) {
  withType(weight.type, [&](auto constant) {
    const Row<decltype(constant)::value> own(weight, columns, row);
    int64_t at = 0;
    for (; at < count && (from + at) % kLanes != 0; at++) to[at] = own.one(from + at);
    for (; at + kLanes <= count; at += kLanes) store(to + at, own.load(from + at));
    for (; at < count; at++) to[at] = own.one(from + at);
  });
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
