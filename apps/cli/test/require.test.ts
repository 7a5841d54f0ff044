import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const app = fileURLToPath(new URL('..', import.meta.url));
const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
/** Older ones of the versions that we support have `import()` only. */
const requiresModules = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);

const entries = readdirSync(packages).flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(`${packages}${name}/package.json`, 'utf8')) as {
    exports: Record<string, unknown>;
  };
  return Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => `@subtext/${name}${path.slice(1)}`);
});

async function run(program: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=commonjs', '--eval', program], {
    cwd: app,
  });
  return JSON.parse(stdout);
}

describe.skipIf(!requiresModules)('CommonJS', () => {
  it('requires every entry point of every package, and gets what `import` gets', async () => {
    const program = `
      (async () => {
        const differ = [];
        for (const entry of ${JSON.stringify(entries)}) if (require(entry) !== (await import(entry))) differ.push(entry);
        console.log(JSON.stringify(differ));
      })();`;
    expect(entries.length).toBeGreaterThan(10);
    expect(await run(program)).toEqual([]);
  });

  it('has one engine and one set of kernels with code that imports', async () => {
    const program = `
      (async () => {
        const { useEngine } = await import('@subtext/tensor');
        await useEngine({ engine: 'wasm' });
        const { engineName, fusedKernels } = require('@subtext/tensor');
        console.log(JSON.stringify([engineName(), Object.keys(fusedKernels()).length > 0]));
      })();`;
    expect(await run(program)).toEqual(['wasm', true]);
  });
});
