import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('the example in the README runs and prints what it says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([^]*?)```/.exec(readme)![1]!;
  const folder = await mkdtemp(join(tmpdir(), 'safetensors-readme-'));
  try {
    const { outputFiles } = await build({
      stdin: { contents: `${example}\nconsole.log(weight, data);`, resolveDir: folder, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      alias: { '@subtext/safetensors': new URL('./index.ts', import.meta.url).pathname },
    });
    await writeFile(join(folder, 'example.mjs'), outputFiles[0]!.text);
    const printed = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(printed.replace(/\s+/g, ' ')).toBe(
      "{ dtype: 'BF16', shape: [ 2, 3 ], byteLength: 12 } Float32Array(6) [ 1, 2, 3, 4, 5, 6 ] BigInt64Array(1) [ 1000n ] ",
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
