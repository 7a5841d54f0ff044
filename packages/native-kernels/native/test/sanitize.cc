// Runs every kernel of every level that this processor has on odd shapes, each tensor in a block of exactly its size: under
// AddressSanitizer a number read or written beside one ends the program, under ThreadSanitizer a race does, and under
// UndefinedBehaviorSanitizer what C++ does not define. Levels must agree; the parity suite holds them against float64.
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../continued-block.h"
#include "../decoder-block.h"
#include "../kernels.h"
#include "../read-weights.h"
#include "../transformer-block.h"
#include "../weight-store.h"

namespace subtext {
namespace avx512 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
namespace baseline { extern const Kernels kernels; }
}  // namespace subtext

using namespace subtext;

namespace {

uint32_t seed = 1;
float draw() {
  seed = seed * 1664525u + 1013904223u;
  return static_cast<float>(static_cast<double>(seed >> 8) / (1 << 24) * 2 - 1);
}

/** Tensors of one round; freed together. */
struct Arena {
  std::vector<void*> blocks;
  ~Arena() {
    for (void* block : blocks) free(block);
  }
  float* empty(int64_t count) {
    // Only as aligned as JavaScript's and TensorFlow's smallest tensors are.
    float* block = static_cast<float*>(malloc(static_cast<size_t>(count) * sizeof(float)));
    blocks.push_back(block);
    for (int64_t index = 0; index < count; index++) block[index] = 0;
    return block;
  }
  float* random(int64_t count) {
    float* block = empty(count);
    for (int64_t index = 0; index < count; index++) block[index] = draw();
    return block;
  }
  int32_t* integers(int64_t count, int limit) {
    int32_t* block = static_cast<int32_t*>(malloc(static_cast<size_t>(count) * sizeof(int32_t)));
    blocks.push_back(block);
    for (int64_t index = 0; index < count; index++) block[index] = static_cast<int32_t>((draw() + 1) / 2 * static_cast<float>(limit) * 0.999f);
    return block;
  }
};

/** All outputs of a level's run, one after another, to be held against another level's. */
struct Results {
  std::vector<float> values;
  void take(const float* from, int64_t count) { values.insert(values.end(), from, from + count); }
};

void need(bool memory) {
  if (!memory) {
    fprintf(stderr, "a kernel had no memory\n");
    exit(1);
  }
}

void norms(const Kernels& k, const Threads& t, Results& results) {
  for (const auto& [rows, width] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {7, 33}, {130, 67}}) {
    Arena a;
    float *input = a.random(rows * width), *scale = a.random(width), *bias = a.random(width), *gradient = a.random(rows * width), *output = a.empty(rows * width), *mean = a.empty(rows), *inverse = a.empty(rows);
    float *toInput = a.empty(rows * width), *toScale = a.empty(width), *toBias = a.empty(width);
    k.layerNormForward(t, rows, width, input, scale, bias, 1e-5f, output, mean, inverse);
    results.take(output, rows * width);
    need(k.layerNormBackward(t, rows, width, gradient, input, scale, mean, inverse, nullptr, toInput, toScale, toBias));
    results.take(toScale, width);
    k.rmsNormForward(t, rows, width, input, scale, 1e-5f, output, inverse);
    need(k.rmsNormBackward(t, rows, width, gradient, input, scale, inverse, gradient, toInput, toScale));
    results.take(toInput, rows * width);
    need(k.sumRows(t, rows, width, input, toBias));
    results.take(toBias, width);
  }
}

void elementwise(const Kernels& k, const Threads& t, Results& results) {
  for (int activation = kNone; activation <= kTanh; activation++) {
    for (const int64_t size : {1, 7, 64, 1003}) {
      Arena a;
      float *first = a.random(size), *second = a.random(size), *third = a.random(size), *output = a.empty(size), *other = a.empty(size);
      k.activate(t, size, activation, first, output);
      results.take(output, size);
      k.activateBackward(t, size, activation, first, second, output);
      results.take(output, size);
      k.gated(t, size, activation, first, second, output);
      results.take(output, size);
      k.gatedBackward(t, size, activation, first, second, third, output, other);
      results.take(output, size);
      results.take(other, size);
    }
  }
}

