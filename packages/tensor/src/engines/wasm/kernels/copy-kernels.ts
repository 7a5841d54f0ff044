import { tf } from '../../../tensorflow';
import { check } from '../../../operations/check';
import { replaceKernel } from './replace-kernel';
import type { Workspace } from './workspace';

/** Decomposes a shape along one axis: `outer` × (axis) × `inner` elements. */
function around(shape: readonly number[], axis: number): { outer: number; inner: number } {
  return {
    outer: tf.util.sizeFromShape(shape.slice(0, axis)),
    inner: tf.util.sizeFromShape(shape.slice(axis + 1)),
  };
}

const copies = (dtype: tf.DataType): boolean => dtype === 'float32' || dtype === 'int32';

function checkWhole(operation: string, numbers: readonly number[]): void {
  for (const number of numbers) {
    check(
      operation,
      Number.isInteger(number) && number >= 0,
      () => `places and sizes must be whole numbers, not negative, got ${number}.`,
    );
  }
}

/** A slice of `x` along one axis, as a new tensor. */
function part(workspace: Workspace, x: tf.TensorInfo, axis: number, begin: number, size: number): tf.TensorInfo {
  const shape = x.shape.map((length, index) => (index === axis ? size : length));
  const output = workspace.outputInfo(shape, x.dtype);
  const { outer, inner } = around(x.shape, axis);
  workspace.kernels.copyBlocks(
    outer,
    size * inner * 4,
    workspace.address(x) + begin * inner * 4,
    x.shape[axis]! * inner * 4,
    workspace.address(output),
    size * inner * 4,
  );
  return output;
}

/** Faster `tf.split`, `tf.slice` along one axis and `tf.concat`: blocks are copied, not elements. */
export function installCopyKernels(workspace: Workspace): void {
  replaceKernel<{ x: tf.TensorInfo }, { numOrSizeSplits: number | number[]; axis: number }>(
    workspace,
    'SplitV',
    (own, { x }, { numOrSizeSplits, axis }) => {
      if (!copies(x.dtype)) {
        return null;
      }
      const along = tf.util.parseAxisParam(axis, x.shape)[0]!;
      const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, along);
      checkWhole('split', sizes);
      let begin = 0;
      return sizes.map((size) => {
        const piece = part(own, x, along, begin, size);
        begin += size;
        return piece;
      });
    },
  );

  replaceKernel<{ x: tf.TensorInfo }, { begin: number | number[]; size: number | number[] }>(
    workspace,
    'Slice',
    (own, { x }, attributes) => {
      const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attributes.begin, attributes.size) as [
        number[],
        number[],
      ];
      const cut = size.flatMap((length, axis) => (length === x.shape[axis] ? [] : [axis]));
      if (!copies(x.dtype) || cut.length !== 1) {
        return null;
      }
      tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
      // TensorFlow.js accepts negative and fractional numbers and then reads out of bounds.
      checkWhole('slice', [...begin, ...size]);
      return part(own, x, cut[0]!, begin[cut[0]!]!, size[cut[0]!]!);
    },
  );

  replaceKernel<tf.TensorInfo[], { axis: number }>(workspace, 'Concat', (own, inputs, { axis }) => {
    // TensorFlow.js passes an array-like object, not necessarily an array.
    const operands = Object.values(inputs);
    const first = operands[0]!;
    if (!operands.every(({ dtype }) => copies(dtype) && dtype === first.dtype)) {
      return null;
    }
    const along = tf.util.parseAxisParam(axis, first.shape)[0]!;
    const shapes = operands.map(({ shape }) => shape);
    tf.backend_util.assertParamsConsistent(shapes, along);
    const output = own.outputInfo(tf.backend_util.computeOutShape(shapes, along), first.dtype);
    const { outer, inner } = around(output.shape, along);
    const stride = output.shape[along]! * inner * 4;
    let target = own.address(output);
    for (const operand of operands) {
      const bytes = operand.shape[along]! * inner * 4;
      own.kernels.copyBlocks(outer, bytes, own.address(operand), bytes, target, stride);
      target += bytes;
    }
    return output;
  });
}
