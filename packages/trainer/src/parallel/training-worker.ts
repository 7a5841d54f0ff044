/** A worker's task: data-parallel training of a program that the worker imports. */
import { type EngineName, useEngine } from '@subtext/tensor';

import type { ProgramModule } from '../program/training-program';
import type { SharedState } from './shared-state';
import { createTrainingTask, type TrainingTask } from './training-task';

export interface TrainingWorkerOptions {
  /** Engine to compute on. */
  engine: EngineName;
  /** URL of the program's module. */
  programModule: string;
  programOptions: unknown;
  state: SharedState;
  worker: number;
  workers: number;
}

export async function createWorkerTask({
  engine,
  programModule,
  programOptions,
  ...rest
}: TrainingWorkerOptions): Promise<Record<string, (payload: never) => unknown>> {
  await useEngine({ engine });
  const { createProgram } = (await import(programModule)) as ProgramModule;
  const task: TrainingTask = createTrainingTask({ program: await createProgram(programOptions), ...rest });
  task.load();
  return { ...task } as unknown as Record<string, (payload: never) => unknown>;
}
