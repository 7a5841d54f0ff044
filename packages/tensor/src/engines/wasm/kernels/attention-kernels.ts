import type { Tensor, Tensor3D } from '@tensorflow/tfjs-core';
import type { AttentionKernel, FusedKernels, RotaryKernelOptions } from '../../../kernels/kernels';
import type { Workspace } from './workspace';

type Names = 'attention' | 'rotary' | 'cacheWrite';

/** Attention in blocks of queries, rotary embedding, and cache writes. */
export function attentionKernels(workspace: Workspace): Pick<Required<FusedKernels>, Names> {
  const { kernels } = workspace;
  const maskKind = (mask: Tensor | null) => (mask ? (mask.rank === 3 ? 2 : 1) : 0);
  const maskAddress = (mask: Tensor | null) => (mask ? workspace.address(mask) : 0);
  const attention: AttentionKernel = {
    readsPrefix: true,

    forward: ({ query, key, value, heads, keyValueHeads, causal, mask, scale, keyTime }) => {
      const [batch, queryTime, width] = query.shape;
      const capacity = key.shape[1];
      const used = keyTime ?? capacity;
      const headWidth = width / heads;
      const output = workspace.output<Tensor3D>(query.shape);
      const logSumExp = workspace.output<Tensor3D>([batch, heads, queryTime]);
      const scratch = workspace.scratch(kernels.attentionScratchBytes(used, headWidth));
      kernels.attentionForward(
        batch,
        queryTime,
        used,
        capacity,
        heads,
        keyValueHeads,
        headWidth,
        workspace.address(query),
        workspace.address(key),
        workspace.address(value),
        maskKind(mask),
        maskAddress(mask),
        causal,
        scale,
        output.address,
        logSumExp.address,
        scratch,
      );
      return { output: output.tensor, kept: [logSumExp.tensor] };
    },

    backward: ({
      gradient,
      query,
      key,
      value,
      output,
      kept: [logSumExp],
      heads,
      keyValueHeads,
      causal,
      mask,
      scale,
    }) => {
      const [batch, queryTime, width] = query.shape;
      const keyTime = key.shape[1];
      const headWidth = width / heads;
      const queryGradient = workspace.output<Tensor3D>(query.shape);
      const keyGradient = workspace.output<Tensor3D>(key.shape);
      const valueGradient = workspace.output<Tensor3D>(value.shape);
      const scratch = workspace.scratch(kernels.attentionScratchBytes(keyTime, headWidth));
      kernels.attentionBackward(
        batch,
        queryTime,
        keyTime,
        heads,
        keyValueHeads,
        headWidth,
        workspace.address(gradient),
        workspace.address(query),
        workspace.address(key),
        workspace.address(value),
        workspace.address(output),
        workspace.address(logSumExp!),
        maskKind(mask),
        maskAddress(mask),
        causal,
        scale,
        queryGradient.address,
        keyGradient.address,
        valueGradient.address,
        scratch,
      );
      return { query: queryGradient.tensor, key: keyGradient.tensor, value: valueGradient.tensor };
    },
  };
  const turn = ({ input, heads, cos, sin }: RotaryKernelOptions, inverse: boolean) => {
    const [batch, time, width] = input.shape;
    const output = workspace.output<Tensor3D>(input.shape);
    kernels.rotary(
      batch,
      time,
      heads,
      width / heads,
      workspace.address(input),
      workspace.address(cos),
      workspace.address(sin),
      cos.shape[0],
      inverse,
      output.address,
    );
    return output.tensor;
  };
  return {
    attention,
    rotary: { forward: (options) => turn(options, false), backward: (options) => turn(options, true) },
    cacheWrite: ({ buffer, update, offset }) => {
      const [batch, capacity, width] = buffer.shape as [number, number, number];
      kernels.cacheWrite(
        batch,
        update.shape[1],
        capacity,
        width,
        offset,
        workspace.address(update),
        workspace.address(buffer),
      );
    },
  };
}
