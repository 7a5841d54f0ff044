/** A worker's task: data-parallel training of a program that the worker imports. */
import type { ProgramModule } from '../programs/training-program';
import type { SharedState } from './shared-state';
import { createTrainingTask, type TrainingTask } from './training-task';

export interface TrainingWorkerOptions {
  /** URL of the program's module. */
  programModule: string;
  programOptions: unknown;
  state: SharedState;
  worker: number;
  workers: number;
}

export async function createWorkerTask({
  programModule,
  programOptions,
  ...rest
}: TrainingWorkerOptions): Promise<Record<string, (payload: never) => unknown>> {
  const { createProgram } = (await import(programModule)) as ProgramModule;
  const task: TrainingTask = createTrainingTask({ program: await createProgram(programOptions), ...rest });
  task.load();
  return {
    step: task.step as (payload: never) => unknown,
    evaluate: task.evaluate as (payload: never) => unknown,
    load: task.load,
    tensors: task.tensors,
  };
}
