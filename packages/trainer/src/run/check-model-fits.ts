import { modelSizes } from '@subtext/model';
import { engineName } from '@subtext/tensor';

import { checkMemory } from '../loop/estimate-memory';
import { machineMemory } from './machine';

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
  shards,
  workers,
}: {
  config: Record<string, unknown>;
  /** For errors. */ path: string;
  /** Whether only a part of the model is trained: how much an adapter comes to is known only later. */
  partly: boolean;
  shards: number;
  workers: number;
}): void {
  const { parameters } = modelSizes({ config, path });
  checkMemory({
    demand: {
      parameters,
      trainable: partly ? 0 : parameters,
      besides: parameters,
      rows: 0,
      shards,
      workers,
      engine: engineName(),
    },
    machine: machineMemory(),
  });
}
