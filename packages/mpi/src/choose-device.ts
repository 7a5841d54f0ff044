import { readdirSync } from 'node:fs';

import { MpiError } from './errors';
import type { LocalRank } from './local-ranks';

/**
 * The GPU that a process takes among those of its machine, each its own: a value for `CUDA_VISIBLE_DEVICES`. Undefined where
 * there are none.
 *
 * @throws MpiError `invalid-option` where a machine has fewer GPUs than processes
 */
export function chooseDevice({
  localRank,
  localSize,
  host,
  devices = visibleDevices(),
}: Pick<LocalRank, 'localRank' | 'localSize' | 'host'> & {
  /** Names of the GPUs that this process may use. @default those of `CUDA_VISIBLE_DEVICES`; where it is not set, this machine's */
  devices?: readonly string[];
}): string | undefined {
  if (devices.length === 0) return undefined;
  if (devices.length >= localSize) return devices[localRank];
  throw new MpiError({
    code: 'invalid-option',
    message: `${localSize} ranks on ${host} would share ${devices.length} ${devices.length === 1 ? 'GPU' : 'GPUs'}. Start as many ranks a machine as it has GPUs, or set CUDA_VISIBLE_DEVICES to nothing to compute on its processors.`,
  });
}

function visibleDevices(): string[] {
  const visible = process.env['CUDA_VISIBLE_DEVICES'];
  if (visible !== undefined) return visible.split(',').filter((name) => name.trim() !== '');
  try {
    return readdirSync('/dev').flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}
