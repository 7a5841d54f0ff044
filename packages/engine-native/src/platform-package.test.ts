import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compiledFile, ownSources, platformPackage } from './library-file';

// Where it is compiled: the package takes that library.
const compiled = existsSync(await compiledFile({ sources: ownSources()! }));

it.skipIf(!compiled)('the package of this platform works in an empty project without a compiler', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'subtext-platform-'));
  const script = (name: string, ...words: string[]) =>
    execFileSync(process.execPath, [join(import.meta.dirname, '..', 'scripts', `${name}.mjs`), ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  try {
    script('build-platform', '--out', folder);
    const name = platformPackage();
    const manifest = JSON.parse(
      await readFile(join(folder, name.slice('@subtext/'.length), 'package.json'), 'utf8'),
    ) as object;
    expect(manifest).toMatchObject({ name, os: [process.platform], cpu: [process.arch] });
    expect(script('try-platform', folder)).toMatch(/works in an empty project: .*own kernels/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
