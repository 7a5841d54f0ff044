#include "block-operations.h"

#include "continued-block.h"
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

/** What a block keeps, as outputs from `first` on. */
BlockValues newValues(Call& call, const TransformerBlock& b, int first, int64_t projected) {
  const int64_t rows = b.rows();
  BlockValues v;
  v.attentionNormal = call.output(first, {rows, b.width});
  v.attentionStatistics = call.output(first + 1, {statistics(b)});
  v.projected = call.output(first + 2, {projected});
  v.attended = call.output(first + 3, {rows, b.queryWidth()});
  v.logSumExp = call.output(first + 4, {b.batch, b.attention.heads, b.time});
  v.hidden = call.output(first + 5, {rows, b.width});
  v.feedForwardNormal = call.output(first + 6, {rows, b.width});
  v.feedForwardStatistics = call.output(first + 7, {statistics(b)});
  v.inner = call.output(first + 8, {rows, b.innerWidth});
  v.kept = call.output(first + 9, {keptNumbers(b)});
  return v;
}

/** The same, as inputs from `first` on. */
BlockValues keptValues(Call& call, int first) {
  BlockValues v;
  float** const values[] = {&v.attentionNormal, &v.attentionStatistics, &v.projected, &v.attended, &v.logSumExp, &v.hidden, &v.feedForwardNormal, &v.feedForwardStatistics, &v.inner, &v.kept};
  for (float** value : values) *value = call.numbers(first++);
  return v;
}

/** Places for the gradients of the block's tensors, as the first outputs; null for those that are not asked for. */
BlockGradients newGradients(Call& call) {
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
  return g;
}

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
  float* output = call.outputLike(0, 0);
  const BlockValues v = newValues(call, b, 1, b.rows() * (b.queryWidth() + 2 * b.keyWidth()));
  if (call.failed()) return;
  call.require(transformerBlock(bestKernels(), processorThreads(), b, call.numbers(0), v, output));
}

void transformerBlockGradientOf(Call& call) {
  const TransformerBlock b = blockOf(call);
  const BlockValues v = keptValues(call, kBlockInputs + 1);
  const BlockGradients g = newGradients(call);
  if (call.failed()) return;
  call.require(transformerBlockGradient(bestKernels(), processorThreads(), b, call.numbers(0), v, call.numbers(kBlockInputs), g));
}

void continuedBlockOf(Call& call) {
  const int64_t past = call.count(kBlockInputs) == 0 ? 0 : call.size(kBlockInputs, 1);
  const ContinuedBlock b(blockOf(call), past);
  float* output = call.outputLike(0, 0);
  const KeysAndValues all = {call.output(1, {b.batch, past + b.time, b.keyWidth()}), call.output(2, {b.batch, past + b.time, b.keyWidth()})};
  const BlockValues v = newValues(call, b, 3, b.rows() * b.queryWidth());
  if (call.failed()) return;
  call.require(continuedBlock(bestKernels(), processorThreads(), b, call.numbers(0), call.numbers(kBlockInputs), call.numbers(kBlockInputs + 1), v, all, output));
}

void continuedBlockGradientOf(Call& call) {
  constexpr int gradient = kBlockInputs, all = kBlockInputs + 3, values = kBlockInputs + 5;
  const TransformerBlock whole = blockOf(call);
  const ContinuedBlock b(whole, call.size(all, 1) - whole.time);
  const BlockValues v = keptValues(call, values);
  const BlockGradients g = newGradients(call);
  constexpr int past = kWeights + 2 * kLayers;
  const KeysAndValues pastGradients = {call.output(past, {b.batch, b.past, b.keyWidth()}), call.output(past + 1, {b.batch, b.past, b.keyWidth()})};
  if (call.failed()) return;
  const KeysAndValues keys = {call.numbers(all), call.numbers(all + 1)}, gradients = {call.numbers(gradient + 1), call.numbers(gradient + 2)};
  call.require(continuedBlockGradient(bestKernels(), processorThreads(), b, call.numbers(0), v, keys, call.numbers(gradient), gradients, g, pastGradients));
}

}  // namespace subtext
