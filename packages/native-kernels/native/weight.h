// A weight's numbers, however they are stored: kernels widen them as they read them.
#pragma once

#include <cstdint>

namespace subtext {

/** Agreed with `weight-types.ts`. */
enum WeightType { kFloat32Weight = 0, kBfloat16Weight = 1, kFloat16Weight = 2, kInt8Weight = 3, kNormalFloat4Weight = 4 };

/**
 * Row after row. 8-bit numbers have one scale a row. 4-bit ones are places in `kNormalFloat4`, in blocks of `kBlock` with
 * one scale each; a row's last block is filled up. Of 32 of them that lie in 16 bytes, the first 16 are the bytes' low
 * halves, the others their high ones, so that vectors of them lie side by side.
 */
struct Weight {
  const void* numbers;
  WeightType type = kFloat32Weight;
  const float* scales = nullptr;

  Weight(const float* values = nullptr) : numbers(values) {}
  Weight(const void* values, WeightType stored, const float* scalesOfRows) : numbers(values), type(stored), scales(scalesOfRows) {}
  explicit operator bool() const { return numbers != nullptr; }
};

/** 4-bit numbers that share a scale, and how many lie in one run of bytes. */
constexpr int64_t kBlock = 64, kRun = 32;

/** The quantiles of a normal distribution that QLoRA's NF4 rounds to (arXiv 2305.14314). */
alignas(64) constexpr float kNormalFloat4[16] = {-1.f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.f,
                                                 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.f};

inline constexpr int64_t blocksOfRow(int64_t columns) { return (columns + kBlock - 1) / kBlock; }
inline constexpr int64_t bytesOfRow(WeightType type, int64_t columns) {
  return type == kFloat32Weight ? 4 * columns : type == kInt8Weight ? columns : type == kNormalFloat4Weight ? blocksOfRow(columns) * kBlock / 2 : 2 * columns;
}
inline constexpr int64_t scalesOfRow(WeightType type, int64_t columns) { return type == kInt8Weight ? 1 : type == kNormalFloat4Weight ? blocksOfRow(columns) : 0; }

}  // namespace subtext
