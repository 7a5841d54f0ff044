import { TrainerError } from '../errors';

/**
 * The GPU that a rank takes: each its own. Undefined where there are none.
 *
 * @throws TrainerError `invalid-option` where a machine has fewer GPUs than ranks
 */
export function chooseDevice({
  localRank,
  localSize,
  host,
  devices,
}: {
  /** Among the ranks of this machine. */
  localRank: number;
  localSize: number;
  host: string;
  /** Names of the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` lists them. */
  devices: readonly string[];
}): string | undefined {
  if (devices.length === 0) return undefined;
  if (devices.length >= localSize) return devices[localRank];
  throw new TrainerError({
    code: 'invalid-option',
    message: `${localSize} ranks on ${host} would share ${devices.length} ${devices.length === 1 ? 'GPU' : 'GPUs'}. Start as many ranks a machine as it has GPUs, or set CUDA_VISIBLE_DEVICES to nothing to compute on its processors.`,
  });
}
