import { tf } from '../tensorflow';
import type { AttentionKernel, AttentionKernelOptions } from '../kernels/kernels';
import { fusedKernels, supporting } from '../kernels/registry';
import { check, checkFloat, checkInt, checkRank, checkShape, shapeText } from './check';
import { composedAttention } from './composed-attention';
import { differentiable } from './differentiable';
import { checkWindow, windowedMask } from './sliding-window';

export interface AttentionOptions {
  /** `[batch, queryTime, heads·headWidth]`, heads concatenated. */
  query: tf.Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]`. */
  key: tf.Tensor3D;
  /** `[batch, keyTime, keyValueHeads·headWidth]`. */
  value: tf.Tensor3D;
  heads: number;
  /** Heads of key and value; each serves `heads / keyValueHeads` consecutive query heads. @default heads */
  keyValueHeads?: number;
  /** Query i sees keys 0 … keyTime − queryTime + i. @default false */
  causal?: boolean;
  /** int32 or bool, non-zero for visible keys: `[batch, keyTime]` or `[batch, queryTime, keyTime]`. @default none */
  mask?: tf.Tensor | null;
  /** Scale of the scores; Gemma 2 uses 1/√query_pre_attn_scalar. @default 1/√headWidth */
  scale?: number;
  /** Logit soft-capping: a scaled score x becomes `softCap · tanh(x / softCap)`, before masking. @default none */
  softCap?: number | null;
  /** Sliding window: query i sees only the last `window` keys up to its own. Requires `causal`. @default none */
  window?: number | null;
  /**
   * Number of rows of `key` and `value` to use, for buffers that are only partly filled (a cache). Not while recording
   * gradients. @default all
   */
  keyTime?: number;
}

/**
 * Multi-head scaled dot-product attention: for each head h, `softmax(scale · q_h·k_hᵀ + mask) · v_h`, returned as
 * `[batch, queryTime, heads·headWidth]`. Fully masked queries give zeros.
 *
 * Vaswani et al. 2017 (arXiv:1706.03762); grouped-query attention as in Ainslie et al. 2023 (arXiv:2305.13245);
 * soft-capping as in Gemma 2 (arXiv:2408.00118), sliding window as in Mistral 7B (arXiv:2310.06825).
 *
 * @throws OperationError if shapes do not match
 */
export function attention({
  query,
  key,
  value,
  heads,
  keyValueHeads = heads,
  causal = false,
  mask = null,
  scale,
  softCap = null,
  window = null,
  keyTime: prefix,
}: AttentionOptions): tf.Tensor3D {
  const { keyTime, headWidth } = checkAttention({
    query,
    key,
    value,
    heads,
    keyValueHeads,
    causal,
    mask,
    softCap,
    window,
    keyTime: prefix,
  });
  const usesPrefix = keyTime !== key.shape[1];
  check(
    'attention',
    !usesPrefix || !tf.engine().isTapeOn(),
    () => 'keyTime cannot be used while gradients are recorded: slice key and value instead.',
  );
  const [batch, queryTime] = query.shape;
  const engine = fusedKernels().attention;
  let kernel: AttentionKernel = composedAttention;
  // One object, mutated below: in generation, object allocation is a large part of the cost.
  const options: AttentionKernelOptions = {
    query,
    key,
    value,
    heads,
    keyValueHeads,
    causal,
    mask,
    scale: scale ?? 1 / Math.sqrt(headWidth),
    softCap,
    window,
  };

  return differentiable<tf.Tensor3D>({
    inputs: { query, key, value },
    forward: (save) => {
      if (mask !== null) options.mask = windowedMask({ mask, window: null, batch, queryTime, keyTime });
      const plain = softCap === null;
      let own = supporting({ kernel: engine, options, plain: plain && window === null });
      if (own === null && window !== null) {
        options.mask = windowedMask({ mask: options.mask, window, batch, queryTime, keyTime });
        options.window = null;
        own = supporting({ kernel: engine, options, plain });
      }
      kernel = own ?? composedAttention;
      if (usesPrefix && kernel.readsPrefix === true) options.keyTime = keyTime;
      else if (usesPrefix) {
        options.key = tf.slice(key, [0, 0, 0], [batch, keyTime, key.shape[2]]);
        options.value = tf.slice(value, [0, 0, 0], [batch, keyTime, key.shape[2]]);
      }
      const { output, kept } = kernel.forward(options);
      save([query, key, value, output, ...(options.mask ? [options.mask] : []), ...kept]);
      return output;
    },
    gradients: (gradient, [savedQuery, savedKey, savedValue, output, ...rest]) => {
      const backward = kernel.backward({
        ...options,
        gradient,
        query: savedQuery as tf.Tensor3D,
        key: savedKey as tf.Tensor3D,
        value: savedValue as tf.Tensor3D,
        output: output as tf.Tensor3D,
        mask: options.mask && rest[0]!,
        kept: options.mask ? rest.slice(1) : rest,
      });
      return { query: () => backward.query, key: () => backward.key, value: () => backward.value };
    },
  });
}

/** @throws OperationError where shapes do not fit */
export function checkAttention({
  query,
  key,
  value,
  heads,
  keyValueHeads = heads,
  causal = false,
  mask,
  softCap = null,
  window = null,
  keyTime,
}: AttentionOptions): {
  keyTime: number;
  headWidth: number;
} {
  const operation = 'attention';
  for (const [name, tensor] of [
    ['query', query],
    ['key', key],
    ['value', value],
  ] as const) {
    checkFloat(operation, name, tensor);
    checkRank(operation, name, tensor, 3, '[batch, time, heads·headWidth]');
  }
  const [batch, queryTime, width] = query.shape;
  check(
    operation,
    Number.isInteger(heads) && heads > 0 && width >= heads && width % heads === 0,
    () => `heads must divide the width of query ${shapeText(query)}, got ${heads}.`,
  );
  check(
    operation,
    Number.isInteger(keyValueHeads) && keyValueHeads > 0 && heads % keyValueHeads === 0,
    () => `keyValueHeads must divide heads ${heads}, got ${keyValueHeads}.`,
  );
  check(operation, softCap === null || softCap > 0, () => `softCap must be above 0, got ${softCap}.`);
  checkWindow({ operation, window, causal });
  const headWidth = width / heads;
  const capacity = key.shape[1];
  const keyShape = [batch, capacity, keyValueHeads * headWidth];
  checkShape(
    operation,
    'key',
    key,
    keyShape,
    `batch and head width of query ${shapeText(query)}, ${keyValueHeads} key heads`,
  );
  checkShape(operation, 'value', value, keyShape, 'as key');
  const used = keyTime ?? capacity;
  check(
    operation,
    Number.isInteger(used) && used >= 0 && used <= capacity,
    () => `keyTime must lie between 0 and ${capacity}, got ${used}.`,
  );
  if (mask) {
    if (mask.dtype !== 'bool') {
      checkInt(operation, 'mask', mask);
    }
    if (mask.shape.length === 3) {
      checkShape(operation, 'mask', mask, [batch, queryTime, used], 'batch, queryTime, keyTime');
    } else {
      checkShape(operation, 'mask', mask, [batch, used], 'batch, keyTime');
    }
  }
  return { keyTime: used, headWidth };
}
