import type { tf } from '../tensorflow';
import { attention } from '../operations/attention';
import { rotary, type RotaryLayout } from '../operations/rotary';
import { InputMaker, type ParityCase, type ParityInput, type Tensors } from './parity-case';
import { attentionReference, rotaryReference } from './reference';

interface AttentionShape {
  batch: number;
  queryTime: number;
  keyTime?: number;
  heads: number;
  keyValueHeads?: number;
  headWidth: number;
  causal?: boolean;
  /** `keys`: `[batch, keyTime]`; `queries`: `[batch, queryTime, keyTime]`; `blind`: as `keys`, with the first row fully masked. */
  mask?: 'keys' | 'queries' | 'blind';
  scale?: number;
  softCap?: number;
  window?: number;
}

export function attentionCase({
  batch,
  queryTime,
  keyTime = queryTime,
  heads,
  keyValueHeads = heads,
  headWidth,
  causal = false,
  mask,
  scale,
  softCap,
  window,
}: AttentionShape): ParityCase {
  const make = new InputMaker(batch * 4001 + queryTime * 211 + keyTime * 17 + heads * 5 + headWidth);
  const maskPerQuery = mask === 'queries';
  const maskInput = (): ParityInput => {
    const shape = maskPerQuery ? [batch, queryTime, keyTime] : [batch, keyTime];
    const values = Array.from({ length: shape.reduce((product, length) => product * length, 1) }, (_, index) =>
      mask === 'blind' && index < keyTime ? 0 : make.uniform() < 0.7 ? 1 : 0,
    );
    return make.integers(shape, values);
  };
  return {
    name: `attention ${batch}×${queryTime}→${keyTime}, ${heads}/${keyValueHeads} heads of ${headWidth}${causal ? ', causal' : ''}${mask ? `, mask ${mask}` : ''}${scale === undefined ? '' : `, scale ${scale}`}${softCap === undefined ? '' : `, soft cap ${softCap}`}${window === undefined ? '' : `, window ${window}`}`,
    inputs: {
      query: make.float([batch, queryTime, heads * headWidth]),
      key: make.float([batch, keyTime, keyValueHeads * headWidth]),
      value: make.float([batch, keyTime, keyValueHeads * headWidth]),
      ...(mask ? { mask: maskInput() } : {}),
    },
    run: ({ query, key, value, mask }: Tensors) =>
      attention({
        query: query as tf.Tensor3D,
        key: key as tf.Tensor3D,
        value: value as tf.Tensor3D,
        heads,
        keyValueHeads,
        causal,
        mask,
        scale,
        softCap,
        window,
      }),
    reference: ({ query, key, value, mask }) =>
      attentionReference({
        query: query!,
        key: key!,
        value: value!,
        mask,
        batch,
        queryTime,
        keyTime,
        heads,
        keyValueHeads,
        headWidth,
        causal,
        scale: scale ?? 1 / Math.sqrt(headWidth),
        maskPerQuery,
        softCap,
        window,
      }),
  };
}

export function rotaryCase({
  batch,
  time,
  heads,
  headWidth,
  shared,
  dimensions,
  layout,
}: {
  batch: number;
  time: number;
  heads: number;
  headWidth: number;
  shared: boolean;
  dimensions?: number;
  layout?: RotaryLayout;
}): ParityCase {
  const make = new InputMaker(batch * 101 + time * 11 + heads + headWidth);
  const half = (dimensions ?? headWidth) / 2;
  const tables = shared ? 1 : batch;
  const angles = Array.from({ length: tables * time * half }, () => 2 * Math.PI * make.uniform());
  return {
    name: `rotary ${batch}×${time}, ${heads} heads of ${headWidth}, ${shared ? 'shared' : 'own'} angles${dimensions === undefined ? '' : `, ${dimensions} dimensions`}${layout === undefined ? '' : `, ${layout}`}`,
    inputs: {
      input: make.float([batch, time, heads * headWidth]),
      cos: make.given([tables, time, half], angles.map(Math.cos), { differentiable: false }),
      sin: make.given([tables, time, half], angles.map(Math.sin), { differentiable: false }),
    },
    run: ({ input, cos, sin }: Tensors) =>
      rotary({
        input: input as tf.Tensor3D,
        heads,
        cos: cos as tf.Tensor3D,
        sin: sin as tf.Tensor3D,
        dimensions,
        layout,
      }),
    reference: ({ input, cos, sin }) =>
      rotaryReference({
        input: input!,
        cos: cos!,
        sin: sin!,
        batch,
        time,
        heads,
        headWidth,
        shared,
        dimensions,
        layout,
      }),
  };
}
