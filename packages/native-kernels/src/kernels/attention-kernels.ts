import { tf } from '@subtext/tensor';
import type { FusedKernels, RotaryKernelOptions } from '@subtext/tensor';
import type { OperationRunner } from './operation-runner';

/** Attention over heads, and rotary positions. */
export function attentionKernels({
  run,
  settings,
  absent,
}: OperationRunner): Pick<Required<FusedKernels>, 'attention' | 'rotary'> {
  const turn = ({ input, heads, cos, sin }: RotaryKernelOptions, inverse: 0 | 1) =>
    run<[tf.Tensor3D]>('SubtextRotary', [input, cos, sin, settings(heads, inverse)], [input.shape])[0];
  return {
    attention: {
      readsPrefix: true,
      forward: ({ query, key, value, mask, heads, keyValueHeads, causal, scale, keyTime = key.shape[1] }) => {
        const rows = [query.shape[0], heads, query.shape[1]];
        // No keys at all is told from "all of the buffer" here.
        if (keyTime === 0) return { output: tf.zerosLike(query), kept: [tf.fill(rows, -Infinity)] };
        const [output, logSumExp] = run<[tf.Tensor3D, tf.Tensor3D]>(
          'SubtextAttention',
          [query, key, value, mask ?? absent.integer, settings(heads, keyValueHeads, causal ? 1 : 0, scale, keyTime)],
          [query.shape, rows],
        );
        return { output, kept: [logSumExp] };
      },
      backward: ({ gradient, query, key, value, output, kept, heads, keyValueHeads, causal, mask, scale }) => {
        const [queryGradient, keyGradient, valueGradient] = run<[tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]>(
          'SubtextAttentionGradient',
          [
            gradient,
            query,
            key,
            value,
            output,
            kept[0]!,
            mask ?? absent.integer,
            settings(heads, keyValueHeads, causal ? 1 : 0, scale, 0),
          ],
          [query.shape, key.shape, value.shape],
        );
        return { query: queryGradient, key: keyGradient, value: valueGradient };
      },
    },
    rotary: { forward: (options) => turn(options, 0), backward: (options) => turn(options, 1) },
  };
}
