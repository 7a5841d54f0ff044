import { tf } from '../tensorflow';
import { type AttentionOptions, checkAttention } from './attention';
import { attentionProbabilities } from './composed-attention';
import { windowedMask } from './sliding-window';

/**
 * How much each query of an attention looks at each key: `softmax(scale · q_h·k_hᵀ + mask)` for each head h,
 * `[batch, heads, queryTime, keyTime]`; zeros for a query that may see no key. For looking into a model: the attention itself never
 * makes them whole where the engine has a kernel.
 *
 * @throws OperationError where shapes do not fit
 */
export function attentionWeights(options: Omit<AttentionOptions, 'value'>): tf.Tensor4D {
  const {
    query,
    heads,
    keyValueHeads = heads,
    causal = false,
    mask = null,
    scale,
    softCap = null,
    window = null,
  } = options;
  const { keyTime, headWidth } = checkAttention({ ...options, value: options.key });
  const [batch, queryTime] = query.shape;
  return tf.tidy(() => {
    const key =
      keyTime === options.key.shape[1]
        ? options.key
        : tf.slice(options.key, [0, 0, 0], [batch, keyTime, options.key.shape[2]]);
    const { probabilities } = attentionProbabilities({
      query,
      key,
      heads,
      keyValueHeads,
      causal,
      mask: windowedMask({ mask, window, batch, queryTime, keyTime }),
      scale: scale ?? 1 / Math.sqrt(headWidth),
      softCap,
      window: null,
    });
    return tf.reshape(probabilities, [batch, heads, queryTime, keyTime]);
  });
}
