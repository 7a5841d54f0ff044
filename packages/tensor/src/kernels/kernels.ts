import type { RotaryLayout } from '../operations/rotary';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';

/** Activations that a linear layer or a gated product can apply. `gelu` is exact (erf), `gelu-tanh` is GPT-2's, `quick-gelu` is CLIP's x·σ(1.702x). */
export type Activation = 'none' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'silu' | 'relu' | 'tanh';

/** How a linear layer's weight lies in memory: `out-in` is PyTorch's `[out, in]`, `in-out` is GPT-2's `Conv1D` `[in, out]`. */
export type WeightLayout = 'out-in' | 'in-out';

/** A low-rank addition to a linear layer: `scaling · x · downᵀ · upᵀ` (LoRA, arXiv 2106.09685). */
export interface LowRankWeights {
  /** `[rank, in]` */ down: Tensor2D;
  /** `[out, rank]` */ up: Tensor2D;
  scaling: number;
}

/** A linear layer's parts, for {@link TransformerBlockParts}. */
export interface LinearWeights {
  /** `[out, in]` or `[in, out]`, by `layout` */ weight: Tensor2D;
  /** `[out]` */ bias: Tensor1D | null;
  layout: WeightLayout;
  /** Optional to support. @default none */
  adapter?: LowRankWeights | null;
}

/** A norm's parts: layer norm, or RMS norm without a bias. */
export interface NormWeights {
  /** `[width]` */ scale: Tensor1D;
  /** `[width]` */ bias: Tensor1D | null;
  epsilon: number;
}

/** Options of a block's attention that kernels need not support. */
export interface BlockVariants {
  /** As in `attention`. @default none */
  softCap?: number | null;
  /** As in `attention`; kernels that do not support it get it as a part of the mask. @default none */
  window?: number | null;
  /** As in `rotary`. @default headWidth */
  rotaryDimensions?: number;
  /** As in `rotary`. @default 'halves' */
  rotaryLayout?: RotaryLayout;
}

/**
 * A pre-norm block: `h = x + output(attention(norm(x)))`, `h + down(activation(up(norm(h))))`, or with a gate
 * `h + down(activation(gate(norm(h))) · up(norm(h)))`.
 */
export interface TransformerBlockParts extends BlockVariants {
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
  /** Angles `[batch or 1, time, headWidth / 2]`; null without rotary positions. Not with packed projections. */
  rotary: { cos: Tensor3D; sin: Tensor3D } | null;
}

export interface TransformerBlockOptions extends TransformerBlockParts {
  /** int32, 1 where a key may be seen: `[batch, time]` or `[batch, time, time]` */
  mask: Tensor | null;
  /** Optional to support: whether gradients are asked for of the input and of adapters only, not of weights and norms. @default false */
  frozen?: boolean;
}

/**
 * One operation as an engine computes it itself. Where it is absent, or does not support a call, the operation is composed
 * of TensorFlow.js's own operations: forward and backward are always of one hand, since what they hand on differs. An
 * engine with only one of the two takes the other from the composed kernel.
 */
export interface Kernel<Forward extends (options: never) => unknown, Backward extends (options: never) => unknown> {
  /**
   * Whether it computes a call with these options. Absent, it computes those without the options marked *optional to
   * support*: a new option is never ignored by a kernel that does not know it.
   */
  supports?(options: Parameters<Forward>[0]): boolean;
  forward: Forward;
  backward: Backward;
}

export interface LinearKernelOptions {
  /** `[rows, in]` */ input: Tensor2D;
  /** `[out, in]` or `[in, out]`, by `layout` */ weight: Tensor2D;
  /** `[out]` */ bias: Tensor1D | null;
  activation: Activation;
  layout: WeightLayout;
  /** Whether a gradient may be asked for: without one, nothing need be kept. */
  recording: boolean;
}

/**
 * `output = activation(input · weightᵀ + bias)`; `preactivation` is kept only where the activation's gradient needs it.
 * A kernel that computes `derivative`, activation′ at the preactivation, along with the output keeps that in its place. The
 * backward pass is given the gradient before the activation; only what `needs` names is computed.
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

/** `activation(input)` over any shape, here `[rows, width]`, and `gradient · activation′(input)`. */
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
  /** int32, 1 where a key may be seen: `[batch, keyTime]` or `[batch, queryTime, keyTime]` */ mask: Tensor | null;
  scale: number;
  /** Optional to support: scaled scores x become `softCap · tanh(x / softCap)`. */ softCap: number | null;
  /** Optional to support: query i sees only the last `window` keys up to its own. Unsupported, it comes as a mask. */
  window: number | null;
  /** Set only with `readsPrefix`: use this many rows of `key` and `value`; all when absent. */ keyTime?: number;
}

/**
 * `softmax(scale · q·kᵀ + mask) · v` for each head, heads side by side in the last axis.
 * Key/value head of query head h: `floor(h / (heads / keyValueHeads))`.
 * With `causal`, query i sees keys 0 … (keyTime − queryTime + i). A row that may see nothing gives zeros.
 */
