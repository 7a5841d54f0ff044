import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { FusedKernels } from '../../../kernels/kernels';
import type { Workspace } from './workspace';

type Names = 'embedding' | 'crossEntropy';

/** Embedding lookup and cross-entropy. */
export function tokenKernels(workspace: Workspace): Pick<Required<FusedKernels>, Names> {
  const { kernels } = workspace;
  return {
    embedding: {
      forward: ({ table, ids }) => {
        const [vocabulary, width] = table.shape;
        const [count] = ids.shape;
        const output = workspace.output<Tensor2D>([count, width]);
        kernels.embeddingForward(
          count,
          width,
          vocabulary,
          workspace.address(table),
          workspace.address(ids),
          output.address,
        );
        return output.tensor;
      },
      backward: ({ gradient, ids, vocabulary }) => {
        const [count, width] = gradient.shape;
        const tableGradient = workspace.output<Tensor2D>([vocabulary, width]);
        kernels.embeddingBackward(
          count,
          width,
          vocabulary,
          workspace.address(gradient),
          workspace.address(ids),
          tableGradient.address,
        );
        return tableGradient.tensor;
      },
    },
    crossEntropy: {
      forward: ({ logits, labels, ignoreIndex }) => {
        const [rows, vocabulary] = logits.shape;
        const losses = workspace.output<Tensor1D>([rows]);
        const logSumExp = workspace.output<Tensor1D>([rows]);
        kernels.crossEntropyForward(
          rows,
          vocabulary,
          ignoreIndex,
          workspace.address(logits),
          workspace.address(labels),
          losses.address,
          logSumExp.address,
        );
        return { losses: losses.tensor, kept: [logits, labels, logSumExp.tensor] };
      },
      backward: ({ gradient, kept, ignoreIndex }) => {
        const [logits, labels, logSumExp] = kept as [Tensor2D, Tensor1D, Tensor1D];
        const [rows, vocabulary] = logits.shape;
        const logitsGradient = workspace.output<Tensor2D>([rows, vocabulary]);
        kernels.crossEntropyBackward(
          rows,
          vocabulary,
          ignoreIndex,
          workspace.address(gradient),
          workspace.address(logits),
          workspace.address(labels),
          workspace.address(logSumExp),
          logitsGradient.address,
        );
        return logitsGradient.tensor;
      },
    },
  };
}
