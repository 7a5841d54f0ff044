import type { RotaryLayout } from '../operations/rotary';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';

/** Activations that a linear layer or a gated product can apply. `gelu` is exact (erf), `gelu-tanh` is GPT-2's, `quick-gelu` is CLIP's x·σ(1.702x). */
export type Activation = 'none' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'silu' | 'relu' | 'tanh';

/** How {@link FusedKernels.readTensor} finds numbers in a file, little-endian: float32, bfloat16, binary16. */
export type StoredDtype = 'F32' | 'BF16' | 'F16';

/** How a linear layer's weight lies in memory: `out-in` is PyTorch's `[out, in]`, `in-out` is GPT-2's `Conv1D` `[in, out]`. */
export type WeightLayout = 'out-in' | 'in-out';

/** A linear layer's parts, for {@link TransformerBlockParts}. */
export interface LinearWeights {
  /** `[out, in]` or `[in, out]`, by `layout` */ weight: Tensor2D;
  /** `[out]` */ bias: Tensor1D | null;
  layout: WeightLayout;
}

/** A norm's parts: layer norm, or RMS norm without a bias. */
export interface NormWeights {
  /** `[width]` */ scale: Tensor1D;
  /** `[width]` */ bias: Tensor1D | null;
  epsilon: number;
}

/**
 * A pre-norm block: `h = x + output(attention(norm(x)))`, `h + down(activation(up(norm(h))))`, or with a gate
 * `h + down(activation(gate(norm(h))) · up(norm(h)))`.
 */
export interface TransformerBlockParts {
  /** `[batch, time, width]` */
  input: Tensor3D;
  attentionNorm: NormWeights;
  /** One layer whose outputs are queries, keys and values side by side, or one for each. */
  projections: { packed: LinearWeights } | { query: LinearWeights; key: LinearWeights; value: LinearWeights };
  output: LinearWeights;
  feedForwardNorm: NormWeights;
  gate: LinearWeights | null;
  up: LinearWeights;
  down: LinearWeights;
  activation: Activation;
  heads: number;
  keyValueHeads: number;
  causal: boolean;
  scale: number;
  /** As in `attention`; no kernel has it, the block is then made of its operations. @default none */
  softCap?: number | null;
  /** As in `attention`; kernels get it as a part of the mask. @default none */
  window?: number | null;
  /** Angles `[batch or 1, time, headWidth / 2]`; null without rotary positions. Not with packed projections. */
  rotary: { cos: Tensor3D; sin: Tensor3D } | null;
  /** As in `rotary`; no kernel has others than the default. @default headWidth */
  rotaryDimensions?: number;
  /** As in `rotary`; no kernel has others than the default. @default 'halves' */
  rotaryLayout?: RotaryLayout;
}

export interface TransformerBlockOptions extends TransformerBlockParts {
  /** int32, 1 where a key may be seen: `[batch, time]` or `[batch, time, time]` */
  mask: Tensor | null;
}

/**
 * What an engine may supply in place of a composed operation. Every entry is optional: the composed version covers
 * the rest, a gradient whose kernel is missing among it. Only operations and what holds state call a kernel, after they
 * have checked shapes, types and ids: a kernel reads and writes memory by them and need not check them again. Kernels work on values only; the operations in `../operations` tie them into gradients.
 * All tensors are float32 unless said otherwise. Rows are flattened: `[rows, width]`.
 */
export interface FusedKernels {
  /**
   * Where the host cannot wait for the engine: the numbers of an int32 tensor if the host has them still, else null.
   * Without it they are read in a call.
   */
  hostIntegers?(tensor: Tensor): Int32Array | null;

  /**
   * True if the linear, norm, activation, gated and embedding kernels take `[..., width]` and ids of any shape, and give
   * outputs with the same leading axes: then nothing is reshaped for them.
   */
  takesAnyRank?: boolean;

  /**
   * `output = activation(input · weightᵀ + bias)`; `preactivation` is kept only where the activation's gradient needs it.
   * A kernel that computes `slope`, activation′ at the preactivation, along with the output keeps that in its place: the
   * backward pass then multiplies by it and calls {@link linearBackward} with `activation: 'none'`.
   */
  linearForward?(options: {
    /** `[rows, in]` */ input: Tensor2D;
    /** `[out, in]` or `[in, out]`, by `layout` */ weight: Tensor2D;
    /** `[out]` */ bias: Tensor1D | null;
    activation: Activation;
    layout: WeightLayout;
    /** Whether a gradient may be asked for: without one, nothing need be kept. */
    recording: boolean;
  }): {
    /** `[rows, out]` */ output: Tensor2D;
    /** `[rows, out]` */ preactivation: Tensor2D | null;
    /** `[rows, out]` */ slope?: Tensor2D;
  };

