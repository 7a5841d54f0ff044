import { partTable, createGraphModel, type GraphModelOptions, type GraphBatch, graphForward } from '@subtext/reasoner';
import { embedding, engineCapabilities, gatherRows, tf } from '@subtext/tensor';

import type { TrainingProgram } from '../programs/training-program';
import { mastery, masteryOnEngine } from './mastery';

/**
 * The program that trains on graphs: `L = Σ_r w_r · Σ_v −p_rv · log softmax(z_r)_v` over the states r that must predict
 * something, with p the same for each node that is right. With one position an edge, the edges and pairs, which a model
 * never writes, share one logit that is always 0. Metric `mastery`: of the phase's own states, the share of right ids
 * among as many highest logits as there are right ids.
 */
export async function createProgram(options: GraphModelOptions): Promise<TrainingProgram<GraphBatch>> {
  const graphModel = createGraphModel(options);
  const { model, vocabulary, sourceRole, parameters } = graphModel;
  const { first, second } = vocabulary.parts();

  return {
    parameters,
    loss(batch) {
      const table = partTable(graphModel);
      const embed = (ids: tf.Tensor2D): tf.Tensor3D => {
        if (!sourceRole) return embedding<tf.Tensor3D>({ table, ids });
        const values = ids.dataSync() as Int32Array;
        const rowsOf = (parts: Int32Array) =>
          embedding<tf.Tensor3D>({
            table,
            ids: tf.tensor2d(
              values.map((id) => parts[id]!),
              ids.shape,
              'int32',
            ),
          });
        return tf.add(rowsOf(first), rowsOf(second));
      };
      const states = gatherRows({ input: graphForward({ model, batch, embed }), indices: batch.rows });
      const plain = model.logits(states) as tf.Tensor2D;
      const logits = sourceRole ? (tf.concat([plain, tf.zeros([plain.shape[0], 1])], 1) as tf.Tensor2D) : plain;
      const losses = tf.mul(tf.logSoftmax(logits), weightedTargets({ batch, outputs: logits.shape[1] }));
      return {
        loss: tf.neg(tf.sum(losses)) as tf.Scalar,
        metrics: {
          mastery: engineCapabilities().synchronousReads
            ? tf.scalar(mastery({ shown: batch.shown, logits }))
            : masteryOnEngine({ shown: batch.shown, logits }),
        },
      };
    },
  };
}

/** `w_r · p_rv`: `[rows, outputs]`. */
function weightedTargets({
  batch: { rows, weights, labelIds, labelStarts },
  outputs,
}: {
  batch: GraphBatch;
  outputs: number;
}): tf.Tensor2D {
  const targets = new Float32Array(rows.length * outputs);
  for (let row = 0; row < rows.length; row++) {
    const [from, to] = [labelStarts[row]!, labelStarts[row + 1]!];
    for (let place = from; place < to; place++) targets[row * outputs + labelIds[place]!] = weights[row]! / (to - from);
  }
  return tf.tensor2d(targets, [rows.length, outputs]);
}
