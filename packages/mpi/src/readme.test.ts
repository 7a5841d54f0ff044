import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

import { loadMpi } from './library';

const found = await loadMpi().catch(() => undefined);

it.skipIf(!found)('the example in the README runs, alone where there is no mpirun', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, example] = /```ts\n([^]*?)```/.exec(readme)!;
  // Inside the package, whose name its own programs may import.
  const folder = await mkdtemp(fileURLToPath(new URL('../dist/readme-', import.meta.url)));
  await writeFile(join(folder, 'sum.mjs'), example!);
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'sum.mjs')], { encoding: 'utf8' });
  await rm(folder, { recursive: true });
  expect(stdout, stderr).toBe('1 processes: the sum is 1\n');
});
