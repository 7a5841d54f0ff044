// Before a release: names the packages of the platforms as optional dependencies of `@subtext/engine-native`, each of its
// own version, and publishes them. The release workflow calls it right before `changeset publish`, on a fresh checkout:
// in the repository itself they are not named, so that a clone needs no package that is not published yet.
//   node packages/engine-native/scripts/publish-platforms.mjs FOLDER [--any] [--dry-run]
// FOLDER holds what build-platform.mjs made. All platforms have to be there, unless `--any` takes those that are.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { platformLibraryName, platformPackage, platforms } from '../dist/index.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { any: { type: 'boolean', default: false }, 'dry-run': { type: 'boolean', default: false } },
});
const [given] = positionals;
if (given === undefined) {
  console.error('FOLDER is missing: what build-platform.mjs made.');
  process.exit(1);
}
const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package.json');
const manifest = JSON.parse(readFileSync(path, 'utf8'));
const found = [];
for (const { platform, architecture } of platforms) {
  const name = platformPackage({ platform, architecture });
  const folder = join(resolve(given), name.slice('@subtext/'.length));
  const missing = ['package.json', 'library.json', platformLibraryName(platform)].filter(
    (file) => !existsSync(join(folder, file)),
  );
  if (missing.length > 0) {
    if (options.any) continue;
    console.error(`${folder}: ${missing.join(', ')} missing. Build ${name} first (build-platform.mjs).`);
    process.exit(1);
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (version !== manifest.version) {
    console.error(`${folder} is version ${version}, @subtext/engine-native ${manifest.version}: build it again.`);
    process.exit(1);
  }
  found.push({ name, folder });
}
manifest.optionalDependencies = Object.fromEntries(found.map(({ name }) => [name, manifest.version]));
writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
const npm = (args) =>
  spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
for (const { name, folder } of found) {
  if (options['dry-run']) {
    console.log(`would publish ${name}@${manifest.version} from ${folder}`);
    continue;
  }
  // A release that is run again goes on where it stopped.
  if (npm(['view', `${name}@${manifest.version}`, 'version']).stdout.trim() === manifest.version) continue;
  const { status, stdout, stderr } = npm(['publish', folder]);
  if (status !== 0) {
    console.error(`${name} could not be published:\n${stdout}${stderr}`);
    process.exit(1);
  }
  console.log(`published ${name}@${manifest.version}`);
}
