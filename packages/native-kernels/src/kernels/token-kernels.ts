import type { tf, FusedKernels } from '@subtext/tensor';
import type { OperationRunner } from './operation-runner';

/** Where ids enter and leave a model. */
export function tokenKernels({
  run,
  settings,
}: OperationRunner): Pick<Required<FusedKernels>, 'embedding' | 'crossEntropy'> {
  return {
    embedding: {
      forward: ({ table, ids }) =>
        run<[tf.Tensor2D]>('SubtextEmbedding', [table, ids], [[...ids.shape, table.shape[1]]])[0],
      backward: ({ gradient, ids, vocabulary }) =>
        run<[tf.Tensor2D]>(
          'SubtextEmbeddingGradient',
          [gradient, ids, settings(vocabulary)],
          [[vocabulary, gradient.shape.at(-1)!]],
        )[0],
    },
    crossEntropy: {
      forward: ({ logits, labels, ignoreIndex }) => {
        const [losses, logSumExp] = run<[tf.Tensor1D, tf.Tensor1D]>(
          'SubtextCrossEntropy',
          [logits, labels, settings(ignoreIndex)],
          [labels.shape, labels.shape],
        );
        return { losses, kept: [logits, labels, logSumExp] };
      },
      backward: ({ gradient, kept, ignoreIndex }) =>
        run<[tf.Tensor2D]>(
          'SubtextCrossEntropyGradient',
          [gradient, ...kept, settings(ignoreIndex)],
          [kept[0]!.shape],
        )[0],
    },
  };
}
