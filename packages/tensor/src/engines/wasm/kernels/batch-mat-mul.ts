import { tf } from '../../../tensorflow';
import { replaceKernel } from './replace-kernel';
import type { Workspace } from './workspace';

interface Operands {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}

interface Attributes {
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * Replaces the wasm backend's `tf.matMul`, which is fast only for a single untransposed pair of matrices. Unsupported
 * operands (other dtypes, broadcast batches) fall back to the original.
 */
export function installBatchMatMul(workspace: Workspace): void {
  replaceKernel<Operands, Attributes>(workspace, 'BatchMatMul', batchMatMul);
}

/** Null for unsupported operands. */
function batchMatMul(
  workspace: Workspace,
  { a, b }: Operands,
  { transposeA, transposeB }: Attributes,
): tf.TensorInfo | null {
  if (a.dtype !== 'float32' || b.dtype !== 'float32') {
    return null;
  }
  const aBatchShape = a.shape.slice(0, -2);
  const bBatchShape = b.shape.slice(0, -2);
  const aBatch = tf.util.sizeFromShape(aBatchShape);
  const bBatch = tf.util.sizeFromShape(bBatchShape);
  const same =
    aBatchShape.length === bBatchShape.length && aBatchShape.every((size, axis) => size === bBatchShape[axis]);
  if (!same && aBatch !== 1 && bBatch !== 1) {
    return null;
  }
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [bDepth, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (depth !== bDepth) {
    return null;
  }
  const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(aBatchShape, bBatchShape);
  const batch = tf.util.sizeFromShape(batchShape);
  const output = workspace.outputInfo([...batchShape, rows, columns]);
  const scratch = workspace.productScratch().product;
  const { kernels } = workspace;
  const [aAddress, bAddress, cAddress] = [workspace.address(a), workspace.address(b), workspace.address(output)];
  if (bBatch === 1 && !transposeA) {
    // The same matrix for every batch: stack the rows into a single product.
    kernels.matrixProduct(
      batch * rows,
      columns,
      depth,
      aAddress,
      depth * 4,
      false,
      bAddress,
      (transposeB ? depth : columns) * 4,
      transposeB,
      0,
      0,
      cAddress,
      columns * 4,
      scratch,
    );
  } else {
    kernels.matrixProductBatch(
      batch,
      rows,
      columns,
      depth,
      aAddress,
      aBatch === 1 ? 0 : rows * depth * 4,
      transposeA,
      bAddress,
      bBatch === 1 ? 0 : depth * columns * 4,
      transposeB,
      cAddress,
      scratch,
    );
  }
  return output;
}