void products(const Kernels& k, const Threads& t, Results& results) {
  for (const auto& [rows, in, out] : {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1}, {1, 64, 96}, {3, 5, 7}, {7, 301, 130}, {25, 130, 41}, {67, 129, 48}, {140, 70, 270}}) {
    for (const bool transposed : {false, true}) {
      for (const int activation : {kNone, kGelu, kSilu}) {
        Arena a;
        float *input = a.random(rows * in), *weight = a.random(in * out), *output = a.empty(rows * out);
        Epilogue epilogue;
        if (activation != kNone) {
          epilogue.bias = a.random(out);
          epilogue.derivative = a.empty(rows * out);
          epilogue.added = a.random(rows * out);
        }
        epilogue.activation = activation;
        need(k.linear(t, rows, in, out, input, weight, transposed, epilogue, output));
        results.take(output, rows * out);
        if (activation != kNone) continue;
        float* product = a.empty(in * out);
        need(k.transposedProduct(t, rows, in, out, input, output, product));
        results.take(product, in * out);
      }
    }
  }
}

void attends(const Kernels& k, const Threads& t, Results& results) {
  struct Case { int64_t batch, queryTime, keyTime, capacity, heads, keyValueHeads, headWidth; bool causal; int mask; };
  for (const Case& c : {Case{1, 1, 1, 1, 1, 1, 1, false, 0}, Case{2, 5, 5, 5, 3, 3, 7, true, 0}, Case{2, 1, 9, 12, 4, 2, 6, true, 1}, Case{5, 3, 19, 21, 4, 1, 20, true, 2}, Case{1, 6, 2, 2, 2, 2, 4, true, 0}, Case{2, 37, 41, 41, 2, 1, 33, true, 1}, Case{1, 70, 97, 97, 2, 2, 16, false, 2}}) {
    Arena a;
    AttentionShape s{};
    s.batch = c.batch, s.queryTime = c.queryTime, s.keyTime = c.keyTime, s.capacity = c.capacity, s.heads = c.heads, s.keyValueHeads = c.keyValueHeads, s.headWidth = c.headWidth, s.causal = c.causal;
    s.scale = 1 / std::sqrt(static_cast<float>(c.headWidth));
    s.maskRows = c.mask == 2 ? c.queryTime : 1;
    s.mask = c.mask ? a.integers(c.batch * s.maskRows * c.keyTime, 2) : nullptr;
    s.queryStride = c.heads * c.headWidth;
    s.keyStride = c.keyValueHeads * c.headWidth;
    const int64_t queries = c.batch * c.queryTime * s.queryStride, keys = c.batch * c.capacity * s.keyStride, sums = c.batch * c.heads * c.queryTime;
    float *query = a.random(queries), *key = a.random(keys), *value = a.random(keys), *output = a.empty(queries), *logSumExp = a.empty(sums);
    need(k.attentionForward(t, s, query, key, value, output, logSumExp));
    results.take(output, queries);
    if (c.capacity != c.keyTime) continue;
    float *gradient = a.random(queries), *toQuery = a.empty(queries), *toKey = a.empty(keys), *toValue = a.empty(keys);
    need(k.attentionBackward(t, s, gradient, query, key, value, output, logSumExp, toQuery, toKey, toValue));
    results.take(toQuery, queries);
    results.take(toKey, keys);
    results.take(toValue, keys);
  }
}

void tokens(const Kernels& k, const Threads& t, Results& results) {
  for (const auto& [count, width, vocabulary] : {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1}, {11, 5, 7}, {76, 33, 101}}) {
    Arena a;
    int32_t* ids = a.integers(count, static_cast<int>(vocabulary));
    float *table = a.random(vocabulary * width), *gradient = a.random(count * width), *rows = a.empty(count * width), *toTable = a.empty(vocabulary * width);
    k.embedding(t, count, width, table, ids, rows);
    results.take(rows, count * width);
    k.embeddingBackward(t, count, width, vocabulary, gradient, ids, toTable);
    results.take(toTable, vocabulary * width);
    ids[0] = -100;
    float *logits = a.random(count * vocabulary), *losses = a.empty(count), *logSumExp = a.empty(count), *upstream = a.random(count), *toLogits = a.empty(count * vocabulary);
    k.crossEntropyForward(t, count, vocabulary, logits, ids, -100, losses, logSumExp);
    results.take(losses, count);
    k.crossEntropyBackward(t, count, vocabulary, upstream, logits, ids, logSumExp, -100, toLogits);
    results.take(toLogits, count * vocabulary);
  }
}

