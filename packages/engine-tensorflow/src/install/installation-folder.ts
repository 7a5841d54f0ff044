import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';

import type { LoadedTensorflow } from '../load-tensorflow-package';
import { isRunning } from '@subtext/native-kernels';
import { packages } from './fill-package';

/** What makes the folder an installation: written last. */
export async function writeManifest({
  stage,
  packageFolder,
  source,
  loaded,
}: {
  stage: string;
  packageFolder: string;
  source: string;
  loaded: LoadedTensorflow;
}): Promise<void> {
  const files: Record<string, string> = {};
  for (const top of ['lib', 'deps']) {
    for (const entry of await readdir(join(packageFolder, top), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && /\.(node|so|dylib)(\.\d+)*$/.test(entry.name)) {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const hash = createHash('sha256');
        for await (const chunk of createReadStream(path)) {
          hash.update(chunk as Buffer);
        }
        files[relative(stage, path)] = hash.digest('hex');
      }
    }
  }
  const file = await open(join(stage, 'subtext-engine.json'), 'w');
  await file.writeFile(
    JSON.stringify(
      {
        engine: 'tensorflow',
        tensorflow: loaded.version,
        gpu: loaded.gpu,
        source,
        packages,
        platform: process.platform,
        architecture: process.arch,
        sha256: files,
      },
      null,
      2,
    ),
  );
  await file.sync();
  await file.close();
}

export async function moveInto({ stage, target }: { stage: string; target: string }): Promise<void> {
  const old = `${target}.partial-old-${process.pid}`;
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') {
      throw error;
    }
  });
  await rename(stage, target);
  await rm(old, { recursive: true, force: true });
}

/** Folders of installations that were killed. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^tensorflow-(?:cpu|gpu)\.partial-(?:old-)?(\d+)$/.exec(name)?.[1];
    if (owner && !isRunning(Number(owner))) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
