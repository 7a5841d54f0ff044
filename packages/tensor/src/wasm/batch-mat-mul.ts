import { tf } from '../tensorflow';
import type { WasmBackend } from './wasm-backend';
import type { Workspace } from './workspace';

interface Arguments {
  inputs: { a: tf.TensorInfo; b: tf.TensorInfo };
  attrs: { transposeA: boolean; transposeB: boolean };
  backend: WasmBackend;
}

const workspaces = new WeakMap<WasmBackend, Workspace>();
let installed = false;

/**
 * Puts our matrix product behind `tf.matMul` on the wasm backend, whose own is fast only for one untransposed pair of
 * matrices. Operands that it does not take (other types, broadcast batches) go to the original.
 */
export function installBatchMatMul(workspace: Workspace): void {
  workspaces.set(workspace.backend, workspace);
  if (installed) {
    return;
  }
  installed = true;
  const original = tf.getKernel('BatchMatMul', 'wasm');
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: (args) => {
      const { inputs, attrs, backend } = args as unknown as Arguments;
      const own = workspaces.get(backend);
      return (own && batchMatMul(own, inputs, attrs)) ?? original.kernelFunc(args);
    },
  });
}

/** Null where the operands are not ours to multiply. */
function batchMatMul(workspace: Workspace, { a, b }: Arguments['inputs'], { transposeA, transposeB }: Arguments['attrs']): tf.TensorInfo | null {
  if (a.dtype !== 'float32' || b.dtype !== 'float32') {
    return null;
  }
  const aBatchShape = a.shape.slice(0, -2);
  const bBatchShape = b.shape.slice(0, -2);
  const aBatch = tf.util.sizeFromShape(aBatchShape);
  const bBatch = tf.util.sizeFromShape(bBatchShape);
  const same = aBatchShape.length === bBatchShape.length && aBatchShape.every((size, axis) => size === bBatchShape[axis]);
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
  const output = workspace.backend.makeOutput([...batchShape, rows, columns], 'float32');
  const scratch = workspace.productScratch().product;
  const { kernels } = workspace;
  const [aAddress, bAddress, cAddress] = [workspace.address(a), workspace.address(b), workspace.address(output)];
  if (bBatch === 1 && !transposeA) {
    // One matrix for every batch: its rows follow one another, so this is a single product.
    kernels.matrixProduct(
      batch * rows, columns, depth, aAddress, depth * 4, false, bAddress, (transposeB ? depth : columns) * 4, transposeB, 0, 0, cAddress, columns * 4, scratch,
    );
  } else {
    kernels.matrixProductBatch(
      batch, rows, columns, depth,
      aAddress, aBatch === 1 ? 0 : rows * depth * 4, transposeA,
      bAddress, bBatch === 1 ? 0 : depth * columns * 4, transposeB,
      cAddress, scratch,
    );
  }
  return output;
}
