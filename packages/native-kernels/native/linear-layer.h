// A linear layer inside a block, with what may stand on it.
#pragma once

#include "kernels.h"

namespace subtext {

/** A low-rank addition to a layer (LoRA): `scaling · input · downᵀ · upᵀ`, down `[rank, in]`, up `[out, rank]`. None of rank 0. */
struct LowRankWeights {
  const float *down, *up;
  int64_t rank;
  float scaling;
};

/** `[in, out]`, or `[out, in]` if `transposed`; no bias is null. A weight that is null is absent. */
struct LinearWeights {
  Weight weight;
  const float* bias;
  int64_t out;
  bool transposed;
  LowRankWeights adapter = {nullptr, nullptr, 0, 0};
};

/** Of a linear layer or a norm, whose scale is its weight. What is null, or absent, is not computed. */
struct LayerGradients {
  float *weight, *bias;
  float *down = nullptr, *up = nullptr;
};

/** `input · weight` with the addition, finished as said; the epilogue's bias and `before` are the layer's own. All are false where memory ran out. */
bool applyLayer(const Kernels&, const Threads&, const LinearWeights&, int64_t rows, int64_t in, const float* input, float* output, Epilogue epilogue = {});
/** The gradient of what a layer read, from its output's. */
bool inputGradient(const Kernels&, const Threads&, const LinearWeights&, int64_t rows, int64_t in, const float* gradient, float* result, Epilogue epilogue = {});
bool weightGradients(const Kernels&, const Threads&, const LinearWeights&, int64_t rows, int64_t in, const float* input, const float* gradient, const LayerGradients&);

}  // namespace subtext
