#include "block-operations.h"

#include "decoder-block.h"
#include "transformer-block.h"

namespace subtext {
namespace {

constexpr int kWeights = 19, kCos = 19, kMask = 21, kSettings = 22, kAdapters = 23, kLayers = 7, kBlockInputs = kAdapters + 2 * kLayers;
constexpr int kFrozen = 15 + kLayers;

/** Inputs `at` and `at + 1` are a layer's weight and bias; it is the block's layer of this number. */
LinearWeights layerAt(Call& call, int at, int layer) {
  if (call.count(at) == 0) return {nullptr, nullptr, 0, false};
  const bool transposed = call.setting(kSettings, 7 + layer) != 0;
  LinearWeights weights = {call.weight(at), call.count(at + 1) == 0 ? nullptr : call.numbers(at + 1), call.size(at, transposed ? 0 : 1), transposed};
  const int down = kAdapters + 2 * layer;
  if (call.count(down) > 0) weights.adapter = {call.numbers(down), call.numbers(down + 1), call.size(down, 0), call.setting(kSettings, 15 + layer)};
  return weights;
}

NormWeights normAt(Call& call, int at, float epsilon) { return {call.numbers(at), call.count(at + 1) == 0 ? nullptr : call.numbers(at + 1), epsilon}; }

TransformerBlock blockOf(Call& call) {
  const float* s = call.numbers(kSettings);
  TransformerBlock b;
  b.batch = call.size(0, 0);
  b.time = call.size(0, 1);
  b.width = call.size(0, 2);
  b.activation = static_cast<int>(s[4]);
  b.attentionNorm = normAt(call, 1, s[5]);
  b.query = layerAt(call, 3, 0);
  b.key = layerAt(call, 5, 1);
  b.value = layerAt(call, 7, 2);
  b.output = layerAt(call, 9, 3);
  b.feedForwardNorm = normAt(call, 11, s[6]);
  b.gate = layerAt(call, 13, 4);
  b.up = layerAt(call, 15, 5);
  b.down = layerAt(call, 17, 6);
  b.innerWidth = b.up.out;
  const bool rotates = call.count(kCos) > 0, masked = call.count(kMask) > 0;
  b.cos = rotates ? call.numbers(kCos) : nullptr;
  b.sin = rotates ? call.numbers(kCos + 1) : nullptr;
  b.angleBatch = rotates ? call.size(kCos, 0) : 0;
  AttentionShape& shape = b.attention;
  shape.batch = b.batch;
  shape.queryTime = shape.keyTime = shape.capacity = b.time;
  shape.heads = static_cast<int64_t>(s[0]);
  shape.keyValueHeads = static_cast<int64_t>(s[1]);
  // One layer may make queries, keys and values side by side.
  shape.headWidth = b.key.weight ? b.query.out / shape.heads : b.query.out / (shape.heads + 2 * shape.keyValueHeads);
  shape.causal = s[2] != 0;
  shape.scale = s[3];
  shape.mask = masked ? call.integers(kMask) : nullptr;
  shape.maskRows = masked && call.rank(kMask) == 3 ? call.size(kMask, 1) : 1;
  shape.queryStride = b.queryWidth();
  shape.keyStride = b.keyWidth();
  return b;
}

/** Numbers of a norm's row statistics. */
int64_t statistics(const TransformerBlock& b) { return 2 * b.rows(); }
/** Numbers that are kept of the feed-forward part beside what its last layer reads. */
int64_t keptNumbers(const TransformerBlock& b) { return b.gate.weight ? 2 * b.rows() * b.innerWidth : b.activation == kNone ? 0 : b.rows() * b.innerWidth; }

}  // namespace

void decoderBlockOf(Call& call) {
  DecoderBlock b = {blockOf(call), call.numbers(kBlockInputs), call.numbers(kBlockInputs + 1), static_cast<int64_t>(call.setting(kSettings, 14))};
  b.attention.keyTime = b.offset + b.time;
  b.attention.capacity = call.size(kBlockInputs, 1);
  float* output = call.outputLike(0, 0);
  if (call.failed()) return;
  call.require(decoderBlock(bestKernels(), processorThreads(), b, call.numbers(0), output));
}

void transformerBlockOf(Call& call) {
  const TransformerBlock b = blockOf(call);
  const int64_t rows = b.rows();
  float* output = call.outputLike(0, 0);
  BlockValues v;
  v.attentionNormal = call.output(1, {rows, b.width});
  v.attentionStatistics = call.output(2, {statistics(b)});
  v.projected = call.output(3, {rows * (b.queryWidth() + 2 * b.keyWidth())});
  v.attended = call.output(4, {rows, b.queryWidth()});
  v.logSumExp = call.output(5, {b.batch, b.attention.heads, b.time});
  v.hidden = call.output(6, {rows, b.width});
  v.feedForwardNormal = call.output(7, {rows, b.width});
  v.feedForwardStatistics = call.output(8, {statistics(b)});
  v.inner = call.output(9, {rows, b.innerWidth});
  v.kept = call.output(10, {keptNumbers(b)});
  if (call.failed()) return;
  call.require(transformerBlock(bestKernels(), processorThreads(), b, call.numbers(0), v, output));
}

void transformerBlockGradientOf(Call& call) {
  const TransformerBlock b = blockOf(call);
  BlockValues v;
  float** const values[] = {&v.attentionNormal, &v.attentionStatistics, &v.projected, &v.attended, &v.logSumExp, &v.hidden, &v.feedForwardNormal, &v.feedForwardStatistics, &v.inner, &v.kept};
  int next = kBlockInputs + 1;
  for (float** value : values) *value = call.numbers(next++);
  BlockGradients g;
  float** const gradients[kWeights] = {&g.input, &g.attentionNorm.weight, &g.attentionNorm.bias, &g.query.weight, &g.query.bias, &g.key.weight, &g.key.bias, &g.value.weight, &g.value.bias,
                                       &g.output.weight, &g.output.bias, &g.feedForwardNorm.weight, &g.feedForwardNorm.bias, &g.gate.weight, &g.gate.bias, &g.up.weight, &g.up.bias, &g.down.weight, &g.down.bias};
  const bool frozen = call.setting(kSettings, kFrozen) != 0;
  for (int index = 0; index < kWeights; index++) {
    float* place = frozen && index > 0 ? call.output(index, {0}) : call.outputLike(index, index);
    *gradients[index] = frozen && index > 0 ? nullptr : place;
  }
  LayerGradients* const layers[kLayers] = {&g.query, &g.key, &g.value, &g.output, &g.gate, &g.up, &g.down};
  for (int layer = 0; layer < kLayers; layer++) {
    layers[layer]->down = call.outputLike(kWeights + 2 * layer, kAdapters + 2 * layer);
    layers[layer]->up = call.outputLike(kWeights + 2 * layer + 1, kAdapters + 2 * layer + 1);
  }
  if (call.failed()) return;
  call.require(transformerBlockGradient(bestKernels(), processorThreads(), b, call.numbers(0), v, call.numbers(kBlockInputs), g));
}

}  // namespace subtext
