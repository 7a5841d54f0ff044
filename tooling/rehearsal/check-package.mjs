import { join } from 'node:path';

import { checkBrowser, forBrowsers, peersForBrowsers } from './check-browser.mjs';
import { checkExample } from './check-example.mjs';
import { checkImports, entriesOf } from './check-imports.mjs';
import { checkRefusal, checkTypes } from './check-types.mjs';
import { installAlone, vulnerabilities } from './install-alone.mjs';
import { runProgram } from './run-program.mjs';

/** The engine native runs in a folder where no compiler is found: the package of this platform came along by itself. */
async function checkNative({ folder }) {
  const program =
    "const { useEngine } = await import('@subtext/tensor'); process.stdout.write((await useEngine({ engine: 'native' })).device.name);";
  const { ok, output } = await runProgram({
    program: process.execPath,
    args: ['--input-type=module', '-e', program],
    folder,
    environment: { SUBTEXT_ENGINES: join(folder, 'engines'), CXX: join(folder, 'no-compiler') },
    mayFail: true,
  });
  return ok ? [] : [`the engine without a compiler: ${output.trim().slice(-1500)}`];
}

/**
 * Installs one package alone, from the registry, and imports, requires and starts it.
 *
 * @param options.tarballBytes Of the package in the registry.
 * @param options.others The registry of all other packages, which is asked for vulnerabilities.
 * @param options.platform Whether the package of this platform was published.
 * @returns What was found, as it goes into the results, with every fault.
 */
export async function checkInstalled({ manifest, folder, registry, others, nodes, tarballBytes, platform }) {
  const { name, version } = manifest;
  const tree = await installAlone({ name, folder, registry });
  const known = await vulnerabilities({ folder, registry: others });
  const { passed, faults } = await checkImports({ manifest, folder, nodes });
  if (name === '@subtext/engine-native' && platform) faults.push(...(await checkNative({ folder })));
  return {
    name,
    version,
    ...passed,
    forBrowsers: forBrowsers(manifest),
    tarball: Math.round(tarballBytes / 1000),
    installed: Math.round(tree.bytes / 1000),
    dependencies: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).length,
    packages: tree.packages,
    scripts: tree.scripts,
    deprecated: tree.deprecated,
    vulnerable: known ?? null,
    faults: [
      ...faults,
      ...tree.deprecated.map((told) => `deprecated: ${told}`),
      ...(known ?? []).map((told) => `vulnerable: ${told}`),
    ],
  };
}

/** Compiles against what `checkInstalled` has installed, runs its README's example, and puts it into a page. */
export async function checkUsed({ manifest, folder, registry }) {
  const { name } = manifest;
  const library = entriesOf(manifest).length > 0;
  const types = library ? await checkTypes({ manifest, folder }) : { passed: [], faults: [] };
  if (name === '@subtext/core') types.faults.push(...(await checkRefusal({ folder })));
  const example = library ? await checkExample({ name, folder }) : { faults: [] };
  const found = { types: types.passed, example: example.ran || undefined };
  if (!forBrowsers(manifest)) return { ...found, faults: [...types.faults, ...example.faults] };
  const more = peersForBrowsers[name];
  const page = more ? `${folder}+peers` : folder;
  if (more) await installAlone({ name, folder: page, registry, more });
  const browser = await checkBrowser({ manifest, folder: page });
  return { ...found, browser: browser.ran ?? null, faults: [...types.faults, ...example.faults, ...browser.faults] };
}
