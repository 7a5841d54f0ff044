import { tf } from '../tensorflow';
import { type AttentionOptions, checkAttention } from './attention';
import { attentionProbabilities } from './composed-attention';
import { windowedMask } from './sliding-window';

/**
 * Attention weights `softmax(scale · q_h·k_hᵀ + mask)` of each head h: `[batch, heads, queryTime, keyTime]`; zeros for
 * fully masked queries. For inspecting a model: `attention` itself does not materialise them if the engine has a kernel.
 *
 * @throws OperationError if shapes do not match
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
