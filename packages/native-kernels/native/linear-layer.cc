#include "linear-layer.h"

#include "scratch-numbers.h"

namespace subtext {
namespace {

/** A side of the addition times its scaling, which costs less there than on what has as many rows as the input. */
Numbers scaled(const float* values, int64_t count, float scaling) {
  Numbers result = allocateNumbers(count);
  for (int64_t index = 0; result && index < count; index++) result[static_cast<size_t>(index)] = values[index] * scaling;
  return result;
}

/** `[rows, rank]`: the input through the scaled `down`; null where memory ran out. */
Numbers reducedInput(const Kernels& k, const Threads& t, const LowRankWeights& adapter, int64_t rows, int64_t in, const float* input) {
  const Numbers down = scaled(adapter.down, adapter.rank * in, adapter.scaling);
  Numbers reduced = allocateNumbers(rows * adapter.rank);
  if (!down || !reduced || !k.linear(t, rows, in, adapter.rank, input, down.get(), true, Epilogue(), reduced.get())) return Numbers(nullptr, freeAligned);
  return reduced;
}

/** `[rows, rank]`: the output's gradient through the scaled `up`; null where memory ran out. */
Numbers reducedGradient(const Kernels& k, const Threads& t, const LowRankWeights& adapter, int64_t rows, int64_t out, const float* gradient) {
  const Numbers up = scaled(adapter.up, adapter.rank * out, adapter.scaling);
  Numbers reduced = allocateNumbers(rows * adapter.rank);
  if (!up || !reduced || !k.linear(t, rows, out, adapter.rank, gradient, up.get(), false, Epilogue(), reduced.get())) return Numbers(nullptr, freeAligned);
  return reduced;
}

}  // namespace

bool applyLayer(const Kernels& k, const Threads& t, const LinearWeights& layer, int64_t rows, int64_t in, const float* input, float* output, Epilogue epilogue) {
  const LowRankWeights& adapter = layer.adapter;
  epilogue.bias = layer.bias;
  const Numbers added = allocateNumbers(adapter.rank > 0 ? rows * layer.out : 0);
  if (adapter.rank > 0) {
    const Numbers reduced = reducedInput(k, t, adapter, rows, in, input);
    if (!added || !reduced || !k.linear(t, rows, adapter.rank, layer.out, reduced.get(), adapter.up, true, Epilogue(), added.get())) return false;
    epilogue.before = added.get();
  }
  return k.linear(t, rows, in, layer.out, input, layer.weight, layer.transposed, epilogue, output);
}

bool inputGradient(const Kernels& k, const Threads& t, const LinearWeights& layer, int64_t rows, int64_t in, const float* gradient, float* result, Epilogue epilogue) {
  const LowRankWeights& adapter = layer.adapter;
  const Numbers added = allocateNumbers(adapter.rank > 0 ? rows * in : 0);
  if (adapter.rank > 0) {
    const Numbers reduced = reducedGradient(k, t, adapter, rows, layer.out, gradient);
    if (!added || !reduced || !k.linear(t, rows, adapter.rank, in, reduced.get(), adapter.down, false, Epilogue(), added.get())) return false;
    epilogue.before = added.get();
  }
  return k.linear(t, rows, layer.out, in, gradient, layer.weight, !layer.transposed, epilogue, result);
}

bool weightGradients(const Kernels& k, const Threads& t, const LinearWeights& layer, int64_t rows, int64_t in, const float* input, const float* gradient, const LayerGradients& gradients) {
  const LowRankWeights& adapter = layer.adapter;
  if (gradients.weight && !(layer.transposed ? k.transposedProduct(t, rows, layer.out, in, gradient, input, gradients.weight) : k.transposedProduct(t, rows, in, layer.out, input, gradient, gradients.weight))) return false;
  if (layer.bias && gradients.bias && !k.sumRows(t, rows, layer.out, gradient, gradients.bias)) return false;
  if (adapter.rank > 0 && gradients.up) {
    const Numbers reduced = reducedInput(k, t, adapter, rows, in, input);
    if (!reduced || !k.transposedProduct(t, rows, layer.out, adapter.rank, gradient, reduced.get(), gradients.up)) return false;
  }
  if (adapter.rank > 0 && gradients.down) {
    const Numbers reduced = reducedGradient(k, t, adapter, rows, layer.out, gradient);
    if (!reduced || !k.transposedProduct(t, rows, adapter.rank, in, reduced.get(), input, gradients.down)) return false;
  }
  return true;
}

}  // namespace subtext
