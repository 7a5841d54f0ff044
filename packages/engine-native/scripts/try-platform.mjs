// Uses the package of this platform as npm would have placed it: in an empty project, without a compiler, with a home of
// engines that holds nothing.
//   node packages/engine-native/scripts/try-platform.mjs FOLDER
// FOLDER holds what build-platform.mjs made. Needs built JavaScript, and nothing from the network.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const name = `engine-native-${process.platform}-${process.arch}`;
const library = join(resolve(process.argv[2] ?? '.'), name);
if (!existsSync(join(library, 'library.json'))) {
  console.error(`${library} is not there: build it with build-platform.mjs.`);
  process.exit(1);
}
const project = mkdtempSync(join(tmpdir(), 'subtext-platform-'));
try {
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@subtext'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }');
  const placed = new Set();
  /** A package of ours as it would be published; what it rests on as it is installed here. */
  const place = (folder) => {
    const { name: own, files = [], dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (placed.has(own)) return;
    placed.add(own);
    const target = join(modules, own);
    for (const file of ['package.json', ...files.filter((entry) => !entry.startsWith('!'))])
      if (existsSync(join(folder, file))) cpSync(join(folder, file), join(target, file), { recursive: true });
    for (const dependency of Object.keys(dependencies)) {
      const found = realpathSync(join(folder, 'node_modules', dependency));
      if (dependency.startsWith('@subtext/')) place(found);
      else if (!existsSync(join(modules, dependency))) {
        mkdirSync(dirname(join(modules, dependency)), { recursive: true });
        symlinkSync(found, join(modules, dependency), 'junction');
      }
    }
  };
  place(join(packages, 'engine-native'));
  cpSync(library, join(modules, '@subtext', name), { recursive: true });
  writeFileSync(
    join(project, 'use.mjs'),
    `import { linear, tf, useEngine } from '@subtext/tensor';
const { name, device } = await useEngine();
const product = linear({ input: tf.tensor2d([[1, 2]]), weight: tf.tensor2d([[3, 4], [5, 6]]) });
console.log(JSON.stringify({ name, device: device.name, product: [...product.dataSync()] }));`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, ['use.mjs'], {
    cwd: project,
    encoding: 'utf8',
    env: {
      ...process.env,
      SUBTEXT_ENGINE: '',
      SUBTEXT_ENGINES: join(project, 'engines'),
      NODE_PATH: '',
      CXX: join(project, 'no-compiler'),
    },
  });
  const found = JSON.parse(stdout || '{}');
  if (found.name !== 'native' || String(found.product) !== '11,17') {
    console.error(`@subtext/${name} does not work in an empty project: ${stdout}${stderr}`);
    process.exitCode = 1;
  } else console.log(`@subtext/${name} works in an empty project: ${found.device}`);
} finally {
  rmSync(project, { recursive: true, force: true });
}
