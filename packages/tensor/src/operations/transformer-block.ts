import { tf } from '../tensorflow';
import { fusedKernels, supporting } from '../kernels/registry';
import { adapterTensors, transformerBlockTensors } from '../kernels/transformer-block-tensors';
import type { TransformerBlockOptions } from '../kernels/kernels';
import { blockIsPlain, checkBlock } from './check-block';
import { checkTrains } from './check';
import { differentiable } from './differentiable';
import { windowedMask } from './sliding-window';

/**
 * A whole pre-norm block with its gradients, `[batch, time, width]` → the same shape, in one call of the engine; see
 * {@link TransformerBlockOptions} for the equation. Returns null if the engine has no such kernel; the block is then
 * composed of its operations. The gradients of all weights are computed together, even if only some are needed; with
 * `frozen`, those of the input and adapters.
 *
 * @throws OperationError if shapes do not match
 */
export function transformerBlock(options: TransformerBlockOptions): tf.Tensor3D | null {
  const kernel = supporting({ kernel: fusedKernels().transformerBlock, options, plain: blockIsPlain(options) });
  if (kernel === null) return null;
  const { input, rotary, mask, window = null } = options;
  const { batch, time } = checkBlock({ operation: 'transformerBlock', block: options, mask });
  const tensors = transformerBlockTensors(options);
  const present = tensors.flatMap((tensor, place) =>
    tensor && (!options.frozen || place === 0 || place >= tensors.length - adapterTensors)
      ? [{ name: `tensor${place}`, tensor, place }]
      : [],
  );
  if (!options.frozen && tf.engine().isTapeOn())
    for (const { tensor } of present) checkTrains('transformerBlock', tensor);
  let hasMask = false;
  return differentiable<tf.Tensor3D>({
    inputs: Object.fromEntries(present.map(({ name, tensor }) => [name, tensor])),
    forward: (save) => {
      const seen = windowedMask({ mask, window, batch, queryTime: time, keyTime: time });
      const { output, values } = kernel.forward({ ...options, mask: seen });
      hasMask = seen !== null;
      // Tensors that might be freed before the backward pass; weights are variables, which are not.
      save([input, ...(rotary ? [rotary.cos, rotary.sin] : []), ...(seen ? [seen] : []), ...values]);
      return output;
    },
    gradients: (gradient, saved) => {
      const [keptInput, ...rest] = saved as [tf.Tensor3D, ...tf.Tensor[]];
      const keptRotary = rotary && { cos: rest.shift() as tf.Tensor3D, sin: rest.shift() as tf.Tensor3D };
      const keptMask = hasMask ? rest.shift()! : null;
      let found: (tf.Tensor | null)[] | undefined;
      const all = () =>
        (found ??= kernel.backward({
          ...options,
          input: keptInput,
          rotary: keptRotary,
          mask: keptMask,
          gradient,
          values: rest,
        }));
      return Object.fromEntries(present.map(({ name, place }) => [name, () => all()[place]!]));
    },
  });
}
