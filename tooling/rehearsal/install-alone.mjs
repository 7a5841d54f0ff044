import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runProgram } from './run-program.mjs';

/** The bytes of all files in a folder. */
function bytesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0);
}

/** What npm wrote of every package that it put into a folder. */
function packagesIn(folder) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'node_modules', '.package-lock.json'), 'utf8'));
  return Object.entries(packages).map(([path, told]) => ({ name: path.split('node_modules/').at(-1), ...told }));
}

/**
 * Installs one package in an empty folder, without running any script of any package, and says what came along.
 *
 * @param options.more Further packages, such as optional peers that a README names.
 * @returns The bytes and the number of all packages, those that are deprecated (with what npm says), and those that have a
 *   script, which was not run.
 */
export async function installAlone({ name, folder, registry, more = [] }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'alone', private: true }));
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `--registry=${registry}`, name, ...more];
  await runProgram({ program: 'npm', args, folder });
  const packages = packagesIn(folder);
  return {
    bytes: bytesIn(join(folder, 'node_modules')),
    packages: packages.length,
    deprecated: packages.filter((one) => one.deprecated).map((one) => `${one.name}: ${one.deprecated}`),
    scripts: packages.filter((one) => one.hasInstallScript).map((one) => one.name),
  };
}

/** Registries that tell nothing of vulnerabilities: some mirrors do not. */
const silent = new Set();

/**
 * The known vulnerabilities of what is installed in a folder, as the registry of all other packages tells npm.
 *
 * @returns The names with their severity, or undefined where that registry cannot be asked.
 */
export async function vulnerabilities({ folder, registry }) {
  if (silent.has(registry)) return undefined;
  const args = ['audit', '--json', `--registry=${registry}`];
  const { stdout } = await runProgram({ program: 'npm', args, folder, mayFail: true });
  let told;
  try {
    told = JSON.parse(stdout);
  } catch {
    return undefined;
  }
  return (
    told.vulnerabilities && Object.values(told.vulnerabilities).map(({ name, severity }) => `${name}: ${severity}`)
  );
}
