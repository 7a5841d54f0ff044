import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { madeWith } from '../results/made-with.mjs';
import { runProgram } from './run-program.mjs';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** A copy of what git knows, so that versions and changelogs are not written into the working tree. */
async function copyRepository({ root, copy }) {
  const { stdout } = await runProgram({ program: 'git', args: ['ls-files', '-z'], folder: root });
  const files = stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
  for (const file of files) cpSync(join(root, file), join(copy, file), { verbatimSymlinks: true });
  const pnpm = join(root, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs');
  await runProgram({
    program: process.execPath,
    args: [pnpm, 'install', '--prefer-offline', '--frozen-lockfile'],
    folder: copy,
  });
  const git = (...args) => runProgram({ program: 'git', args, folder: copy });
  await git('init', '-q', '-b', 'main');
  await git('add', '-A');
  await git('-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost', 'commit', '-qm', 'rehearsal');
}

/** Private packages whose versions `changeset version` raised, which it is told not to do. */
function raisedPrivately({ root, copy }) {
  return readdirSync(join(root, 'tooling'))
    .map((name) => join('tooling', name, 'package.json'))
    .filter((file) => existsSync(join(root, file)))
    .filter((file) => readJson(join(copy, file)).version !== readJson(join(root, file)).version)
    .map((file) => `${file}: changeset version raised the version of a private package`);
}

/** Builds the package of the engine native for this platform, and publishes it as the release does; false without a compiler. */
async function publishPlatform({ folder, copy, environment }) {
  const script = (name) => join(copy, 'packages', 'engine-native', 'scripts', name);
  const libraries = join(folder, 'libraries');
  const built = await runProgram({
    program: process.execPath,
    args: [script('build-platform.mjs'), '--out', libraries],
    folder: copy,
    mayFail: true,
  });
  if (!built.ok && built.output.includes('no C++ compiler')) return false;
  if (!built.ok) throw new Error(`build-platform.mjs failed:\n${built.output.slice(-3000)}`);
  const args = [script('publish-platforms.mjs'), libraries, '--any'];
  await runProgram({ program: process.execPath, args, folder: copy, environment });
  return true;
}

/**
 * Publishes every package as the release does (`changeset version`, the build, the package of this platform, `changeset
 * publish`), from a copy of the working tree in `folder`, and writes there what was published; where that has been done,
 * gives back what it wrote. One that was interrupted resumes in the copy that is there.
 *
 * @param options.log Told of each step.
 */
export async function publishPackages({ root, folder, registry, log }) {
  const record = join(folder, 'published.json');
  if (existsSync(record)) return readJson(record);
  const copy = join(folder, 'repository');
  if (!existsSync(join(copy, '.git'))) {
    log('Copying the repository …');
    writeFileSync(join(folder, 'made.json'), JSON.stringify(madeWith()));
    await copyRepository({ root, copy });
  }
  const environment = {
    ...registry.environment,
    PATH: `${join(copy, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
  };
  const inCopy = (...args) => runProgram({ program: process.execPath, args, folder: copy, environment });
  const changeset = join(copy, 'node_modules', '@changesets', 'cli', 'bin.js');
  await inCopy(changeset, 'version');
  const faults = raisedPrivately({ root, copy });
  log('Building …');
  const turbo = join(copy, 'node_modules', 'turbo', 'bin', 'turbo');
  await inCopy(turbo, 'run', 'build', 'build:types', '--output-logs=errors-only', '--ui=stream');
  const platform = await publishPlatform({ folder, copy, environment });
  log('Publishing …');
  await inCopy(changeset, 'publish', '--no-git-tag');
  const manifests = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(copy, group)).map((name) => readJson(join(copy, group, name, 'package.json'))),
  );
  const published = { made: readJson(join(folder, 'made.json')), platform, manifests, faults };
  writeFileSync(record, JSON.stringify(published));
  return published;
}
