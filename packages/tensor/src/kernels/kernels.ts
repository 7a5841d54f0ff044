import type { RotaryLayout } from '../operations/rotary';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';

/** Activations of linear and gated layers. `gelu` is exact (erf), `gelu-tanh` is GPT-2's, `quick-gelu` is CLIP's x·σ(1.702x). */
export type Activation = 'none' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'silu' | 'relu' | 'tanh';

/** Memory layout of a linear layer's weight: `out-in` is PyTorch's `[out, in]`, `in-out` is GPT-2's `Conv1D` `[in, out]`. */
export type WeightLayout = 'out-in' | 'in-out';

/** A low-rank adapter of a linear layer, adding `scaling · x · downᵀ · upᵀ` (LoRA, arXiv 2106.09685). */
export interface LowRankWeights {
  /** `[rank, in]` */ down: Tensor2D;
  /** `[out, rank]` */ up: Tensor2D;
  scaling: number;
}

/** Weights of a linear layer, for {@link TransformerBlockParts}. */
export interface LinearWeights {
  /** `[out, in]` or `[in, out]`, depending on `layout` */ weight: Tensor2D;
  /** `[out]` */ bias: Tensor1D | null;
  layout: WeightLayout;
  /** Support is optional. @default none */
  adapter?: LowRankWeights | null;
}

/** Weights of a norm: layer norm, or RMS norm without a bias. */
export interface NormWeights {
  /** `[width]` */ scale: Tensor1D;
  /** `[width]` */ bias: Tensor1D | null;
  epsilon: number;
}

/** Attention options of a block whose support is optional. */
export interface BlockVariants {
  /** As in `attention`. @default none */
  softCap?: number | null;
  /** As in `attention`; merged into the mask for kernels that do not support it. @default none */
  window?: number | null;
  /** As in `rotary`. @default headWidth */
  rotaryDimensions?: number;
  /** As in `rotary`. @default 'halves' */
  rotaryLayout?: RotaryLayout;
}

/**
 * A pre-norm block: `h = x + output(attention(norm(x)))`, then `h + down(activation(up(norm(h))))`, or with a gate
 * `h + down(activation(gate(norm(h))) · up(norm(h)))`.
 */
export interface TransformerBlockParts extends BlockVariants {
  /** `[batch, time, width]` */
  input: Tensor3D;
  attentionNorm: NormWeights;
  /** One packed layer that outputs queries, keys and values concatenated, or a separate layer for each. */
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
  /** Angles `[batch or 1, time, headWidth / 2]`; null without rotary embedding. Not supported with packed projections. */
  rotary: { cos: Tensor3D; sin: Tensor3D } | null;
}

export interface TransformerBlockOptions extends TransformerBlockParts {
  /** int32, 1 for visible keys: `[batch, time]` or `[batch, time, time]` */
  mask: Tensor | null;
  /** Frozen weights: only the input and adapters need gradients. Support is optional. @default false */
  frozen?: boolean;
}

/**
 * An operation implemented by an engine. If it is absent or does not support a call, the operation is composed of
 * TensorFlow.js operations. Forward and backward always come from the same implementation, since the saved tensors
 * differ; an engine with only one of the two uses the composed kernel for the other.
 */
export interface Kernel<Forward extends (options: never) => unknown, Backward extends (options: never) => unknown> {
  /**
   * Whether it supports a call with these options. If absent, it supports calls without the options marked *support is
   * optional*, so that an older kernel never ignores a new option.
   */
  supports?(options: Parameters<Forward>[0]): boolean;
  forward: Forward;
  backward: Backward;
}

export interface LinearKernelOptions {
  /** `[rows, in]` */ input: Tensor2D;
  /** `[out, in]` or `[in, out]`, depending on `layout` */ weight: Tensor2D;
  /** `[out]` */ bias: Tensor1D | null;
  activation: Activation;
  layout: WeightLayout;
  /** Whether gradients may be needed; otherwise nothing has to be saved. */
  recording: boolean;
}

