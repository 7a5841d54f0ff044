import { tf } from '../tensorflow';
import type { LinearWeights, TransformerBlockParts } from '../kernels/kernels';
import { transformerBlockLayers, transformerBlockTensors } from '../kernels/transformer-block-tensors';
import { checkActivation } from './activations';
import { check, checkFloat, checkInt, shapeText } from './check';
import { checkWindow } from './sliding-window';

/**
 * Throws unless the tensors of a block have matching shapes, which its kernels rely on.
 *
 * @param keyTime number of keys that a query may see, including those in a cache
 */
export function checkBlock({
  operation,
  block,
  mask,
  keyTime,
}: {
  operation: string;
  block: TransformerBlockParts;
  mask: tf.Tensor | null;
  keyTime?: number;
}): { batch: number; time: number; keyWidth: number } {
  const { input, attentionNorm, feedForwardNorm, projections, heads, keyValueHeads, output, up, rotary } = block;
  const outputs = (layer: LinearWeights) => layer.weight.shape[layer.layout === 'out-in' ? 0 : 1]!;
  const inputs = (layer: LinearWeights) => layer.weight.shape[layer.layout === 'out-in' ? 1 : 0]!;
  transformerBlockTensors(block).forEach((tensor, place) => {
    if (tensor !== null) checkFloat(operation, place === 0 ? 'input' : `weight ${place}`, tensor);
  });
  check(operation, input.shape.length === 3, () => `input must be [batch, time, width], got ${shapeText(input)}.`);
  const [batch, time, width] = input.shape;
  checkActivation(operation, block.activation);
  checkWindow({ operation, window: block.window ?? null, causal: block.causal });
  const queryWidth = inputs(output);
  const headWidth = queryWidth / heads;
  const headsFit = [heads, keyValueHeads, headWidth, heads / keyValueHeads].every(
    (count) => Number.isInteger(count) && count > 0,
  );
  check(
    operation,
    headsFit,
    () => `${heads} heads and ${keyValueHeads} of keys and values do not fit a width of ${queryWidth}.`,
  );
  const keyWidth = headWidth * keyValueHeads;
  const inner = outputs(up);
  const packed = 'packed' in projections;
  const projected = packed ? [queryWidth + 2 * keyWidth, 0, 0] : [queryWidth, keyWidth, keyWidth];
  const expected = [
    ...projected.map((out) => [width, out]),
    [queryWidth, width],
    [width, inner],
    [width, inner],
    [inner, width],
  ] as [number, number][];
  /** Which layers, in order, are optional. */
  const optional = [false, packed, packed, false, true, false, false];
  transformerBlockLayers(block).forEach((layer, index) => {
    const [from, to] = expected[index]!;
    if (!layer) return check(operation, optional[index]!, () => `layer ${index} is missing.`);
    const fits =
      layer.weight.shape.length === 2 &&
      inputs(layer) === from &&
      outputs(layer) === to &&
      (layer.bias === null || tf.util.arraysEqual(layer.bias.shape, [to]));
    check(
      operation,
      fits,
      () =>
        `layer ${index} must lead from ${from} to ${to}, got a weight ${shapeText(layer.weight)} laid out '${layer.layout}'${layer.bias ? ` and a bias ${shapeText(layer.bias)}` : ''}.`,
    );
    const { adapter } = layer;
    if (!adapter) return;
    const rank = adapter.down.shape[0]!;
    check(
      operation,
      rank > 0 &&
        tf.util.arraysEqual(adapter.down.shape, [rank, from]) &&
        tf.util.arraysEqual(adapter.up.shape, [to, rank]),
      () =>
        `the adapter of layer ${index} must be [rank, ${from}] and [${to}, rank], got ${shapeText(adapter.down)} and ${shapeText(adapter.up)}.`,
    );
  });
  for (const { scale, bias, epsilon } of [attentionNorm, feedForwardNorm]) {
    check(
      operation,
      scale.size === width && (bias === null || bias.size === width),
      () => `norms must have ${width} numbers, got ${shapeText(scale)}${bias ? ` and ${shapeText(bias)}` : ''}.`,
    );
    check(operation, epsilon >= 0, () => `epsilon must not be negative, got ${epsilon}.`);
  }
  if (rotary) {
    for (const [name, angles] of [
      ['cos', rotary.cos],
      ['sin', rotary.sin],
    ] as const) {
      checkFloat(operation, name, angles);
      const fits =
        tf.util.arraysEqual(angles.shape, [rotary.cos.shape[0], time, headWidth / 2]) &&
        [1, batch].includes(angles.shape[0]);
      check(
        operation,
        fits,
        () => `${name} must be [batch or 1, ${time}, ${headWidth / 2}], cos and sin alike, got ${shapeText(angles)}.`,
      );
    }
  }
  if (mask) checkMask({ operation, mask, batch, time, keyTime: keyTime ?? time });
  return { batch, time, keyWidth };
}

/**
 * Whether every block kernel supports the block: no soft cap, and rotary embedding, if any, over whole heads in halves;
 * no adapters or frozen weights, unless allowed by `adapters`. The operation turns a window into a mask.
 */
export function blockIsPlain(
  block: TransformerBlockParts & { frozen?: boolean },
  { adapters = false }: { /** Allow adapters and frozen weights. @default false */ adapters?: boolean } = {},
): boolean {
  const { projections, output, heads, softCap = null, rotary, rotaryDimensions, rotaryLayout = 'halves' } = block;
  if (softCap !== null) return false;
  if (!adapters && (block.frozen || transformerBlockLayers(block).some((layer) => layer?.adapter))) return false;
  if (!rotary) return true;
  const headWidth = (output.weight.shape[output.layout === 'out-in' ? 1 : 0] ?? 0) / heads;
  return !('packed' in projections) && rotaryLayout === 'halves' && (rotaryDimensions ?? headWidth) === headWidth;
}

/** Throws unless `mask` is int32 with one entry per key, or per pair of query and key. */
export function checkMask({
  operation,
  mask,
  batch,
  time,
  keyTime,
}: {
  operation: string;
  mask: tf.Tensor;
  batch: number;
  time: number;
  keyTime: number;
}): void {
  checkInt(operation, 'mask', mask);
  const fits = [
    [batch, keyTime],
    [batch, time, keyTime],
  ].some((shape) => tf.util.arraysEqual(mask.shape, shape));
  check(
    operation,
    fits,
    () =>
      `mask must be int32 [${batch}, ${keyTime}] or [${batch}, ${time}, ${keyTime}], got ${mask.dtype} ${shapeText(mask)}.`,
  );
}