void state(const Kernels& k, const Threads& t, Results& results) {
  for (const int64_t size : {1, 7, 1003, 70001}) {
    Arena a;
    float *parameter = a.random(size), *gradient = a.random(size), *first = a.empty(size), *second = a.empty(size);
    k.adamW(t, size, {0.1f, 0.9f, 0.999f, 1e-8f, 0.99f, 0.1f, 0.001f, 0.5f}, parameter, gradient, first, second);
    results.take(parameter, size);
    const float sum = static_cast<float>(k.sumOfSquares(t, size, gradient));
    results.take(&sum, 1);
  }
  Arena a;
  const int64_t batch = 3, time = 2, capacity = 5, width = 7, heads = 2, headWidth = 6;
  float* buffer = a.empty(batch * capacity * width);
  k.cacheWrite(t, batch, time, capacity, width, 3, a.random(batch * time * width), buffer);
  results.take(buffer, batch * capacity * width);
  for (const int64_t angles : {int64_t{1}, batch}) {
    float* turned = a.empty(batch * time * heads * headWidth);
    // One after the other: in which order arguments are made is the compiler's.
    float *input = a.random(batch * time * heads * headWidth), *cos = a.random(angles * time * headWidth / 2), *sin = a.random(angles * time * headWidth / 2);
    k.rotary(t, batch, time, heads, headWidth, input, cos, sin, angles, angles == 1, turned);
    results.take(turned, batch * time * heads * headWidth);
  }
}

