import { engineCapabilities, engineName } from '@subtext/tensor';
import { totalmem } from 'node:os';

import { ModelFolderError } from './model-folder-error';
import type { ModelStructure } from './parameter-scope';

/** All of the machine's memory, or of the container's where that is less. A browser tells it roughly or not at all: then 8 GiB. */
export function machineMemory(): number {
  if (typeof process === 'undefined' || process.versions?.node === undefined) {
    const { deviceMemory = 8 } = (globalThis as { navigator?: { deviceMemory?: number } }).navigator ?? {};
    return deviceMemory * 2 ** 30;
  }
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)}`;

/**
 * Refuses a model whose weights, as float32, are more than the engine or a budget holds, before anything is allocated.
 *
 * @param options.memoryBudget bytes that weights may take. Default: the memory of the machine
 * @throws ModelFolderError `does-not-fit`
 */
export function checkMemory({
  structure,
  path,
  memoryBudget = machineMemory(),
}: {
  structure: ModelStructure;
  path: string;
  memoryBudget?: number;
}): void {
  const bytes = [...structure.declarations.values()].reduce(
    (sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1),
    0,
  );
  const engine = engineName();
  const { largestWeights: limit } = engineCapabilities();
  const refuse = (rest: string): never => {
    throw new ModelFolderError({
      code: 'does-not-fit',
      path,
      message: `the weights need ${gibibytes(bytes)} GiB in float32, and ${rest}`,
    });
  };
  if (bytes > memoryBudget)
    refuse(
      `the budget is ${gibibytes(memoryBudget)}. Take a smaller model or a larger machine; memoryBudget raises the budget, which is the machine's memory unless it is given.`,
    );
  if (limit !== null && bytes > limit)
    refuse(
      `the engine ${engine} holds at most ${gibibytes(limit)}. Use an engine that has all of the machine's memory, such as tensorflow.`,
    );
}
