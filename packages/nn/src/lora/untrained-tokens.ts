import { tf } from '@subtext/tensor';

import type { AdaptableModel } from './adaptable-model';
import { tokenTables } from './token-rows';

/** Two rows count as equal if their distance is below this fraction of a row's distance from the table's mean. */
const nearness = 0.25;
/** Number of rows compared with the table at a time. */
const chunk = 32;

/**
 * Finds tokens that a model cannot tell apart from another token because they did not occur in its training data: their
 * rows of the embedding, or of an untied output layer, are (nearly) identical to another token's. A LoRA adapter cannot
 * separate them either, so such an end token, for example, would never be generated: train their rows too (`tokens` of
 * `addLora`).
 */
export async function untrainedTokens({
  model,
  ids,
}: {
  model: AdaptableModel;
  ids: Iterable<number>;
}): Promise<number[]> {
  const candidates = [...new Set(ids)].sort((a, b) => a - b);
  const found = new Set<number>();
  for (const { weight } of tokenTables({ model })) {
    const table = model.parameters.get(weight) as tf.Variable<tf.Rank.R2>;
    const [count] = table.shape;
    const known = candidates.filter((id) => id < count && !found.has(id));
    for (let start = 0; start < known.length; start += chunk) {
      const part = known.slice(start, start + chunk);
      const near = tf.tidy(() => {
        const centred = tf.sub(table, tf.mean(table, 0, true)) as tf.Tensor2D;
        const rows = tf.gather(centred, tf.tensor1d(part, 'int32'));
        const squares = (tensor: tf.Tensor2D) => tf.sum(tf.square(tensor), 1, true);
        const distances = tf.sub(
          tf.add(squares(rows), tf.transpose(squares(centred))),
          tf.mul(2, tf.matMul(rows, centred, false, true)),
        );
        // Exclude the row itself. (wasm's oneHot requires integers.)
        const own = new Float32Array(part.length * count);
        for (const [index, id] of part.entries()) own[index * count + id] = 1e30;
        const itself = tf.tensor2d(own, [part.length, count]);
        return tf.less(tf.min(tf.add(distances, itself), 1, true), tf.mul(nearness * nearness, squares(rows)));
      });
      const flags = await near.data();
      near.dispose();
      for (const [index, id] of part.entries()) if (flags[index]) found.add(id);
    }
  }
  return [...found].sort((a, b) => a - b);
}
