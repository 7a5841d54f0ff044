import { engineCapabilities, engineName, type WeightDtype } from '@subtext/tensor';
import { totalmem } from 'node:os';

import { ModelFolderError } from './model-folder-error';
import type { ModelStructure } from './parameter-scope';

/** Memory of the machine, or of the container if that is less. Browsers report it roughly or not at all: then 8 GiB. */
export function machineMemory(): number {
  if (typeof process === 'undefined' || process.versions?.node === undefined) {
    const { deviceMemory = 8 } = (globalThis as { navigator?: { deviceMemory?: number } }).navigator ?? {};
    return deviceMemory * 2 ** 30;
  }
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Bytes per value, including its share of the scales. */
const bytesOf: Record<WeightDtype, number> = { float32: 4, bf16: 2, f16: 2, int8: 1, int4: 0.5625 };

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)}`;

/**
 * Throws, before anything is allocated, if a model's weights as stored exceed what the engine or the budget allows.
 *
 * @param options.dtypes by name, parameters stored in a narrower dtype, outside the engine's memory
 * @param options.memoryBudget bytes that weights may take. Default: the memory of the machine
 * @throws ModelFolderError `does-not-fit`
 */
export function checkMemory({
  structure,
  path,
  memoryBudget = machineMemory(),
  dtypes = new Map<string, WeightDtype>(),
}: {
  structure: ModelStructure;
  path: string;
  memoryBudget?: number;
  dtypes?: ReadonlyMap<string, WeightDtype>;
}): void {
  let [outside, inside] = [0, 0];
  for (const { name, shape } of structure.declarations.values()) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const dtype = dtypes.get(name) ?? 'float32';
    if (dtype === 'float32') inside += 4 * size;
    else outside += bytesOf[dtype] * size;
  }
  const bytes = inside + outside;
  const engine = engineName();
  const { largestWeights: limit } = engineCapabilities();
  const refuse = (rest: string): never => {
    throw new ModelFolderError({
      code: 'does-not-fit',
      path,
      message: `the weights need ${gibibytes(bytes)} GiB${outside > 0 ? '' : ' in float32'}, and ${rest}`,
    });
  };
  if (bytes > memoryBudget)
    refuse(
      `the budget is ${gibibytes(memoryBudget)}. Take a smaller model, fewer bits (dtype) or a larger machine; memoryBudget raises the budget, which is the machine's memory unless it is given.`,
    );
  if (limit !== null && inside > limit)
    refuse(
      `the engine ${engine} holds at most ${gibibytes(limit)} as float32. Use an engine that has all of the machine's memory, such as tensorflow, or fewer bits on native (dtype).`,
    );
}