export interface AttentionKernel extends Kernel<
  (options: AttentionKernelOptions) => {
    /** `[batch, queryTime, heads·headWidth]` */ output: Tensor3D;
    /** What the backward pass needs besides: log Σ exp of the scores (`[batch, heads, queryTime]`), or the probabilities. */
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
  /** Optional to support: less than the head width, of which only the first so many numbers turn. */ dimensions: number;
  /** Optional to support: `interleaved`. */ layout: RotaryLayout;
}

/**
 * Rotary embedding, Hugging Face's `rotate_half` form: for each head and i < D/2,
 * `y[i] = x[i]·cos[i] − x[i+D/2]·sin[i]`, `y[i+D/2] = x[i+D/2]·cos[i] + x[i]·sin[i]`.
 * The backward pass turns the gradient, its `input`, the other way.
 */
export type RotaryKernel = Kernel<
  (options: RotaryKernelOptions) => Tensor3D,
  (options: RotaryKernelOptions) => Tensor3D
>;

/** Rows of `table` by `ids`, and Σ of the gradient's rows by id, added in ascending order of position. */
export type EmbeddingKernel = Kernel<
  (options: { /** `[vocabulary, width]` */ table: Tensor2D; /** int32 `[count]` */ ids: Tensor1D }) => Tensor2D,
  (options: { /** `[count, width]` */ gradient: Tensor2D; ids: Tensor1D; vocabulary: number }) => Tensor2D
>;

/**
 * `logSumExp(logits) − logits[label]` for each row, 0 where the label is `ignoreIndex`; and
 * `(softmax(logits) − onehot(label)) · gradient`, 0 in ignored rows.
 */
export type CrossEntropyKernel = Kernel<
  (options: {
    /** `[rows, vocabulary]` */ logits: Tensor2D;
    /** int32 `[rows]` */ labels: Tensor1D;
    ignoreIndex: number;
  }) => {
    /** `[rows]` */ losses: Tensor1D;
    /** All that the backward pass needs: logits, labels and the rows' log-sum-exp, or what is left to scale. */
    kept: Tensor[];
  },
  (options: { /** `[rows]` */ gradient: Tensor1D; kept: readonly Tensor[]; ignoreIndex: number }) => Tensor2D
>;

/**
 * A whole block with its gradients: those of the tensors of {@link TransformerBlockParts}, in the order of
 * `transformerBlockTensors`, null for those that are absent. Optional to support: packed projections with rotary
 * positions, adapters, frozen weights, and the options of {@link BlockVariants}.
 */
export type TransformerBlockKernel = Kernel<
  (options: TransformerBlockOptions) => {
    output: Tensor3D;
    /** What the backward pass needs. */ values: Tensor[];
  },
  (options: TransformerBlockOptions & { gradient: Tensor3D; values: readonly Tensor[] }) => (Tensor | null)[]
>;

/** Keys and values, `[batch, positions, keyValueHeads·headWidth]` each. */
export interface KeysAndValues {
  key: Tensor3D;
  value: Tensor3D;
}

export interface ContinuedBlockOptions extends TransformerBlockOptions {
  /** Those of the positions before this call's; null if there are none. */
  past: KeysAndValues | null;
}

/**
 * A whole block whose queries see earlier keys and values too, with gradients that reach these: as
 * {@link TransformerBlockKernel}, with all keys and values, the earlier ones first, as further outputs.
 */
export type ContinuedBlockKernel = Kernel<
  (options: ContinuedBlockOptions) => KeysAndValues & {
    output: Tensor3D;
    /** What the backward pass needs. */ values: Tensor[];
  },
  (
    options: TransformerBlockOptions & {
      /** Of the output, and of all keys and values. */
      gradients: KeysAndValues & { output: Tensor3D };
      /** All of them. */
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
 * A whole block over a cache, without gradients. Keys and values of this call are written into the cache's buffers at
 * `offset`; queries see all positions up to their own. Optional to support: as {@link TransformerBlockKernel}.
 */
export interface DecoderBlockKernel {
  supports?(options: TransformerBlockParts): boolean;
  forward(options: DecoderBlockKernelOptions): Tensor3D;
}

/**
 * What an engine computes itself: one object an operation, each optional. Only operations and what holds state call
 * them, after they have checked shapes, types and ids: a kernel reads and writes memory by them and need not check them
 * again. Kernels work on values only; the operations in `../operations` tie them into gradients.
 * All tensors are float32 unless said otherwise. Rows are flattened: `[rows, width]`.
 */
export interface FusedKernels {
  /**
   * True if the linear, norm, activation, gated and embedding kernels take `[..., width]` and ids of any shape, and give
   * outputs with the same leading axes: then nothing is reshaped for them.
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

  /** Σ over the rows, for the gradients of biases and norms that are otherwise composed: `[rows, width]` → `[width]`. */
  sumRows?(input: Tensor2D): Tensor1D;

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

  /** Writes `update` (`[batch, time, width]`) into `buffer` (`[batch, capacity, width]`) at `offset`, in place. */
  cacheWrite?(options: { buffer: Variable; update: Tensor3D; offset: number }): void;
}
