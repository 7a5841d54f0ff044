import { gitHash, type MadeWith } from '@subtext/eval';
import { engineChoice, engineName } from '@subtext/tensor';
import { arch, cpus, platform } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { version } from '../package.json';

/** What computes, for the files of results: the engine that is in use (what `auto` took), the processor, and Subtext's own commit where it runs from a clone. */
export async function madeWith(): Promise<MadeWith> {
  const here = dirname(fileURLToPath(import.meta.url));
  // Installed from the registry, the nearest work tree is the user's, not Subtext's.
  const commit = /[\\/]node_modules[\\/]/.test(here) ? null : await gitHash({ folder: here });
  const device = engineChoice()?.device.name;
  return {
    machine: {
      engine: engineName(),
      // The engine's device and the version of its library, such as `TensorFlow 2.21.0`.
      ...(device === undefined ? {} : { engine_device: device }),
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      processors: cpus().length,
      platform: `${platform()} ${arch()}`,
      ...(commit === null ? {} : { subtext_commit: commit }),
    },
    versions: { '@subtext/eval-cli': version, node: process.versions.node },
  };
}
