import { tf } from '../tensorflow';
import { fusedKernels, supporting } from '../kernels/registry';
import { adapterTensors, transformerBlockTensors } from '../kernels/transformer-block-tensors';
import type { ContinuedBlockOptions, KeysAndValues } from '../kernels/kernels';
import { check, checkFloat, shapeText } from './check';
import { blockIsPlain, checkBlock } from './check-block';
import { differentiables } from './differentiable';
import { windowedMask } from './sliding-window';

/**
 * A whole pre-norm block, `[batch, time, width]` → the same shape, whose queries also see the keys and values of earlier
 * positions, `[batch, past, keyValueHeads·headWidth]`: like `transformerBlock`, with gradients for these. `mask` covers all
 * keys, `[batch, past + time]` or `[batch, time, past + time]`. Returns null if the engine has no such kernel; the block
 * is then composed of its operations.
 *
 * @returns its output, and all keys and values, earlier ones first: `[batch, past + time, keyValueHeads·headWidth]`
 * @throws OperationError if shapes do not match
 */
export function continuedBlock(options: ContinuedBlockOptions): (KeysAndValues & { output: tf.Tensor3D }) | null {
  const kernel = supporting({ kernel: fusedKernels().continuedBlock, options, plain: blockIsPlain(options) });
  if (kernel === null) return null;
  const { input, rotary, mask, past, window = null } = options;
  const operation = 'continuedBlock';
  const earlier = past?.key.shape[1] ?? 0;
  const { batch, time, keyWidth } = checkBlock({
    operation,
    block: options,
    mask,
    keyTime: earlier + input.shape[1],
  });
  for (const [name, tensor] of Object.entries(past ?? {}) as [string, tf.Tensor][]) {
    checkFloat(operation, `the earlier ${name}`, tensor);
    check(
      operation,
      tf.util.arraysEqual(tensor.shape, [batch, earlier, keyWidth]),
      () => `the earlier ${name} must be [${batch}, ${earlier}, ${keyWidth}], got ${shapeText(tensor)}.`,
    );
  }
  const tensors = transformerBlockTensors(options);
  const present = tensors.flatMap((tensor, place) =>
    tensor && (!options.frozen || place === 0 || place >= tensors.length - adapterTensors)
      ? [{ name: `tensor${place}`, tensor, place }]
      : [],
  );
  let hasMask = false;
  const [output, key, value] = differentiables<[tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]>({
    inputs: {
      ...Object.fromEntries(present.map(({ name, tensor }) => [name, tensor])),
      ...(past && { pastKey: past.key, pastValue: past.value }),
    },
    forward: (save) => {
      const seen = windowedMask({ mask, window, batch, queryTime: time, keyTime: earlier + time });
      const { values, ...made } = kernel.forward({ ...options, mask: seen });
      hasMask = seen !== null;
      save([
        ...[input, made.key, made.value],
        ...(rotary ? [rotary.cos, rotary.sin] : []),
        ...(seen ? [seen] : []),
        ...values,
      ]);
      return [made.output, made.key, made.value];
    },
    gradients: (gradients, saved) => {
      const [keptInput, keptKey, keptValue, ...rest] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, ...tf.Tensor[]];
      const keptRotary = rotary && { cos: rest.shift() as tf.Tensor3D, sin: rest.shift() as tf.Tensor3D };
      const keptMask = hasMask ? rest.shift()! : null;
      const { past: _past, ...block } = options;
      // Computed eagerly: `tf.grads` would free tensors that are created together with one of several gradients.
      const found = kernel.backward({
        ...block,
        input: keptInput,
        rotary: keptRotary,
        mask: keptMask,
        gradients: { output: gradients[0], key: gradients[1], value: gradients[2] },
        keysAndValues: { key: keptKey, value: keptValue },
        values: rest,
      });
      return {
        ...Object.fromEntries(present.map(({ name, place }) => [name, () => found.tensors[place]!])),
        ...(past && { pastKey: () => found.past.key, pastValue: () => found.past.value }),
      };
    },
  });
  return { output, key, value };
}