/**
 * `output = activation(input · weightᵀ + bias)`. `preactivation` is saved only if the activation's gradient needs it. A
 * kernel may compute `derivative`, activation′ at the preactivation, with the output and save that instead. The backward
 * pass receives the gradient before the activation and computes only what `needs` lists.
 */
export type LinearKernel = Kernel<
  (options: LinearKernelOptions) => {
    /** `[rows, out]` */ output: Tensor2D;
    /** `[rows, out]` */ preactivation: Tensor2D | null;
    /** `[rows, out]` */ derivative?: Tensor2D;
  },
  (options: {
    /** `[rows, out]` */ gradient: Tensor2D;
    input: Tensor2D;
    weight: Tensor2D;
    layout: WeightLayout;
    needs: { input: boolean; weight: boolean; bias: boolean };
  }) => { input: Tensor2D | null; weight: Tensor2D | null; bias: Tensor1D | null }
>;

/** `activation(input)`, element-wise on `[rows, width]`, and `gradient · activation′(input)`. */
export type ActivationKernel = Kernel<
  (options: { input: Tensor2D; activation: Activation }) => Tensor2D,
  (options: { gradient: Tensor2D; input: Tensor2D; activation: Activation }) => Tensor2D
>;

/** `activation(gate) · up`, all `[rows, width]`. */
export type GatedActivationKernel = Kernel<
  (options: { gate: Tensor2D; up: Tensor2D; activation: Activation }) => Tensor2D,
  (options: { gradient: Tensor2D; gate: Tensor2D; up: Tensor2D; activation: Activation }) => {
    gate: Tensor2D;
    up: Tensor2D;
  }
>;

export interface AttentionKernelOptions {
  /** `[batch, queryTime, heads·headWidth]` */ query: Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]` */ key: Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]` */ value: Tensor3D;
  heads: number;
  keyValueHeads: number;
  causal: boolean;
  /** int32, 1 for visible keys: `[batch, keyTime]` or `[batch, queryTime, keyTime]` */ mask: Tensor | null;
  scale: number;
  /** Scaled scores x become `softCap · tanh(x / softCap)`. Support is optional. */ softCap: number | null;
  /** Query i sees only the last `window` keys up to its own. Support is optional; otherwise merged into the mask. */
  window: number | null;
  /** Number of rows of `key` and `value` to use. Set only with `readsPrefix`. @default all */ keyTime?: number;
}

/**
 * `softmax(scale · q·kᵀ + mask) · v` for each head, heads concatenated along the last axis.
 * Query head h uses key/value head `floor(h / (heads / keyValueHeads))`.
 * With `causal`, query i sees keys 0 … (keyTime − queryTime + i). Fully masked rows give zeros.
 */
export interface AttentionKernel extends Kernel<
  (options: AttentionKernelOptions) => {
    /** `[batch, queryTime, heads·headWidth]` */ output: Tensor3D;
    /** Saved for the backward pass: log Σ exp of the scores (`[batch, heads, queryTime]`), or the probabilities. */
    kept: Tensor[];
  },
  (
    options: Omit<AttentionKernelOptions, 'keyTime'> & {
      /** `[batch, queryTime, heads·headWidth]` */ gradient: Tensor3D;
      output: Tensor3D;
      kept: readonly Tensor[];
    },
  ) => { query: Tensor3D; key: Tensor3D; value: Tensor3D }
> {
  /**
   * True if the forward pass reads only the first `keyTime` rows of longer key and value buffers
   * (`[batch, capacity, width]`); without it the rows are sliced out first.
   */
  readsPrefix?: boolean;
}

