import { modelSizes } from '@subtext/model';
import { engineName } from '@subtext/tensor';
import { checkMemory, defaultWorkers } from '@subtext/trainer';
import { availableParallelism } from 'node:os';

import type { TrainConfiguration } from '../configuration/schema';
import { machineMemory } from './estimate-run';

/** Threads that a run trains with. */
export function workersOf({ workers, training }: Pick<TrainConfiguration, 'workers' | 'training'>): number {
  return workers ?? defaultWorkers({ shards: training.shards, processors: availableParallelism() });
}

/**
 * Refuses a model whose weights, gradients and moments cannot fit, from its config alone: making random weights of that
 * size, or reading them, would take minutes first.
 *
 * @throws TrainerError `does-not-fit`
 */
export function checkModelFits({
  config,
  configuration,
  path,
}: {
  config: Record<string, unknown>;
  configuration: TrainConfiguration;
  /** For errors. */ path: string;
}): void {
  const { parameters } = modelSizes({ config, path });
  const { model, training } = configuration;
  // What an adapter or the parameters that are not frozen come to is known only later.
  const partly = model.lora !== undefined || model.frozen.length > 0 || configuration.interpreters?.mode === 'after';
  checkMemory({
    demand: {
      parameters,
      trainable: partly ? 0 : parameters,
      besides: parameters,
      rows: 0,
      shards: training.shards,
      workers: workersOf(configuration),
      engine: engineName(),
    },
    machine: machineMemory(),
  });
}