  /** Gradients of {@link linearForward}; only what `needs` names is computed. */
  linearBackward?(options: {
    /** `[rows, out]` */ gradient: Tensor2D;
    input: Tensor2D;
    weight: Tensor2D;
    preactivation: Tensor2D | null;
    activation: Activation;
    layout: WeightLayout;
    needs: { input: boolean; weight: boolean; bias: boolean };
  }): { input: Tensor2D | null; weight: Tensor2D | null; bias: Tensor1D | null };

  /** `activation(input)` over any shape, here `[rows, width]`. */
  activationForward?(options: { input: Tensor2D; activation: Activation }): Tensor2D;
  /**
   * `gradient · activation′(preactivation)`. Where it is supplied, {@link linearBackward} is always called with the
   * gradient before the activation and `activation: 'none'`, so that its three results share this work.
   */
  activationBackward?(options: { gradient: Tensor2D; preactivation: Tensor2D; activation: Activation }): Tensor2D;

  /** Σ over the rows, for the gradients of biases and norms that are otherwise composed: `[rows, width]` → `[width]`. */
  sumRows?(input: Tensor2D): Tensor1D;

  /**
   * True if {@link attentionForward} reads only the first `keyTime` rows of longer key and value buffers
   * (`[batch, capacity, width]`); without it the rows are sliced out first.
   */
  attentionReadsPrefix?: boolean;

  /**
   * `softmax(scale · q·kᵀ + mask) · v` for each head, heads side by side in the last axis.
   * Key/value head of query head h: `floor(h / (heads / keyValueHeads))`.
   * With `causal`, query i sees keys 0 … (keyTime − queryTime + i). A row that may see nothing gives zeros.
   */
  attentionForward?(options: {
    /** `[batch, queryTime, heads·headWidth]` */ query: Tensor3D;
    /** `[batch, keyTime, keyValueHeads·headWidth]` */ key: Tensor3D;
    /** `[batch, keyTime, keyValueHeads·headWidth]` */ value: Tensor3D;
    heads: number;
    keyValueHeads: number;
    causal: boolean;
    /** int32, 1 where a key may be seen: `[batch, keyTime]` or `[batch, queryTime, keyTime]` */ mask: Tensor | null;
    scale: number;
    /** Set only with {@link attentionReadsPrefix}: use this many rows of `key` and `value`; all when absent. */ keyTime?: number;
  }): {
    /** `[batch, queryTime, heads·headWidth]` */ output: Tensor3D;
    /** log Σ exp of the scores, `[batch, heads, queryTime]`; what the backward pass needs instead of the probabilities */
    logSumExp: Tensor3D;
  };

  attentionBackward?(options: {
    /** `[batch, queryTime, heads·headWidth]` */ gradient: Tensor3D;
    query: Tensor3D;
    key: Tensor3D;
    value: Tensor3D;
    output: Tensor3D;
    logSumExp: Tensor3D;
    heads: number;
    keyValueHeads: number;
    causal: boolean;
    mask: Tensor | null;
    scale: number;
  }): { query: Tensor3D; key: Tensor3D; value: Tensor3D };

  /** `(x − mean) / √(variance + ε) · scale + bias` over the last axis. */
  layerNormForward?(options: {
    /** `[rows, width]` */ input: Tensor2D;
    scale: Tensor1D;
    bias: Tensor1D;
    epsilon: number;
  }): {
    output: Tensor2D;
    /** `[rows]` */ mean: Tensor1D;
    /** `[rows]`, 1 / √(variance + ε) */ inverseDeviation: Tensor1D;
  };
  layerNormBackward?(options: {
    gradient: Tensor2D;
    input: Tensor2D;
    scale: Tensor1D;
    mean: Tensor1D;
    inverseDeviation: Tensor1D;
  }): { input: Tensor2D; scale: Tensor1D; bias: Tensor1D };

  /** `x / √(mean(x²) + ε) · scale` over the last axis. */
  rmsNormForward?(options: { /** `[rows, width]` */ input: Tensor2D; scale: Tensor1D; epsilon: number }): {
    output: Tensor2D;
    /** `[rows]`, 1 / √(mean(x²) + ε) */ inverseDeviation: Tensor1D;
  };
  rmsNormBackward?(options: { gradient: Tensor2D; input: Tensor2D; scale: Tensor1D; inverseDeviation: Tensor1D }): {
    input: Tensor2D;
    scale: Tensor1D;
  };

  /**
   * Rotary embedding, Hugging Face's `rotate_half` form: for each head and i < D/2,
   * `y[i] = x[i]·cos[i] − x[i+D/2]·sin[i]`, `y[i+D/2] = x[i+D/2]·cos[i] + x[i]·sin[i]`.
   * `inverse` rotates the other way, which is the gradient.
   */
  rotary?(options: {
    /** `[batch, time, heads·headWidth]` */ input: Tensor3D;
    heads: number;
    /** `[batch or 1, time, headWidth / 2]` */ cos: Tensor3D;
    /** `[batch or 1, time, headWidth / 2]` */ sin: Tensor3D;
    inverse: boolean;
  }): Tensor3D;

