import { modelSizes } from '@subtext/model';
import { engineName, type WeightDtype } from '@subtext/tensor';

import { checkMemory } from '../loop/estimate-memory';
import { machineMemory } from './machine';

/** Bytes of a number by dtype, with its share of scales and of what stays float32. */
export const frozenBytes: Record<WeightDtype, number> = { float32: 4, bf16: 2, f16: 2, int8: 1.1, int4: 0.65 };

/**
 * Refuses a model whose weights, gradients and moments cannot fit, from its config alone: making random weights of that
 * size, or reading them, would take minutes first.
 *
 * @throws TrainerError `does-not-fit`
 */
export function checkModelFits({
  config,
  path,
  partly,
  dtype = 'float32',
  shards,
  workers,
}: {
  config: Record<string, unknown>;
  /** For errors. */ path: string;
  /** Whether only a part of the model is trained: how much an adapter comes to is known only later. */
  partly: boolean;
  /** How what is not trained is stored. @default 'float32' */ dtype?: WeightDtype;
  shards: number;
  workers: number;
}): void {
  const { parameters } = modelSizes({ config, path });
  checkMemory({
    demand: {
      parameters,
      trainable: partly ? 0 : parameters,
      besides: parameters,
      frozenBytes: frozenBytes[dtype],
      rows: 0,
      shards,
      workers,
      engine: engineName(),
    },
    machine: machineMemory(),
  });
}
