#include "operations.h"

#include "block-operations.h"

namespace subtext {
namespace {

const Kernels& k() { return bestKernels(); }
const Threads& t() { return processorThreads(); }

void layerNorm(Call& call) {
  const int64_t rows = call.rows(0), width = call.width(0);
  float* output = call.outputLike(0, 0);
  float* mean = call.output(1, {rows});
  float* inverse = call.output(2, {rows});
  if (call.failed()) return;
  k().layerNormForward(t(), rows, width, call.numbers(0), call.numbers(1), call.numbers(2), call.setting(3, 0), output, mean, inverse);
}

void layerNormGradient(Call& call) {
  const int64_t rows = call.rows(0), width = call.width(0);
  float* input = call.outputLike(0, 0);
  float* scale = call.output(1, {width});
  float* bias = call.output(2, {width});
  if (call.failed()) return;
  call.require(k().layerNormBackward(t(), rows, width, call.numbers(0), call.numbers(1), call.numbers(2), call.numbers(3), call.numbers(4), nullptr, input, scale, bias));
}

void rmsNorm(Call& call) {
  const int64_t rows = call.rows(0), width = call.width(0);
  float* output = call.outputLike(0, 0);
  float* inverse = call.output(1, {rows});
  if (call.failed()) return;
  k().rmsNormForward(t(), rows, width, call.numbers(0), call.numbers(1), call.setting(2, 0), output, inverse);
}

void rmsNormGradient(Call& call) {
  const int64_t rows = call.rows(0), width = call.width(0);
  float* input = call.outputLike(0, 0);
  float* scale = call.output(1, {width});
  if (call.failed()) return;
  call.require(k().rmsNormBackward(t(), rows, width, call.numbers(0), call.numbers(1), call.numbers(2), call.numbers(3), nullptr, input, scale));
}

void sumRows(Call& call) {
  float* output = call.output(0, {call.width(0)});
  if (call.failed()) return;
  call.require(k().sumRows(t(), call.rows(0), call.width(0), call.numbers(0), output));
}

void activate(Call& call) {
  float* output = call.outputLike(0, 0);
  if (call.failed()) return;
  k().activate(t(), call.count(0), static_cast<int>(call.setting(1, 0)), call.numbers(0), output);
}

void activateGradient(Call& call) {
  float* output = call.outputLike(0, 0);
  if (call.failed()) return;
  k().activateBackward(t(), call.count(0), static_cast<int>(call.setting(2, 0)), call.numbers(0), call.numbers(1), output);
}

void gated(Call& call) {
  float* output = call.outputLike(0, 0);
  if (call.failed()) return;
  k().gated(t(), call.count(0), static_cast<int>(call.setting(2, 0)), call.numbers(0), call.numbers(1), output);
}

void gatedGradient(Call& call) {
  float* gate = call.outputLike(0, 0);
  float* up = call.outputLike(1, 0);
  if (call.failed()) return;
  k().gatedBackward(t(), call.count(0), static_cast<int>(call.setting(3, 0)), call.numbers(0), call.numbers(1), call.numbers(2), gate, up);
}

// settings: transposed, activation. A bias of no numbers is none.
void linearOf(Call& call, bool derivatives) {
  const bool transposed = call.setting(3, 0) != 0;
  const int64_t rows = call.rows(0), in = call.width(0), out = call.size(1, transposed ? 0 : 1);
  float* output = call.outputOfWidth(0, 0, out);
  Epilogue epilogue;
  epilogue.derivative = derivatives ? call.outputOfWidth(1, 0, out) : nullptr;
  if (call.failed()) return;
  epilogue.bias = call.count(2) == 0 ? nullptr : call.numbers(2);
  epilogue.activation = static_cast<int>(call.setting(3, 1));
  call.require(k().linear(t(), rows, in, out, call.numbers(0), call.weight(1), transposed, epilogue, output));
}
void linear(Call& call) { linearOf(call, false); }
void linearWithDerivative(Call& call) { linearOf(call, true); }

void transposedProduct(Call& call) {
  const int64_t left = call.width(0), right = call.width(1);
  float* output = call.output(0, {left, right});
  if (call.failed()) return;
  call.require(k().transposedProduct(t(), call.rows(0), left, right, call.numbers(0), call.numbers(1), output));
}

// settings: heads, keyValueHeads, causal, scale, keyTime (0: all). A mask of no numbers is none.
AttentionShape attentionShape(Call& call, int query, int mask, int settings) {
  AttentionShape s;
  s.heads = static_cast<int64_t>(call.setting(settings, 0));
  s.keyValueHeads = static_cast<int64_t>(call.setting(settings, 1));
  s.causal = call.setting(settings, 2) != 0;
  s.scale = call.setting(settings, 3);
  s.batch = call.size(query, 0);
  s.queryTime = call.size(query, 1);
  s.headWidth = call.size(query, 2) / s.heads;
  s.capacity = call.size(query + 1, 1);
  s.keyTime = call.setting(settings, 4) > 0 ? static_cast<int64_t>(call.setting(settings, 4)) : s.capacity;
  const bool masked = call.count(mask) > 0;
  s.mask = masked ? call.integers(mask) : nullptr;
  s.maskRows = masked && call.rank(mask) == 3 ? call.size(mask, 1) : 1;
  s.queryStride = call.size(query, 2);
  s.keyStride = call.size(query + 1, 2);
  return s;
}

void attention(Call& call) {
  const AttentionShape s = attentionShape(call, 0, 3, 4);
  float* output = call.outputLike(0, 0);
  float* logSumExp = call.output(1, {s.batch, s.heads, s.queryTime});
  if (call.failed()) return;
  call.require(k().attentionForward(t(), s, call.numbers(0), call.numbers(1), call.numbers(2), output, logSumExp));
}

void attentionGradient(Call& call) {
  const AttentionShape s = attentionShape(call, 1, 6, 7);
  float* query = call.outputLike(0, 1);
  float* key = call.outputLike(1, 2);
  float* value = call.outputLike(2, 3);
  if (call.failed()) return;
  call.require(k().attentionBackward(t(), s, call.numbers(0), call.numbers(1), call.numbers(2), call.numbers(3), call.numbers(4), call.numbers(5), query, key, value));
}

// settings: heads, inverse.
void rotary(Call& call) {
  const int64_t heads = static_cast<int64_t>(call.setting(3, 0));
  float* output = call.outputLike(0, 0);
  if (call.failed()) return;
  k().rotary(t(), call.size(0, 0), call.size(0, 1), heads, call.size(0, 2) / heads, call.numbers(0), call.numbers(1), call.numbers(2), call.size(1, 0), call.setting(3, 1) != 0, output);
}

// Ids of any shape: `[…]` to `[…, width]`.
void embedding(Call& call) {
  const int64_t count = call.count(1), width = call.size(0, 1);
  if (!call.checkRange(1, call.size(0, 0), 0, "The id")) return;
  float* output = call.outputOfRows(0, 1, width);
  if (call.failed()) return;
  k().embedding(t(), count, width, call.weight(0), call.integers(1), output);
}

void embeddingGradient(Call& call) {
  const int64_t width = call.width(0), vocabulary = static_cast<int64_t>(call.setting(2, 0));
  float* output = call.output(0, {vocabulary, width});
  if (call.failed()) return;
  k().embeddingBackward(t(), call.rows(0), width, vocabulary, call.numbers(0), call.integers(1), output);
}

void crossEntropy(Call& call) {
  const int64_t rows = call.size(0, 0);
  if (!call.checkRange(1, call.size(0, 1), static_cast<int32_t>(call.setting(2, 0)), "The label")) return;
  float* losses = call.output(0, {rows});
  float* logSumExp = call.output(1, {rows});
  if (call.failed()) return;
  k().crossEntropyForward(t(), rows, call.size(0, 1), call.numbers(0), call.integers(1), static_cast<int32_t>(call.setting(2, 0)), losses, logSumExp);
}

void crossEntropyGradient(Call& call) {
  float* output = call.outputLike(0, 1);
  if (call.failed()) return;
  k().crossEntropyBackward(t(), call.size(1, 0), call.size(1, 1), call.numbers(0), call.numbers(1), call.integers(2), call.numbers(3), static_cast<int32_t>(call.setting(4, 0)), output);
}

// In two float32, so that the sum keeps the precision of float64.
void sumOfSquares(Call& call) {
  float* output = call.output(0, {2});
  if (call.failed()) return;
  const double sum = k().sumOfSquares(t(), call.count(0), call.numbers(0));
  output[0] = static_cast<float>(sum);
  output[1] = output[0] - output[0] == 0 ? static_cast<float>(sum - output[0]) : 0;
}

void adamW(Call& call) {
  const float* s = call.numbers(4);
  const AdamWSettings settings = {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
  k().adamW(t(), call.count(0), settings, call.numbers(0), call.numbers(1), call.numbers(2), call.numbers(3));
}

void cacheWrite(Call& call) {
  k().cacheWrite(t(), call.size(1, 0), call.size(1, 1), call.size(0, 1), call.size(0, 2), static_cast<int64_t>(call.setting(2, 0)), call.numbers(1), call.numbers(0));
}

std::vector<const char*> joined(std::vector<const char*> names, const std::vector<const char*>& more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

std::vector<Operation> makeOperations() {
  const std::vector<const char*> block = {"input: float", "attention_norm_scale: float", "attention_norm_bias: float", "query_weight: float", "query_bias: float", "key_weight: float", "key_bias: float", "value_weight: float", "value_bias: float",
                                          "output_weight: float", "output_bias: float", "feed_forward_norm_scale: float", "feed_forward_norm_bias: float", "gate_weight: float", "gate_bias: float", "up_weight: float", "up_bias: float", "down_weight: float", "down_bias: float",
                                          "cos: float", "sin: float", "mask: int32", "settings: float",
                                          "query_adapter_down: float", "query_adapter_up: float", "key_adapter_down: float", "key_adapter_up: float", "value_adapter_down: float", "value_adapter_up: float", "output_adapter_down: float", "output_adapter_up: float",
                                          "gate_adapter_down: float", "gate_adapter_up: float", "up_adapter_down: float", "up_adapter_up: float", "down_adapter_down: float", "down_adapter_up: float"};
  const std::vector<const char*> values = {"attention_normal: float", "attention_statistics: float", "projected: float", "attended: float", "log_sum_exp: float", "hidden: float", "feed_forward_normal: float", "feed_forward_statistics: float", "inner: float", "kept: float"};
  const std::vector<const char*> gradients = {"input_gradient: float", "attention_norm_scale_gradient: float", "attention_norm_bias_gradient: float", "query_weight_gradient: float", "query_bias_gradient: float", "key_weight_gradient: float", "key_bias_gradient: float", "value_weight_gradient: float", "value_bias_gradient: float", "output_weight_gradient: float", "output_bias_gradient: float", "feed_forward_norm_scale_gradient: float", "feed_forward_norm_bias_gradient: float", "gate_weight_gradient: float", "gate_bias_gradient: float", "up_weight_gradient: float", "up_bias_gradient: float", "down_weight_gradient: float", "down_bias_gradient: float", "query_adapter_down_gradient: float", "query_adapter_up_gradient: float", "key_adapter_down_gradient: float", "key_adapter_up_gradient: float", "value_adapter_down_gradient: float", "value_adapter_up_gradient: float", "output_adapter_down_gradient: float", "output_adapter_up_gradient: float", "gate_adapter_down_gradient: float", "gate_adapter_up_gradient: float", "up_adapter_down_gradient: float", "up_adapter_up_gradient: float", "down_adapter_down_gradient: float", "down_adapter_up_gradient: float"};
  return {
      {"SubtextLayerNorm", layerNorm, {"input: float", "scale: float", "bias: float", "settings: float"}, {"output: float", "mean: float", "inverse_deviation: float"}},
      {"SubtextLayerNormGradient", layerNormGradient, {"gradient: float", "input: float", "scale: float", "mean: float", "inverse_deviation: float"}, {"input_gradient: float", "scale_gradient: float", "bias_gradient: float"}},
      {"SubtextRmsNorm", rmsNorm, {"input: float", "scale: float", "settings: float"}, {"output: float", "inverse_deviation: float"}},
      {"SubtextRmsNormGradient", rmsNormGradient, {"gradient: float", "input: float", "scale: float", "inverse_deviation: float"}, {"input_gradient: float", "scale_gradient: float"}},
      {"SubtextSumRows", sumRows, {"input: float"}, {"output: float"}},
      {"SubtextActivate", activate, {"input: float", "settings: float"}, {"output: float"}},
      {"SubtextActivateGradient", activateGradient, {"gradient: float", "preactivation: float", "settings: float"}, {"output: float"}},
      {"SubtextGated", gated, {"gate: float", "up: float", "settings: float"}, {"output: float"}},
      {"SubtextGatedGradient", gatedGradient, {"gradient: float", "gate: float", "up: float", "settings: float"}, {"gate_gradient: float", "up_gradient: float"}},
      {"SubtextLinear", linear, {"input: float", "weight: float", "bias: float", "settings: float"}, {"output: float"}},
      {"SubtextLinearWithDerivative", linearWithDerivative, {"input: float", "weight: float", "bias: float", "settings: float"}, {"output: float", "derivative: float"}},
      {"SubtextTransposedProduct", transposedProduct, {"left: float", "right: float"}, {"output: float"}},
      {"SubtextAttention", attention, {"query: float", "key: float", "value: float", "mask: int32", "settings: float"}, {"output: float", "log_sum_exp: float"}},
      {"SubtextAttentionGradient", attentionGradient, {"gradient: float", "query: float", "key: float", "value: float", "output: float", "log_sum_exp: float", "mask: int32", "settings: float"}, {"query_gradient: float", "key_gradient: float", "value_gradient: float"}},
      {"SubtextRotary", rotary, {"input: float", "cos: float", "sin: float", "settings: float"}, {"output: float"}},
      {"SubtextEmbedding", embedding, {"table: float", "ids: int32"}, {"output: float"}},
      {"SubtextEmbeddingGradient", embeddingGradient, {"gradient: float", "ids: int32", "settings: float"}, {"output: float"}},
      {"SubtextCrossEntropy", crossEntropy, {"logits: float", "labels: int32", "settings: float"}, {"losses: float", "log_sum_exp: float"}},
      {"SubtextCrossEntropyGradient", crossEntropyGradient, {"gradient: float", "logits: float", "labels: int32", "log_sum_exp: float", "settings: float"}, {"output: float"}},
      {"SubtextSumOfSquares", sumOfSquares, {"values: float"}, {"sum: float"}},
      {"SubtextAdamW", adamW, {"parameter: float", "gradient: float", "first_moment: float", "second_moment: float", "settings: float"}, {}},
      {"SubtextDecoderBlock", decoderBlockOf, joined(block, {"key_cache: float", "value_cache: float"}), {"output: float"}},
      {"SubtextTransformerBlock", transformerBlockOf, block, joined({"output: float"}, values)},
      {"SubtextTransformerBlockGradient", transformerBlockGradientOf, joined(joined(block, {"gradient: float"}), values), gradients},
      {"SubtextContinuedBlock", continuedBlockOf, joined(block, {"past_key: float", "past_value: float"}), joined({"output: float", "key: float", "value: float"}, values)},
      {"SubtextContinuedBlockGradient", continuedBlockGradientOf, joined(joined(block, {"gradient: float", "key_gradient: float", "value_gradient: float", "key: float", "value: float"}), values), joined(gradients, {"past_key_gradient: float", "past_value_gradient: float"})},
      {"SubtextCacheWrite", cacheWrite, {"buffer: float", "update: float", "settings: float"}, {}},
  };
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = makeOperations();
  return all;
}

}  // namespace subtext
