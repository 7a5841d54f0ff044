/**
 * A release, rehearsed: packs and publishes every package to a registry of its own on 127.0.0.1 (verdaccio, which npm fetches),
 * by the very `changeset version`, build and `changeset publish` of the release, in a copy of the repository. Then, in empty
 * folders outside of it, each package is installed alone, without any script of any package; imported and required on each
 * Node; compiled against, strictly; run with its README's example; bundled with Vite and run in headless Chromium; and held
 * against its budget. At the end `npx @subtext/cli start` and `think` run where there is no compiler.
 *
 *   npm run rehearse -- [PACKAGE…] [--nodes 20,22,24] [--at FOLDER] [--jobs 2] [--without-command | --whole-start] [--write-budget] [--output FILE]
 *
 * `--nodes` takes versions, which npm fetches, or paths. `--at` keeps everything in a folder: what is published there is not
 * published again, so that a check can be run again by itself. So many `--jobs` are done at a time. `start` is interrupted
 * once its first model is trained, unless `--whole-start`. It takes some half an hour of a processor and the npm registry;
 * `npm test` leaves it out.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { overBudget, readBudget, writeBudget } from './budget.mjs';
import { checkCommand } from './check-command.mjs';
import { entriesOf } from './check-imports.mjs';
import { checkInstalled, checkUsed } from './check-package.mjs';
import { compiler, installCompiler } from './check-types.mjs';
import { startRegistry, upstream } from './local-registry.mjs';
import { nodePrograms } from './node-versions.mjs';
import { publishPackages } from './publish-packages.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string', default: process.versions.node },
    at: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    'without-command': { type: 'boolean', default: false },
    'whole-start': { type: 'boolean', default: false },
    'write-budget': { type: 'boolean', default: false },
    output: { type: 'string' },
  },
});

const jobs = Number(options.jobs);
if (!Number.isInteger(jobs) || jobs < 1) {
  console.error(`--jobs is ${options.jobs}: give a whole number from 1.`);
  process.exit(1);
}

const began = performance.now();
const log = (text) => console.log(`${String(Math.round((performance.now() - began) / 1000)).padStart(5)} s  ${text}`);
const work = options.at === undefined ? mkdtempSync(join(tmpdir(), 'subtext-rehearsal-')) : resolve(options.at);
mkdirSync(work, { recursive: true });

/** What earlier rehearsals in this folder found: those that are run again take their place. */
const recordPath = join(work, 'checked.json');
const record = existsSync(recordPath) ? JSON.parse(readFileSync(recordPath, 'utf8')) : { packages: {} };
const keep = () => writeFileSync(recordPath, JSON.stringify(record));

const isCalled = (part, { name }) => name === part || name.endsWith(`/${part}`);
const isWanted = (manifest) => wanted.length === 0 || wanted.some((part) => isCalled(part, manifest));

const installedLine = ({ name, import: imported, require: required, command, installed, packages, faults }) =>
  [
    `${name}: ${(installed / 1000).toFixed(1)} MB, ${packages} packages`,
    imported.length > 0 && `import and require on Node ${imported.filter((one) => required.includes(one)).join(', ')}`,
    command.length > 0 && `runs on Node ${command.join(', ')}`,
    faults.length > 0 && `FAULTS: ${faults.length}`,
  ]
    .filter(Boolean)
    .join('; ');

const usedLine = ({ name, types, example, browser, faults }) =>
  [
    `${name}: types ${types.join(', ') || 'none'}`,
    example && 'its example',
    browser && `in Chromium (${browser})`,
    faults.length > 0 && `FAULTS: ${faults.length}`,
  ]
    .filter(Boolean)
    .join('; ');

/** The two halves of what is tried of a package; the second takes what the first has installed. */
function tasksOf({ manifest, published, registry, nodes, others }) {
  const { name } = manifest;
  const place = { manifest, folder: join(work, 'installed', name.replace('/', '+')), registry: registry.address };
  const { platform } = published;
  let installed;
  const install = async () => {
    const tarballBytes = registry.tarballBytes(name);
    record.packages[name] = await checkInstalled({ ...place, others, nodes, tarballBytes, platform });
    keep();
    log(installedLine(record.packages[name]));
  };
  const use = async () => {
    await installed;
    const { faults: more, ...found } = await checkUsed(place);
    const { faults: before, ...known } = record.packages[name];
    record.packages[name] = { ...known, ...found, faults: [...before, ...more] };
    keep();
    log(usedLine({ name, ...found, faults: more }));
  };
  return { install: () => (installed = install()), use: entriesOf(manifest).length > 0 ? use : undefined };
}

async function tryCommand({ published, registry }) {
  record.command = await checkCommand({
    folder: join(work, 'command'),
    registry: registry.address,
    platform: published.platform,
    whole: options['whole-start'],
    log,
  });
  keep();
}

/** Everything that is wanted, so many at a time; the command first, which takes longest. */
async function tryAll({ published, registry, nodes }) {
  await installCompiler({ folder: join(work, 'installed') });
  const others = await upstream();
  const packages = published.manifests
    .filter(isWanted)
    .map((manifest) => tasksOf({ manifest, published, registry, nodes, others }));
  const waiting = [
    ...(options['without-command'] ? [] : [() => tryCommand({ published, registry })]),
    ...packages.map(({ install }) => install),
    ...packages.flatMap(({ use }) => use ?? []),
  ];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

const registry = await startRegistry({ folder: join(work, 'registry') });
const faults = [];
try {
  const published = await publishPackages({ root, folder: work, registry, log });
  faults.push(...published.faults);
  log(`${published.manifests.length} packages are published${published.platform ? ', and that of this platform' : ''}`);
  if (!published.platform) log('No C++ compiler: no package of a platform, and the engine native is not tried.');
  for (const part of wanted)
    if (!published.manifests.some((manifest) => isCalled(part, manifest)))
      throw new Error(`No package is called "${part}".`);
  const nodes = await nodePrograms({ wanted: options.nodes.split(','), folder: join(work, 'nodes') });
  await tryAll({ published, registry, nodes });
  const measured = Object.fromEntries(
    Object.values(record.packages).map(({ name, tarball, installed }) => [name, { tarball, installed }]),
  );
  if (options['write-budget']) writeBudget(measured);
  faults.push(
    ...Object.values(record.packages).flatMap((one) => one.faults.map((fault) => `${one.name}: ${fault}`)),
    ...(record.command?.faults ?? []),
    ...overBudget({ budget: readBudget(), measured }),
  );
  if (options.output !== undefined) {
    const result = {
      made: published.made,
      command: 'npm run rehearse -- --nodes 20,22,24 --whole-start --output docs/results/packages.json',
      nodes: nodes.map(({ version }) => version),
      compiler: compiler.typescript,
      platform: published.platform && `${process.platform}-${process.arch}`,
      faults: faults.length,
      packages: published.manifests
        .flatMap(({ name }) => record.packages[name] ?? [])
        .map(({ faults: found, ...one }) => ({ ...one, faults: found.length })),
      start: record.command?.seen,
    };
    writeFileSync(options.output, `${JSON.stringify(result, null, 2)}\n`);
  }
} finally {
  registry.stop();
  if (options.at === undefined) rmSync(work, { recursive: true, force: true });
}
if (faults.length > 0) {
  console.error(`\n${faults.join('\n\n')}\n\n${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}.`);
  process.exitCode = 1;
} else log('Every package can be published, installed alone, imported, required and compiled against.');
