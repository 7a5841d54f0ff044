import { tf } from '@subtext/tensor';

/** Attention of one sequence, by layer `[1, heads, time, time]`, as rows: how much each position looks at each one up to it, the mean over heads. */
export async function attentionRows(
  attentions: readonly tf.Tensor4D[],
  /** Whether positions look at what stands beside them, all of it. @default false */ beside = false,
): Promise<number[][][]> {
  return Promise.all(
    attentions.map(async (weights) => {
      const [, , time, keys] = weights.shape;
      const mean = tf.tidy(() => tf.mean(weights, 1));
      const values = await mean.data().finally(() => mean.dispose());
      return Array.from({ length: time }, (_, position) =>
        Array.from(values.subarray(position * keys, position * keys + (beside ? keys : position + 1))),
      );
    }),
  );
}
