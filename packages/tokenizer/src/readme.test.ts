import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('the example in the README runs and prints what it says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([^]*?)```/.exec(readme)![1]!;
  const folder = await mkdtemp(join(tmpdir(), 'tokenizer-readme-'));
  try {
    const { outputFiles } = await build({
      stdin: { contents: example, resolveDir: folder, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      alias: { '@subtext/tokenizer': new URL('./index.ts', import.meta.url).pathname },
    });
    await writeFile(join(folder, 'example.mjs'), outputFiles[0]!.text);
    const printed = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(printed.trim().split('\n')).toEqual([
      "[ '<THINKING_OF_SUMMARY>', '<THINKING_OF_REASONING>' ]",
      'What is left of the red circle?',
      'true',
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
