#include "block-operations.h"

#include "decoder-block.h"
#include "transformer-block.h"

namespace subtext {
namespace {

constexpr int kCos = 19, kMask = 21, kSettings = 22, kBlockInputs = 23;

/** Inputs `at` and `at + 1` are a layer's weight and bias. */
LinearWeights layerAt(Call& call, int at, bool transposed) {
  if (call.count(at) == 0) return {nullptr, nullptr, 0, false};
  return {call.numbers(at), call.count(at + 1) == 0 ? nullptr : call.numbers(at + 1), call.size(at, transposed ? 0 : 1), transposed};
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
  b.query = layerAt(call, 3, s[7] != 0);
  b.key = layerAt(call, 5, s[8] != 0);
  b.value = layerAt(call, 7, s[9] != 0);
  b.output = layerAt(call, 9, s[10] != 0);
  b.feedForwardNorm = normAt(call, 11, s[6]);
  b.gate = layerAt(call, 13, s[11] != 0);
  b.up = layerAt(call, 15, s[12] != 0);
  b.down = layerAt(call, 17, s[13] != 0);
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
  float** const gradients[] = {&g.input, &g.attentionNorm.weight, &g.attentionNorm.bias, &g.query.weight, &g.query.bias, &g.key.weight, &g.key.bias, &g.value.weight, &g.value.bias,
                               &g.output.weight, &g.output.bias, &g.feedForwardNorm.weight, &g.feedForwardNorm.bias, &g.gate.weight, &g.gate.bias, &g.up.weight, &g.up.bias, &g.down.weight, &g.down.bias};
  int index = 0;
  for (float** gradient : gradients) {
    *gradient = call.outputLike(index, index);
    index++;
  }
  if (call.failed()) return;
  call.require(transformerBlockGradient(bestKernels(), processorThreads(), b, call.numbers(0), v, call.numbers(kBlockInputs), g));
}

}  // namespace subtext