/** Whole blocks: GPT-2's (packed, layer norm, biases) and Llama's (grouped heads, gate, rotary positions), over a cache and trained. */
void blocks(const Kernels& k, const Threads& t, Results& results) {
  for (const bool packed : {true, false}) {
    // Each with and without a mask, with and without low-rank additions to its layers.
    for (const int variant : {0, 1, 2, 3}) {
      const bool masked = variant & 1, adapted = variant & 2;
      Arena a;
      const int64_t batch = 2, time = 5, width = 24, inner = 35, heads = 4, keyHeads = packed ? 4 : 2, headWidth = packed ? 6 : 8, queryWidth = heads * headWidth, keyWidth = keyHeads * headWidth, rows = batch * time;
      const int64_t rank = 3;
      auto layer = [&](int64_t in, int64_t out) {
        LinearWeights made{a.random(in * out), packed ? a.random(out) : nullptr, out, !packed};
        if (adapted) made.adapter = {a.random(rank * in), a.random(rank * out), rank, 0.7f};
        return made;
      };
      auto norm = [&] { return NormWeights{a.random(width), packed ? a.random(width) : nullptr, 1e-5f}; };
      const LinearWeights absent = {nullptr, nullptr, 0, false};
      TransformerBlock b{};
      b.batch = batch, b.time = time, b.width = width, b.innerWidth = inner, b.activation = packed ? kGeluTanh : kSilu;
      b.attentionNorm = norm(), b.feedForwardNorm = norm();
      b.query = layer(width, packed ? queryWidth + 2 * keyWidth : queryWidth);
      b.key = packed ? absent : layer(width, keyWidth), b.value = packed ? absent : layer(width, keyWidth);
      b.output = layer(queryWidth, width), b.gate = packed ? absent : layer(width, inner), b.up = layer(width, inner), b.down = layer(inner, width);
      b.angleBatch = packed ? 0 : 1;
      b.cos = packed ? nullptr : a.random(time * headWidth / 2), b.sin = packed ? nullptr : a.random(time * headWidth / 2);
      AttentionShape& s = b.attention;
      s.batch = batch, s.queryTime = s.keyTime = s.capacity = time, s.heads = heads, s.keyValueHeads = keyHeads, s.headWidth = headWidth, s.causal = true, s.scale = 0.4f;
      s.mask = masked ? a.integers(batch * time, 2) : nullptr, s.maskRows = 1, s.queryStride = queryWidth, s.keyStride = keyWidth;
      float *input = a.random(rows * width), *output = a.empty(rows * width);
      BlockValues v{a.empty(rows * width), a.empty(rows * width), a.empty(rows * width), a.empty(2 * rows), a.empty(2 * rows), a.empty(rows * (queryWidth + 2 * keyWidth)), a.empty(rows * queryWidth), a.empty(batch * heads * time), a.empty(rows * inner), a.empty(packed ? rows * inner : 2 * rows * inner)};
      need(transformerBlock(k, t, b, input, v, output));
      results.take(output, rows * width);
      // Over frozen weights, where there are additions: then those alone have gradients.
      auto gradientOf = [&](const LinearWeights& one, int64_t in) {
        LayerGradients made{one.weight && !adapted ? a.empty(in * one.out) : nullptr, one.bias && !adapted ? a.empty(one.out) : nullptr};
        if (adapted) made.down = a.empty(rank * in), made.up = a.empty(rank * one.out);
        return made;
      };
      auto gradientOfNorm = [&] { return LayerGradients{adapted ? nullptr : a.empty(width), packed && !adapted ? a.empty(width) : nullptr}; };
      BlockGradients g{a.empty(rows * width), gradientOfNorm(), gradientOfNorm(), gradientOf(b.query, width), gradientOf(b.key, width), gradientOf(b.value, width), gradientOf(b.output, queryWidth), gradientOf(b.gate, width), gradientOf(b.up, width), gradientOf(b.down, inner)};
      need(transformerBlockGradient(k, t, b, input, v, a.random(rows * width), g));
      results.take(g.input, rows * width);
      results.take(adapted ? g.query.down : g.query.weight, adapted ? rank * width : width * b.query.out);
      results.take(adapted ? g.down.up : g.down.weight, adapted ? rank * width : inner * width);
      // The same block behind earlier keys and values.
      for (const int64_t past : {0, 4}) {
        const int64_t total = past + time, all = batch * total * keyWidth, before = batch * past * keyWidth;
        TransformerBlock behind = b;
        behind.attention.mask = masked ? a.integers(batch * time * total, 2) : nullptr, behind.attention.maskRows = time;
        const ContinuedBlock continued(behind, past);
        float *pastKey = a.random(before), *pastValue = a.random(before), *gradient = a.random(rows * width), *toKey = a.random(all), *toValue = a.random(all);
        const KeysAndValues keysAndValues = {a.empty(all), a.empty(all)}, pastGradients = {a.empty(before), a.empty(before)};
        BlockValues kept = v;
        kept.projected = a.empty(rows * queryWidth);
        need(continuedBlock(k, t, continued, input, pastKey, pastValue, kept, keysAndValues, output));
        results.take(output, rows * width);
        results.take(keysAndValues.key, all);
        need(continuedBlockGradient(k, t, continued, input, kept, keysAndValues, gradient, {toKey, toValue}, g, pastGradients));
        results.take(g.input, rows * width);
        results.take(pastGradients.value, before);
      }
      // The same block over a cache, full to its last row.
      const int64_t offset = 4, capacity = offset + time;
      s.keyTime = s.capacity = capacity;
      s.mask = masked ? a.integers(batch * capacity, 2) : nullptr;
      float *keys = a.random(batch * capacity * keyWidth), *values = a.random(batch * capacity * keyWidth);
      const DecoderBlock decoder(b, keys, values, offset);
      need(decoderBlock(k, t, decoder, input, output));
      results.take(output, rows * width);
      results.take(decoder.keyCache, batch * capacity * keyWidth);
    }
  }
}

