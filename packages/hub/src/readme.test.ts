import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';

import * as hub from './index';

afterEach(() => vi.unstubAllEnvs());

it('the example in the README gives the folder of a model that the cache holds', async () => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, example] = /```js\n([^]*?)```/.exec(text)!;
  const body = example!.replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];');
  const run = Object.getPrototypeOf(async () => {}).constructor('modules', 'console', body) as (
    modules: Record<string, unknown>,
    console: { log: (value: unknown) => void; error: (value: unknown) => void },
  ) => Promise<void>;
  const cache = await mkdtemp(join(tmpdir(), 'subtext-hub-readme-'));
  try {
    const commit = 'c'.repeat(40);
    const model = join(cache, 'models--org--name');
    const snapshot = join(model, 'snapshots', commit);
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(model, 'refs'));
    await writeFile(join(model, 'refs', 'main'), commit);
    await writeFile(join(snapshot, 'config.json'), '{}');
    await writeFile(join(snapshot, 'model.safetensors'), '');
    vi.stubEnv('HF_HUB_CACHE', cache);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const printed: unknown[] = [];
    await run({ '@subtext/hub': hub }, { log: (value) => printed.push(value), error: () => undefined });
    expect(printed).toEqual([snapshot]);
  } finally {
    await rm(cache, { recursive: true });
  }
});