  /** `activation(gate) · up`, all `[rows, width]`. */
  gatedActivationForward?(options: { gate: Tensor2D; up: Tensor2D; activation: Activation }): Tensor2D;
  gatedActivationBackward?(options: { gradient: Tensor2D; gate: Tensor2D; up: Tensor2D; activation: Activation }): {
    gate: Tensor2D;
    up: Tensor2D;
  };

  /** Rows of `table` (`[vocabulary, width]`) by `ids` (int32 `[count]`): `[count, width]`. */
  embeddingForward?(options: { table: Tensor2D; ids: Tensor1D }): Tensor2D;
  /** Σ of the gradient's rows by id: `[vocabulary, width]`, added in ascending order of position. */
  embeddingBackward?(options: {
    /** `[count, width]` */ gradient: Tensor2D;
    ids: Tensor1D;
    vocabulary: number;
  }): Tensor2D;

  /** `logSumExp(logits) − logits[label]` for each row; 0 where the label is `ignoreIndex`. */
  crossEntropyForward?(options: {
    /** `[rows, vocabulary]` */ logits: Tensor2D;
    /** int32 `[rows]` */ labels: Tensor1D;
    ignoreIndex: number;
  }): {
    /** `[rows]` */ losses: Tensor1D;
    /** `[rows]` */ logSumExp: Tensor1D;
  };
  /** `(softmax(logits) − onehot(label)) · gradient` for each row; 0 in ignored rows. */
  crossEntropyBackward?(options: {
    /** `[rows]` */ gradient: Tensor1D;
    logits: Tensor2D;
    labels: Tensor1D;
    logSumExp: Tensor1D;
    ignoreIndex: number;
  }): Tensor2D;

  /**
   * In place of the two above, for an engine that gets both in one pass: the losses, `softmax(logits) − onehot(label)`
   * (rows of ignored labels may hold anything finite) and each row's weight, 0 if it is ignored and else 1.
   */
  crossEntropyWithGradient?(options: { logits: Tensor2D; labels: Tensor1D; ignoreIndex: number }): {
    /** `[rows]`, 0 where ignored */ losses: Tensor1D;
    /** `[rows, vocabulary]` */ gradient: Tensor2D;
    /** `[rows]` */ weight: Tensor1D;
  };

  /** Σ of squares over all the tensors, on the host, in float64 where the engine can. */
  sumOfSquares?(tensors: readonly Tensor[]): number;
  /** Where the host cannot wait: numbers whose sum is Σ of squares over all the tensors, for the host to read and add. */
  partialSumsOfSquares?(tensors: readonly Tensor[]): Tensor1D;

  /**
   * One AdamW step in place (decoupled weight decay, as PyTorch): with g = gradient · gradientScale,
   * `p −= lr·decay·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)`.
   */
  adamW?(options: {
    parameter: Variable;
    gradient: Tensor;
    firstMoment: Variable;
    secondMoment: Variable;
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    /** counts from 1 */ step: number;
    gradientScale: number;
  }): void;

  /** A whole block over a cache, without gradients. Keys and values of this call are written into the cache's buffers at `offset`; queries see all positions up to their own. */
  decoderBlock?(
    options: TransformerBlockParts & {
      /** int32 `[batch, offset + time]` or `[batch, time, offset + time]` */ mask: Tensor | null;
      /** Buffers `[batch, capacity, keyValueHeads·headWidth]`. */
      cache: { key: Variable; value: Variable; offset: number };
    },
  ): Tensor3D;

  /** A whole block, and the values that {@link transformerBlockGradient} needs. */
  transformerBlock?(options: TransformerBlockOptions): { output: Tensor3D; values: Tensor[] };
  /** Gradients of the tensors of {@link TransformerBlockParts}, in the order of `transformerBlockTensors`; null for those that are absent. */
  transformerBlockGradient?(
    options: TransformerBlockOptions & { gradient: Tensor3D; values: readonly Tensor[] },
  ): (Tensor | null)[];

  /** Writes `update` (`[batch, time, width]`) into `buffer` (`[batch, capacity, width]`) at `offset`, in place. */
  cacheWrite?(options: { buffer: Variable; update: Tensor3D; offset: number }): void;

  /**
   * Reads a tensor's numbers from an open file straight into the engine's memory, in pieces between which other work has
   * its turn. Null where the file ends before or cannot be read: reading it another way then says what is wrong.
   */
  readTensor?(options: {
    /** Of a file open for reading; stays open. */ descriptor: number;
    /** Byte at which the numbers begin. */ position: number;
    /** How they lie in the file; 16-bit numbers are widened exactly, bit for bit. */ dtype: StoredDtype;
    shape: readonly number[];
  }): Promise<Tensor | null>;
}