/** `(x − mean) / √(variance + ε) · scale + bias` over the last axis. */
export type LayerNormKernel = Kernel<
  (options: { /** `[rows, width]` */ input: Tensor2D; scale: Tensor1D; bias: Tensor1D; epsilon: number }) => {
    output: Tensor2D;
    /** `[rows]` */ mean: Tensor1D;
    /** `[rows]`, 1 / √(variance + ε) */ inverseDeviation: Tensor1D;
  },
  (options: { gradient: Tensor2D; input: Tensor2D; scale: Tensor1D; mean: Tensor1D; inverseDeviation: Tensor1D }) => {
    input: Tensor2D;
    scale: Tensor1D;
    bias: Tensor1D;
  }
>;

/** `x / √(mean(x²) + ε) · scale` over the last axis. */
export type RmsNormKernel = Kernel<
  (options: { /** `[rows, width]` */ input: Tensor2D; scale: Tensor1D; epsilon: number }) => {
    output: Tensor2D;
    /** `[rows]`, 1 / √(mean(x²) + ε) */ inverseDeviation: Tensor1D;
  },
  (options: { gradient: Tensor2D; input: Tensor2D; scale: Tensor1D; inverseDeviation: Tensor1D }) => {
    input: Tensor2D;
    scale: Tensor1D;
  }
>;

export interface RotaryKernelOptions {
  /** `[batch, time, heads·headWidth]` */ input: Tensor3D;
  heads: number;
  /** `[batch or 1, time, dimensions / 2]` */ cos: Tensor3D;
  /** `[batch or 1, time, dimensions / 2]` */ sin: Tensor3D;
  /** Number of rotated dimensions per head. Support for less than the head width is optional. */ dimensions: number;
  /** Support for `interleaved` is optional. */ layout: RotaryLayout;
}

/**
 * Rotary embedding, Hugging Face's `rotate_half` form: for each head and i < D/2,
 * `y[i] = x[i]·cos[i] − x[i+D/2]·sin[i]`, `y[i+D/2] = x[i+D/2]·cos[i] + x[i]·sin[i]`.
 * The backward pass rotates the gradient, its `input`, in the opposite direction.
 */
export type RotaryKernel = Kernel<
  (options: RotaryKernelOptions) => Tensor3D,
  (options: RotaryKernelOptions) => Tensor3D
>;

/** Looks up rows of `table` by `ids`; backward sums the gradient's rows per id, in ascending order of position. */
export type EmbeddingKernel = Kernel<
  (options: { /** `[vocabulary, width]` */ table: Tensor2D; /** int32 `[count]` */ ids: Tensor1D }) => Tensor2D,
  (options: { /** `[count, width]` */ gradient: Tensor2D; ids: Tensor1D; vocabulary: number }) => Tensor2D
>;

/**
 * `logSumExp(logits) − logits[label]` for each row, 0 if the label is `ignoreIndex`; and
 * `(softmax(logits) − onehot(label)) · gradient`, 0 in ignored rows.
 */
export type CrossEntropyKernel = Kernel<
  (options: {
    /** `[rows, vocabulary]` */ logits: Tensor2D;
    /** int32 `[rows]` */ labels: Tensor1D;
    ignoreIndex: number;
  }) => {
    /** `[rows]` */ losses: Tensor1D;
    /** Saved for the backward pass: logits, labels and log-sum-exp of the rows, or the unscaled gradient. */
    kept: Tensor[];
  },
  (options: { /** `[rows]` */ gradient: Tensor1D; kept: readonly Tensor[]; ignoreIndex: number }) => Tensor2D
>;

/**
 * A whole block with its gradients: those of the tensors of {@link TransformerBlockParts}, in the order of
 * `transformerBlockTensors`, null for absent ones. Support is optional for packed projections with rotary embedding,
 * adapters, frozen weights, and the options of {@link BlockVariants}.
 */
export type TransformerBlockKernel = Kernel<
  (options: TransformerBlockOptions) => {
    output: Tensor3D;
    /** Saved for the backward pass. */ values: Tensor[];
  },
  (options: TransformerBlockOptions & { gradient: Tensor3D; values: readonly Tensor[] }) => (Tensor | null)[]