/** Weights in fewer bits: a product by each equals that by its widened numbers. */
void storedWeights(const Kernels& k, const Threads& t, Results& results) {
  for (const int type : {kBfloat16Weight, kInt8Weight, kNormalFloat4Weight}) {
    for (const auto& [rows, in, out] : {std::tuple<int64_t, int64_t, int64_t>{1, 1, 1}, {1, 64, 96}, {3, 65, 7}, {7, 301, 130}, {25, 130, 41}, {140, 70, 270}}) {
      for (const bool transposed : {false, true}) {
        Arena a;
        const int64_t first = transposed ? out : in, second = transposed ? in : out;
        float *input = a.random(rows * in), *values = a.random(first * second), *wide = a.empty(first * second), *output = a.empty(rows * out), *other = a.empty(rows * out);
        const int32_t number = makeWeight(type, first, second);
        if (number < 0 || fillWeight(t, number, 0, first, values) != 0 || fillWeight(t, number, first, 1, values) == 0) {
          fprintf(stderr, "a weight of type %d could not be filled\n", type);
          exit(1);
        }
        const Weight weight = findWeight(number)->weight();
        k.widen(t, 0, first, second, weight, wide);
        need(k.linear(t, rows, in, out, input, weight, transposed, Epilogue(), output));
        need(k.linear(t, rows, in, out, input, wide, transposed, Epilogue(), other));
        if (memcmp(output, other, static_cast<size_t>(rows * out) * sizeof(float)) != 0) {
          fprintf(stderr, "%s: a product by a weight of type %d is not that by its numbers\n", k.level, type);
          exit(1);
        }
        results.take(output, rows * out);
        const int32_t* ids = a.integers(5, static_cast<int>(first));
        float* found = a.empty(5 * second);
        k.embedding(t, 5, second, weight, ids, found);
        results.take(found, 5 * second);
        freeWeight(number);
        freeWeight(number);
        if (findWeight(number)) exit(1);
      }
    }
  }
}

void reading(const Threads& t) {
  char name[] = "/tmp/subtext-sanitize-XXXXXX";
  const int file = mkstemp(name);
  unlink(name);
  const int64_t count = 100003;
  std::vector<char> bytes(static_cast<size_t>(count) * 4 + 3, 1);
  if (write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) exit(1);
  for (const int type : {kFloat32, kBfloat16, kFloat16}) {
    Arena a;
    if (readWeights(t, file, 3, type, count, a.empty(count)) != 0 || readWeights(t, file, 300000, type, count, a.empty(count)) == 0 || readWeights(t, file, 0, type, 0, a.empty(1)) != 0) {
      fprintf(stderr, "readWeights gave another answer than it should for type %d\n", type);
      exit(1);
    }
    for (const int kept : {kBfloat16Weight, kFloat16Weight, kInt8Weight}) {
      const int32_t number = makeWeight(kept, 9, 101);
      const bool takes = kept != kFloat16Weight || type == kFloat16;
      if ((fillWeightFromFile(t, number, 1, 8, file, 3, type) == 0) != takes || fillWeightFromFile(t, number, 0, 9, file, 400000, type) == 0 || fillWeightFromFile(t, number, 2, 8, file, 3, type) != kNoSuchRows) {
        fprintf(stderr, "fillWeightFromFile gave another answer than it should for type %d as %d\n", type, kept);
        exit(1);
      }
      freeWeight(number);
    }
  }
  close(file);
}

}  // namespace

int main() {
  const Threads& t = processorThreads();
  std::vector<const Kernels*> levels = {&baseline::kernels};
#if defined(SUBTEXT_HAS_LEVELS)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) levels.push_back(&avx2::kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) levels.push_back(&avx512::kernels);
#endif
  std::vector<float> expected;
  for (const Kernels* level : levels) {
    seed = 1;
    Results results;
    norms(*level, t, results);
    elementwise(*level, t, results);
    products(*level, t, results);
    attends(*level, t, results);
    tokens(*level, t, results);
    state(*level, t, results);
    blocks(*level, t, results);
    storedWeights(*level, t, results);
    if (expected.empty()) expected = results.values;
    double worst = 0;
    for (size_t index = 0; index < expected.size(); index++) {
      const double difference = std::fabs(static_cast<double>(results.values[index]) - expected[index]) / (1 + std::fabs(static_cast<double>(expected[index])));
      if (!(difference <= worst)) worst = difference;
    }
    if (results.values.size() != expected.size() || !(worst < 1e-3)) {
      fprintf(stderr, "%s differs from baseline by %g\n", level->level, worst);
      return 1;
    }
    // The sum tells other processors' results apart from these.
    double sum = 0;
    for (const float value : results.values) sum += std::fabs(static_cast<double>(value));
    printf("%s: %zu numbers of the sum %.6e, at most %.1e from baseline\n", level->level, results.values.size(), sum, worst);
  }
  reading(t);
  return 0;
}
