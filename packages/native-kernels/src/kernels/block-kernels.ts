import type { tf, FusedKernels, TransformerBlockParts } from '@subtext/tensor';
import {
  activationCodes,
  adapterTensors,
  blockIsPlain,
  transformerBlockLayers,
  transformerBlockTensors,
} from '@subtext/tensor/engine';
import type { OperationRunner } from './operation-runner';

/** Whole blocks: `native/block-operations.h` lists their inputs. */
export function blockKernels({
  run,
  settings,
  absent,
}: OperationRunner): Pick<Required<FusedKernels>, 'continuedBlock' | 'decoderBlock' | 'transformerBlock'> {
  const inputsOf = (block: TransformerBlockParts & { mask: tf.Tensor | null; frozen?: boolean }, offset = 0) => {
    const { attentionNorm, feedForwardNorm, heads, keyValueHeads, causal, scale, activation, rotary, mask } = block;
    const layers = transformerBlockLayers(block);
    const values = settings(
      heads,
      keyValueHeads,
      causal ? 1 : 0,
      scale,
      activationCodes[activation],
      attentionNorm.epsilon,
      feedForwardNorm.epsilon,
      ...layers.map((layer) => (layer?.layout === 'out-in' ? 1 : 0)),
      offset,
      ...layers.map((layer) => layer?.adapter?.scaling ?? 0),
      block.frozen ? 1 : 0,
    );
    const tensors = transformerBlockTensors(block).map((tensor) => tensor ?? absent.float);
    return [
      ...tensors.slice(0, -adapterTensors),
      rotary?.cos ?? absent.float,
      rotary?.sin ?? absent.float,
      mask ?? absent.integer,
      values,
      ...tensors.slice(-adapterTensors),
    ];
  };
  const supports = (block: TransformerBlockParts & { frozen?: boolean }) => blockIsPlain(block, { adapters: true });
  /** Which of a block's tensors gradients are computed of, and the shapes of what comes for all. */
  const gradientsOf = (block: TransformerBlockParts & { frozen?: boolean }) => {
    const tensors = transformerBlockTensors(block);
    const wanted = tensors.map(
      (tensor, place) => tensor !== null && (!block.frozen || place === 0 || place >= tensors.length - adapterTensors),
    );
    return {
      shapes: tensors.map((tensor, place) => (wanted[place] ? tensor!.shape : [0])),
      /** Of what came, what was asked for; the rest is freed. */
      asked: (found: readonly tf.Tensor[]) =>
        wanted.map((asked, index) => {
          if (asked) return found[index]!;
          found[index]!.dispose();
          return null;
        }),
    };
  };
  return {
    continuedBlock: {
      supports,
      forward: ({ past, ...block }) => {
        const [batch, time] = block.input.shape;
        const { heads, keyValueHeads, output: layer } = block;
        const queryWidth = layer.weight.shape[layer.layout === 'out-in' ? 1 : 0]!;
        const all = [batch, (past?.key.shape[1] ?? 0) + time, (queryWidth / heads) * keyValueHeads];
        const [output, key, value, ...values] = run<tf.Tensor[]>(
          'SubtextContinuedBlock',
          [...inputsOf(block), past?.key ?? absent.float, past?.value ?? absent.float],
          [block.input.shape, all, all, ...valueShapes(block, [batch * time * queryWidth])],
        ) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, ...tf.Tensor[]];
        return { output, key, value, values };
      },
      backward: ({ gradients, keysAndValues: { key, value }, values, ...block }) => {
        const { shapes, asked } = gradientsOf(block);
        const [batch, positions, width] = key.shape;
        const past = [batch, positions - block.input.shape[1], width];
        const found = run<tf.Tensor[]>(
          'SubtextContinuedBlockGradient',
          [...inputsOf(block), gradients.output, gradients.key, gradients.value, key, value, ...values],
          [...shapes, past, past],
        );
        const [pastKey, pastValue] = found.slice(shapes.length) as [tf.Tensor3D, tf.Tensor3D];
        return { tensors: asked(found), past: { key: pastKey, value: pastValue } };
      },
    },
    decoderBlock: {
      supports,
      forward: ({ cache, ...block }) =>
        run<[tf.Tensor3D]>(
          'SubtextDecoderBlock',
          [...inputsOf(block, cache.offset), cache.key, cache.value],
          [block.input.shape],
        )[0],
    },
    transformerBlock: {
      supports,
      forward: (block) => {
        const [output, ...values] = run<tf.Tensor[]>('SubtextTransformerBlock', inputsOf(block), [
          block.input.shape,
          ...valueShapes(block),
        ]);
        return { output: output as tf.Tensor3D, values };
      },
      backward: ({ gradient, values, ...block }) => {
        const { shapes, asked } = gradientsOf(block);
        return asked(
          run<tf.Tensor[]>('SubtextTransformerBlockGradient', [...inputsOf(block), gradient, ...values], shapes),
        );
      },
    },
  };
}

/** Of what a block keeps for its gradient: `BlockValues` in `native/transformer-block.h`; `projected` by default queries, keys and values. */
function valueShapes(block: TransformerBlockParts, projected?: number[]): number[][] {
  const { input, gate, activation, heads, keyValueHeads } = block;
  const [batch, time, width] = input.shape;
  const rows = batch * time;
  const [query, key, , , , up] = transformerBlockLayers(block).map((layer) =>
    layer === null ? null : layer.weight.shape[layer.layout === 'out-in' ? 0 : 1],
  ) as [number, number | null, number | null, number, number | null, number];
  const headWidth = key === null ? query / (heads + 2 * keyValueHeads) : query / heads;
  const kept = gate !== null ? 2 * rows * up : activation === 'none' ? 0 : rows * up;
  return [
    [rows, width],
    [2 * rows],
    projected ?? [rows * (heads + 2 * keyValueHeads) * headWidth],
    [rows, heads * headWidth],
    [batch, heads, time],
    [rows, width],
    [rows, width],
    [2 * rows],
    [rows, up],
    [kept],
  ];
}