>;

/** Keys and values, `[batch, positions, keyValueHeads·headWidth]` each. */
export interface KeysAndValues {
  key: Tensor3D;
  value: Tensor3D;
}

export interface ContinuedBlockOptions extends TransformerBlockOptions {
  /** Keys and values of earlier positions; null if there are none. */
  past: KeysAndValues | null;
}

/**
 * A whole block whose queries also see earlier keys and values, with gradients for these: like
 * {@link TransformerBlockKernel}, with all keys and values, earlier ones first, as additional outputs.
 */
export type ContinuedBlockKernel = Kernel<
  (options: ContinuedBlockOptions) => KeysAndValues & {
    output: Tensor3D;
    /** Saved for the backward pass. */ values: Tensor[];
  },
  (
    options: TransformerBlockOptions & {
      /** Gradients of the output and of all keys and values. */
      gradients: KeysAndValues & { output: Tensor3D };
      /** All keys and values. */
      keysAndValues: KeysAndValues;
      values: readonly Tensor[];
    },
  ) => {
    /** In the order of `transformerBlockTensors`. */ tensors: (Tensor | null)[];
    past: KeysAndValues;
  }
>;

export interface DecoderBlockKernelOptions extends TransformerBlockParts {
  /** int32 `[batch, offset + time]` or `[batch, time, offset + time]` */ mask: Tensor | null;
  /** Buffers `[batch, capacity, keyValueHeads·headWidth]`. */
  cache: { key: Variable; value: Variable; offset: number };
}

/**
 * A whole block over a cache, without gradients. Writes this call's keys and values to the cache's buffers at `offset`;
 * queries see all positions up to their own. Optional support as for {@link TransformerBlockKernel}.
 */
export interface DecoderBlockKernel {
  supports?(options: TransformerBlockParts): boolean;
  forward(options: DecoderBlockKernelOptions): Tensor3D;
}

/**
 * Operations that an engine implements itself, each optional. They are called only by operations and stateful classes,
 * which have already checked shapes, dtypes and ids: kernels access memory accordingly without checking again. Kernels
 * work on values only; the operations in `../operations` connect them to gradients.
 * All tensors are float32 unless stated otherwise. Rows are flattened: `[rows, width]`.
 */
export interface FusedKernels {
  /**
   * True if the linear, norm, activation, gated and embedding kernels accept `[..., width]` and ids of any shape, and
   * return outputs with the same leading axes, so that no reshaping is needed.
   */
  takesAnyRank?: boolean;

  linear?: LinearKernel;
  activation?: ActivationKernel;
  gatedActivation?: GatedActivationKernel;
  attention?: AttentionKernel;
  layerNorm?: LayerNormKernel;
  rmsNorm?: RmsNormKernel;
  rotary?: RotaryKernel;
  embedding?: EmbeddingKernel;
  crossEntropy?: CrossEntropyKernel;
  transformerBlock?: TransformerBlockKernel;
  continuedBlock?: ContinuedBlockKernel;
  decoderBlock?: DecoderBlockKernel;

  /** Sum over rows, for gradients of biases and norms in composed operations: `[rows, width]` → `[width]`. */
  sumRows?(input: Tensor2D): Tensor1D;

  /** Sum of squares over all tensors, on the host, in float64 if the engine can. */
  sumOfSquares?(tensors: readonly Tensor[]): number;
  /** For engines that the host cannot wait for: partial sums of squares, which the host reads and adds later. */
  partialSumsOfSquares?(tensors: readonly Tensor[]): Tensor1D;

  /**
   * One AdamW step in place (decoupled weight decay, as in PyTorch): with g = gradient · gradientScale,
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

  /** Writes `update` (`[batch, time, width]`) into `buffer` (`[batch, capacity, width]`) at `offset`, in place. */
  cacheWrite?(options: { buffer: Variable; update: Tensor3D; offset: number }): void;
}
