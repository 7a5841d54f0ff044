import { readdirSync } from 'node:fs';

import { MpiError } from './errors';
import type { LocalRank } from './local-ranks';

/**
 * Assigns one of the machine's GPUs to each of its processes: a value for `CUDA_VISIBLE_DEVICES`. Undefined if there are
 * none.
 *
 * @throws MpiError `invalid-option` if a machine has fewer GPUs than processes
 */
export function chooseDevice({
  localRank,
  localSize,
  host,
  devices = visibleDevices(),
}: Pick<LocalRank, 'localRank' | 'localSize' | 'host'> & {
  /** GPUs that this process may use. @default `CUDA_VISIBLE_DEVICES`, or if unset all GPUs of this machine */
  devices?: readonly string[];
}): string | undefined {
  if (devices.length === 0) return undefined;
  if (devices.length >= localSize) return devices[localRank];
  throw new MpiError({
    code: 'invalid-option',
    message: `${localSize} ranks on ${host} would share ${devices.length} ${devices.length === 1 ? 'GPU' : 'GPUs'}. Start one rank per GPU on each machine, or set CUDA_VISIBLE_DEVICES to the empty string to use the CPU.`,
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
