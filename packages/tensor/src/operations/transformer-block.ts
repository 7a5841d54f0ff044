import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import { transformerBlockLayers, transformerBlockTensors } from '../kernels/transformer-block-tensors';
import type { LinearWeights, TransformerBlockOptions } from '../kernels/fused-kernels';
import { check, shapeText } from './check';
import { differentiable } from './differentiable';

/**
 * A whole pre-norm block with its gradients, `[batch, time, width]` to the same, as one call of the engine: see
 * {@link TransformerBlockOptions} for its equation. Null where the engine has no such kernel; the block is then made of
 * its operations. The gradients of all its weights are computed together, whichever are asked for.
 *
 * @throws OperationError where shapes do not fit.
 */
export function transformerBlock(options: TransformerBlockOptions): tf.Tensor3D | null {
  const { transformerBlock: forward, transformerBlockGradient: backward } = fusedKernels();
  if (!forward || !backward || ('packed' in options.projections && options.rotary)) return null;
  checkBlock(options);
  const { input, rotary, mask } = options;
  const present = transformerBlockTensors(options).flatMap((tensor, place) => (tensor ? [{ name: `tensor${place}`, tensor, place }] : []));
  return differentiable<tf.Tensor3D>({
    inputs: Object.fromEntries(present.map(({ name, tensor }) => [name, tensor])),
    forward: (save) => {
      const { output, values } = forward(options);
      // What may be freed before the backward pass; weights are variables, which are not.
      save([input, ...(rotary ? [rotary.cos, rotary.sin] : []), ...(mask ? [mask] : []), ...values]);
      return output;
    },
    gradients: (gradient, saved) => {
      const [keptInput, ...rest] = saved as [tf.Tensor3D, ...tf.Tensor[]];
      const keptRotary = rotary && { cos: rest.shift() as tf.Tensor3D, sin: rest.shift() as tf.Tensor3D };
      const keptMask = mask && rest.shift()!;
      let found: (tf.Tensor | null)[] | undefined;
      const all = () => (found ??= backward({ ...options, input: keptInput, rotary: keptRotary, mask: keptMask, gradient, values: rest }));
      return Object.fromEntries(present.map(({ name, place }) => [name, () => all()[place]!]));
    },
  });
}

/** The kernel reads memory by these shapes: it must never see others. */
function checkBlock(options: TransformerBlockOptions): void {
  const { input, attentionNorm, feedForwardNorm, projections, heads, keyValueHeads, output, up, rotary, mask } = options;
  const outputs = (layer: LinearWeights) => layer.weight.shape[layer.layout === 'out-in' ? 0 : 1];
  const inputs = (layer: LinearWeights) => layer.weight.shape[layer.layout === 'out-in' ? 1 : 0];
  check('transformerBlock', input.shape.length === 3, () => `input must be [batch, time, width], got ${shapeText(input)}.`);
  const [batch, time, width] = input.shape;
  const queryWidth = inputs(output);
  const headWidth = queryWidth / heads;
  check('transformerBlock', Number.isInteger(headWidth) && Number.isInteger(heads / keyValueHeads), () => `${heads} heads and ${keyValueHeads} of keys and values do not fit a width of ${queryWidth}.`);
  const keyWidth = headWidth * keyValueHeads;
  const inner = outputs(up);
  const projected = 'packed' in projections ? [queryWidth + 2 * keyWidth, 0, 0] : [queryWidth, keyWidth, keyWidth];
  const expected = [...projected.map((out) => [width, out]), [queryWidth, width], [width, inner], [width, inner], [inner, width]] as [number, number][];
  transformerBlockLayers(options).forEach((layer, index) => {
    const [from, to] = expected[index]!;
    const fits = layer === null || (inputs(layer) === from && outputs(layer) === to && (layer.bias === null || tf.util.arraysEqual(layer.bias.shape, [to])));
    check('transformerBlock', fits, () => `layer ${index} must lead from ${from} to ${to}, got a weight ${shapeText(layer!.weight)} laid out '${layer!.layout}'${layer!.bias ? ` and a bias ${shapeText(layer!.bias)}` : ''}.`);
  });
  for (const { scale, bias } of [attentionNorm, feedForwardNorm]) {
    check('transformerBlock', scale.size === width && (bias === null || bias.size === width), () => `norms must have ${width} numbers, got ${shapeText(scale)}.`);
  }
  for (const angles of rotary ? [rotary.cos, rotary.sin] : []) {
    check('transformerBlock', [1, batch].includes(angles.shape[0]) && angles.shape[1] === time && angles.shape[2] === headWidth / 2, () => `angles must be [batch or 1, ${time}, ${headWidth / 2}], got ${shapeText(angles)}.`);
  }
  const seen = mask && [[batch, time], [batch, time, time]].some((shape) => tf.util.arraysEqual(mask.shape, shape));
  check('transformerBlock', mask === null || (seen === true && mask.dtype === 'int32'), () => `mask must be int32 [batch, time] or [batch, time, time], got ${mask!.dtype} ${shapeText(mask!)}.`);
}
