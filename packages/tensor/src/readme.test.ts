import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

it('the example in the README runs, and its loss falls', async () => {
  const example = /```ts\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!;
  // Inside the package, so that Node finds TensorFlow.js from there.
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'readme-'));
  try {
    const outfile = join(folder, 'example.mjs');
    await build({
      stdin: { contents: example, resolveDir: root, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      alias: { '@subtext/tensor': join(root, 'src/index.ts') },
      external: ['@tensorflow/*'],
    });
    const printed = execFileSync(process.execPath, [outfile], { encoding: 'utf8' });
    const lines = printed
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    expect(lines.map(([step]) => step)).toEqual([0, 30, 60]);
    expect(lines[2]![1]).toBeLessThan(0.1 * lines[0]![1]!);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
