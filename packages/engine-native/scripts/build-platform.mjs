// Builds the package of one platform, `@subtext/engine-native-<platform>-<processor>`: the compiled library, and nothing
// else. It is an optional dependency of `@subtext/engine-native`, of which npm installs the one that fits, so that nobody
// needs a compiler. Built where it is to run, or with a cross compiler:
//   node packages/engine-native/scripts/build-platform.mjs --out FOLDER [--target linux-arm64]
// CXX names the compiler. Linux: `-static-libstdc++ -static-libgcc`, so that the C library alone has to be as new as the
// one that it was built on; the release builds on the oldest that GitHub offers. Needs built JavaScript. What has been compiled
// on this machine already is taken.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileLibraryFor, platformLibraryName, platformPackage } from '../dist/index.js';

const { values: options } = parseArgs({
  options: { out: { type: 'string' }, target: { type: 'string', default: `${process.platform}-${process.arch}` } },
});
if (options.out === undefined) {
  console.error('--out FOLDER is missing: where the package is to be put.');
  process.exit(1);
}
const own = dirname(dirname(fileURLToPath(import.meta.url)));
const [platform, architecture] = options.target.split('-');
const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
const name = platformPackage({ platform, architecture });
const folder = join(resolve(options.out), name.slice('@subtext/'.length));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const began = performance.now();
const { file, description } = await compileLibraryFor({ platform, architecture });
copyFileSync(file, join(folder, platformLibraryName(platform)));
copyFileSync(description, join(folder, 'library.json'));
copyFileSync(join(own, 'LICENSE'), join(folder, 'LICENSE'));
writeFileSync(
  join(folder, 'README.md'),
  `# ${name}\n\nThe compiled kernels of [\`@subtext/engine-native\`](https://github.com/subtext-ai/subtext/tree/main/packages/engine-native) for ${platform} on ${architecture}. Installed by it; of no use by itself.\n`,
);
const { license, author, repository, homepage, bugs, engines, publishConfig, version } = manifest;
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify(
    {
      name,
      version,
      description: `The compiled kernels of @subtext/engine-native for ${platform} on ${architecture}`,
      license,
      author,
      repository,
      homepage,
      bugs,
      engines,
      os: [platform],
      cpu: [architecture],
      // Alpine's musl is another C library.
      ...(platform === 'linux' ? { libc: ['glibc'] } : {}),
      publishConfig,
      files: [platformLibraryName(platform), 'library.json'],
      exports: { './package.json': './package.json' },
      preferUnplugged: true,
    },
    null,
    2,
  )}\n`,
);
console.log(`${folder}: ${name}@${version}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
