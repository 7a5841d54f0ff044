// What the kernels are: one table of functions for each level of the processor's vectors, compiled from the same source.
// All numbers are float32, row after row; `rows × width` unless said otherwise. They compute with any number of threads
// what they compute with one, to the last bit: work is cut by its size, never by the number of threads.
#pragma once

#include <cstdint>

#include "weight.h"

namespace subtext {

/** Runs `task(context, 0 … count − 1)` on all threads; returns when all are done. */
struct Threads {
  int count;
  void (*run)(int64_t count, void (*task)(void* context, int64_t index), void* context);
};

/** As in `Activation` of the TypeScript side: the numbers are agreed with `activation-codes.ts`. */
enum Activation { kNone = 0, kGelu = 1, kGeluTanh = 2, kQuickGelu = 3, kSilu = 4, kRelu = 5, kTanh = 6 };

struct AttentionShape {
  int64_t batch, queryTime, keyTime;
  /** Rows of the key and value buffers, of which the first `keyTime` count. */
  int64_t capacity;
  int64_t heads, keyValueHeads, headWidth;
  bool causal;
  float scale;
  /** Null, or `[batch, keyTime]` (`maskRows` 1) or `[batch, queryTime, keyTime]` (`maskRows` queryTime). */
  const int32_t* mask;
  int64_t maskRows;
  /** Numbers from one query to the next, and from one key or value to the next; of their gradients too. */
  int64_t queryStride, keyStride;
};

/** What becomes of a product's sums: `activation(sums + bias + before) · factor + added`. What is absent is null. */
struct Epilogue {
  const float* bias = nullptr;
  /** Of the output's shape. */
  const float* before = nullptr;
  int activation = kNone;
  /** Takes activation′ of the sums with their bias. */
  float* derivative = nullptr;
  /** Both of the output's shape. */
  const float* factor = nullptr;
  const float* added = nullptr;
};

struct AdamWSettings {
  float learningRate, beta1, beta2, epsilon, decay, firstCorrection, secondCorrection, gradientScale;
};

struct Kernels {
  const char* level;
  void (*layerNormForward)(const Threads&, int64_t rows, int64_t width, const float* input, const float* scale, const float* bias, float epsilon, float* output, float* mean, float* inverseDeviation);
  /** `added`, where not null, is added to the input's gradient. False where memory ran out; so below. */
  bool (*layerNormBackward)(const Threads&, int64_t rows, int64_t width, const float* gradient, const float* input, const float* scale, const float* mean, const float* inverseDeviation, const float* added, float* inputGradient, float* scaleGradient, float* biasGradient);
  void (*rmsNormForward)(const Threads&, int64_t rows, int64_t width, const float* input, const float* scale, float epsilon, float* output, float* inverseDeviation);
  bool (*rmsNormBackward)(const Threads&, int64_t rows, int64_t width, const float* gradient, const float* input, const float* scale, const float* inverseDeviation, const float* added, float* inputGradient, float* scaleGradient);
  bool (*sumRows)(const Threads&, int64_t rows, int64_t width, const float* input, float* output);

  void (*activate)(const Threads&, int64_t size, int activation, const float* input, float* output);
  void (*activateBackward)(const Threads&, int64_t size, int activation, const float* gradient, const float* preactivation, float* output);
  void (*gated)(const Threads&, int64_t size, int activation, const float* gate, const float* up, float* output);
  void (*gatedBackward)(const Threads&, int64_t size, int activation, const float* gradient, const float* gate, const float* up, float* gateGradient, float* upGradient);

  /** `output = input · weight`, finished as said; the weight is `[in, out]`, or `[out, in]` if `transposed`. */
  bool (*linear)(const Threads&, int64_t rows, int64_t in, int64_t out, const float* input, const Weight& weight, bool transposed, const Epilogue&, float* output);
  /** `output[i, j] = Σ over rows of left[row, i] · right[row, j]`: the gradient of a weight. */
  bool (*transposedProduct)(const Threads&, int64_t rows, int64_t left, int64_t right, const float* leftValues, const float* rightValues, float* output);

  bool (*attentionForward)(const Threads&, const AttentionShape&, const float* query, const float* key, const float* value, float* output, float* logSumExp);
  bool (*attentionBackward)(const Threads&, const AttentionShape&, const float* gradient, const float* query, const float* key, const float* value, const float* output, const float* logSumExp, float* queryGradient, float* keyGradient, float* valueGradient);
  /** Angles `[batch or 1, time, headWidth / 2]`; in place where `output` is `input`. */
  void (*rotary)(const Threads&, int64_t batch, int64_t time, int64_t heads, int64_t headWidth, const float* input, const float* cos, const float* sin, int64_t angleBatch, bool inverse, float* output);

  /** Ids and labels have been checked. */
  void (*embedding)(const Threads&, int64_t count, int64_t width, const Weight& table, const int32_t* ids, float* output);
  void (*embeddingBackward)(const Threads&, int64_t count, int64_t width, int64_t vocabulary, const float* gradient, const int32_t* ids, float* output);
  void (*crossEntropyForward)(const Threads&, int64_t rows, int64_t vocabulary, const float* logits, const int32_t* labels, int32_t ignored, float* losses, float* logSumExp);
  void (*crossEntropyBackward)(const Threads&, int64_t rows, int64_t vocabulary, const float* gradient, const float* logits, const int32_t* labels, const float* logSumExp, int32_t ignored, float* output);

  double (*sumOfSquares)(const Threads&, int64_t size, const float* values);
  void (*adamW)(const Threads&, int64_t size, const AdamWSettings&, float* parameter, const float* gradient, float* firstMoment, float* secondMoment);
  /** Rows `from … from + count` of a weight `[*, width]`, widened. */
  void (*widen)(const Threads&, int64_t from, int64_t count, int64_t width, const Weight& weight, float* output);
  void (*cacheWrite)(const Threads&, int64_t batch, int64_t time, int64_t capacity, int64_t width, int64_t offset, const float* update, float* buffer);
};

/** The table of the best level that this processor has. */
const Kernels& bestKernels();
/** All of the processor's threads that this process may use; SUBTEXT_THREADS, or TensorFlow's TF_NUM_INTRAOP_THREADS, says how many. */
const Threads& processorThreads();

}  // namespace subtext
