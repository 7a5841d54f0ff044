/* global fetch */
// A release, rehearsed: `npm run rehearse` packs and publishes every package to a registry of its own on 127.0.0.1 (verdaccio,
// fetched by npx), by the very `changeset version` and `changeset publish` of the release, in a copy of the repository; then
// each package is installed alone in an empty folder, imported, required and type-checked (node16 and bundler, strict, without
// skipLibCheck), its README's example is run, and its size is measured. It takes some fifteen minutes and the npm registry; `npm test` leaves it out.
//   node tooling/workspace/rehearse.mjs [--node PATH,PATH…] [--keep] [PACKAGE…]
// `--node` names further Node programs, such as those of 22 and 24, that import and require what was installed.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const options = process.argv.slice(2);
const valueOf = (name) => (options.includes(name) ? options.splice(options.indexOf(name), 2)[1] : undefined);
const nodes = [process.execPath, ...(valueOf('--node')?.split(',') ?? [])];
const keep = options.includes('--keep') && options.splice(options.indexOf('--keep'), 1).length > 0;
const wanted = options;
/** Most that a package may weigh once installed with all that it needs, in megabytes. */
const limits = { '@subtext/safetensors': 3, '@subtext/tokenizer': 6, '@subtext/tensor': 75, '@subtext/model': 90 };

/** Packages whose README begins with an example that needs no file, model or server: it is run as installed. */
const examples = [
  'data',
  'decoder',
  'encoders',
  'eval',
  'model',
  'nn',
  'reasoner',
  'safetensors',
  'tensor',
  'tokenizer',
];

/** Lines that must compile besides the imports: what a bundler of declarations is likely to lose. */
const uses = {
  '@subtext/tensor': 'export const doubled: m0.tf.Tensor = m0.tf.tensor1d([1, 2]).reshape([2, 1]).mul(2);',
};

const work = mkdtempSync(join(tmpdir(), 'subtext-rehearsal-'));
const failures = [];

function run(program, args, { cwd = work, env = {}, allowFailure = false } = {}) {
  const windows = process.platform === 'win32';
  const result = spawnSync(windows && !program.includes('.') ? `${program}.cmd` : program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    shell: windows,
    maxBuffer: 2 ** 28,
  });
  if (result.error) throw result.error;
  const output = `${result.stdout}${result.stderr}`;
  if (result.status !== 0 && !allowFailure)
    throw new Error(`${program} ${args.join(' ')} ended with ${result.status}:\n${output.slice(-3000)}`);
  return { ok: result.status === 0, output };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startRegistry() {
  const folder = join(work, 'registry');
  const port = await freePort();
  mkdirSync(folder);
  const upstream = run('npm', ['config', 'get', 'registry']).output.trim();
  // An override: verdaccio asks for node-fetch by a tag that not every mirror has.
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: { verdaccio: '^6' }, overrides: { 'node-fetch': '^2.7.0' } }),
  );
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  writeFileSync(
    join(folder, 'config.yaml'),
    `storage: ./storage\nuplinks:\n  npm:\n    url: ${upstream}\npackages:\n  '@subtext/*':\n    access: $all\n    publish: $all\n  '**':\n    access: $all\n    proxy: npm\nmax_body_size: 100mb\nlog: { type: stdout, level: error }\n`,
  );
  const child = spawn(
    process.execPath,
    [
      join(folder, 'node_modules', 'verdaccio', 'bin', 'verdaccio'),
      '--config',
      join(folder, 'config.yaml'),
      '--listen',
      `127.0.0.1:${port}`,
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  const address = `http://127.0.0.1:${port}/`;
  for (let tries = 0; ; tries += 1) {
    if (
      await fetch(`${address}-/ping`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
    if (tries > 120) throw new Error('The registry does not answer.');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return { address, stop: () => child.kill() };
}

/** A copy of what git knows, so that versions and changelogs are not written into the working tree. */
function copyRepository() {
  const copy = join(work, 'repository');
  const files = run('git', ['ls-files', '-z'], { cwd: root })
    .output.split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)));
  for (const file of files) cpSync(join(root, file), join(copy, file), { verbatimSymlinks: true });
  run(
    process.execPath,
    [join(root, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs'), 'install', '--prefer-offline', '--frozen-lockfile'],
    { cwd: copy },
  );
  run('git', ['init', '-q', '-b', 'main'], { cwd: copy });
  run('git', ['add', '-A'], { cwd: copy });
  run('git', ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost', 'commit', '-qm', 'rehearsal'], {
    cwd: copy,
  });
  return copy;
}

function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).reduce(
    (sum, entry) =>
      entry.isFile() ? sum + readFileSync(join(entry.parentPath ?? entry.path, entry.name)).byteLength : sum,
    0,
  );
}

function check(name, registry, manifest) {
  const folder = join(work, 'installed', name.replace('/', '+'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'alone', private: true }));
  run('npm', ['install', '--no-audit', '--no-fund', `--registry=${registry}`, name], { cwd: folder });
  const megabytes = sizeOf(join(folder, 'node_modules')) / 1e6;
  const count = Object.keys(
    JSON.parse(readFileSync(join(folder, 'node_modules', '.package-lock.json'), 'utf8')).packages,
  ).length;
  const report = [`${megabytes.toFixed(0)} MB, ${count} packages`];
  const fail = (what, output) => {
    failures.push(`${name}: ${what}\n${output.trim().slice(-1500)}`);
    report.push(`${what} FAILED`);
  };
  if (megabytes > (limits[name] ?? Infinity))
    fail(`${megabytes.toFixed(0)} MB installed, more than ${limits[name]}`, '');
  const entries = Object.keys(manifest.exports ?? {})
    .filter((path) => path !== './package.json')
    .map((path) => name + path.slice(1));
  for (const node of nodes) {
    const version = run(node, ['--version']).output.trim();
    for (const entry of entries) {
      const imported = run(
        node,
        [
          '--input-type=module',
          '-e',
          `const m = await import('${entry}'); if (Object.keys(m).length === 0) process.exit(1);`,
        ],
        { cwd: folder, allowFailure: true },
      );
      if (!imported.ok) fail(`import ${entry} on ${version}`, imported.output);
      const required = run(
        node,
        ['--input-type=commonjs', '-e', `if (Object.keys(require('${entry}')).length === 0) process.exit(1);`],
        { cwd: folder, allowFailure: true },
      );
      if (!required.ok) fail(`require ${entry} on ${version}`, required.output);
    }
    for (const command of Object.keys(manifest.bin ?? {})) {
      const ran = run(node, [join(folder, 'node_modules', name, manifest.bin[command]), '--version'], {
        cwd: folder,
        allowFailure: true,
      });
      if (!ran.ok) fail(`${command} --version on ${version}`, ran.output);
    }
    report.push(version);
  }
  if (entries.length > 0) {
    const text =
      entries
        .map(
          (entry, index) =>
            `import * as m${index} from '${entry}';\nexport const k${index}: string[] = Object.keys(m${index});`,
        )
        .join('\n') + `\n${uses[name] ?? ''}\n`;
    writeFileSync(join(folder, 'use.mts'), text);
    writeFileSync(join(folder, 'use.cts'), text);
    run('npm', ['install', '--no-audit', '--no-fund', '--no-save', 'typescript@5.9.3', '@types/node@20'], {
      cwd: folder,
    });
    const tsc = (module, resolution, file) =>
      run(
        process.execPath,
        [
          join(folder, 'node_modules', 'typescript', 'bin', 'tsc'),
          '--noEmit',
          '--strict',
          '--skipLibCheck',
          'false',
          '--target',
          'es2022',
          '--lib',
          'es2023,dom,dom.iterable',
          '--module',
          module,
          '--moduleResolution',
          resolution,
          file,
        ],
        { cwd: folder, allowFailure: true },
      );
    for (const [module, resolution, file] of [
      ['node16', 'node16', 'use.mts'],
      ['esnext', 'bundler', 'use.mts'],
      ['nodenext', 'nodenext', 'use.cts'],
    ]) {
      const result = tsc(module, resolution, file);
      if (!result.ok) fail(`tsc ${resolution} ${file}`, result.output);
    }
    // Node 16 could not require ES modules, and TypeScript says so: compiling would be wrong.
    const refused = tsc('node16', 'node16', 'use.cts');
    if (refused.ok || !refused.output.includes('TS1479')) fail('tsc node16 in CommonJS must refuse', refused.output);
    report.push('types');
    if (examples.includes(name.replace('@subtext/', ''))) {
      const readme = readFileSync(join(folder, 'node_modules', name, 'README.md'), 'utf8');
      const [, example] = /^```(?:ts|js)\n([^]*?)^```/m.exec(readme);
      writeFileSync(join(folder, 'example.mts'), example);
      const transpiled = run(
        process.execPath,
        [
          join(folder, 'node_modules', 'typescript', 'bin', 'tsc'),
          ...['--target', 'es2022', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--skipLibCheck'],
          'example.mts',
        ],
        { cwd: folder, allowFailure: true },
      );
      const ran = transpiled.ok
        ? run(process.execPath, ['example.mjs'], { cwd: folder, allowFailure: true })
        : transpiled;
      if (!ran.ok) fail("the README's example", ran.output);
      report.push('example');
    }
  }
  if (name === '@subtext/engine-native' && platformPackages) {
    // The platform's package came along by itself: the engine runs without a compiler.
    const program =
      "const { useEngine } = await import('@subtext/tensor'); process.stdout.write((await useEngine({ engine: 'native' })).device.name);";
    const ran = run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: folder,
      env: { SUBTEXT_ENGINES: join(folder, 'engines'), CXX: join(folder, 'no-compiler') },
      allowFailure: true,
    });
    if (!ran.ok) fail('the engine without a compiler', ran.output);
    report.push(`runs without a compiler (${ran.output})`);
  }
  console.log(`${name}: ${report.join(', ')}`);
}

/** Builds the package of the engine native for this platform, and publishes it as the release does; false without a compiler. */
function publishPlatform(copy, env) {
  const script = (name) => join(copy, 'packages', 'engine-native', 'scripts', name);
  const libraries = join(work, 'libraries');
  const built = run(process.execPath, [script('build-platform.mjs'), '--out', libraries], {
    cwd: copy,
    allowFailure: true,
  });
  if (!built.ok && built.output.includes('no C++ compiler')) {
    console.log('No C++ compiler: no package of a platform, and the engine native is not tried.');
    return false;
  }
  if (!built.ok) throw new Error(`build-platform.mjs failed:\n${built.output.slice(-3000)}`);
  run(process.execPath, [script('publish-platforms.mjs'), libraries, '--any'], { cwd: copy, env });
  return true;
}

let platformPackages = false;
const registry = await startRegistry();
try {
  const copy = copyRepository();
  const npmrc = join(work, 'npmrc');
  writeFileSync(npmrc, `registry=${registry.address}\n//${new URL(registry.address).host}/:_authToken=rehearsal\n`);
  const env = {
    NPM_CONFIG_USERCONFIG: npmrc,
    npm_config_registry: registry.address,
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
  };
  const changeset = join(root, 'node_modules', '@changesets', 'cli', 'bin.js');
  run(process.execPath, [changeset, 'version'], { cwd: copy, env });
  for (const name of readdirSync(join(root, 'tooling'))) {
    const file = join('tooling', name, 'package.json');
    if (
      existsSync(join(root, file)) &&
      JSON.parse(readFileSync(join(copy, file), 'utf8')).version !==
        JSON.parse(readFileSync(join(root, file), 'utf8')).version
    )
      failures.push(`${file}: changeset version raised the version of a private package`);
  }
  // JavaScript without types, as `npm run bootstrap` leaves it: `prepack` has to add what is missing.
  run(
    process.execPath,
    [join(copy, 'node_modules', 'turbo', 'bin', 'turbo'), 'run', 'build', '--output-logs=errors-only', '--ui=stream'],
    { cwd: copy, env },
  );
  platformPackages = publishPlatform(copy, env);
  console.log('Publishing (prepack adds the types) …');
  const published = run(process.execPath, [changeset, 'publish', '--no-git-tag'], {
    cwd: copy,
    env,
    allowFailure: true,
  });
  if (!published.ok) throw new Error(`changeset publish failed:\n${published.output.slice(-4000)}`);
  const manifests = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(copy, group)).map((name) =>
      JSON.parse(readFileSync(join(copy, group, name, 'package.json'), 'utf8')),
    ),
  );
  for (const manifest of manifests)
    if (wanted.length === 0 || wanted.some((part) => manifest.name === part || manifest.name.endsWith(`/${part}`)))
      check(manifest.name, registry.address, manifest);
} finally {
  registry.stop();
  if (keep) console.log(`Kept: ${work}`);
  else rmSync(work, { recursive: true, force: true });
}
if (failures.length > 0) {
  console.error(`\n${failures.join('\n\n')}\n\n${failures.length} ${failures.length === 1 ? 'failure' : 'failures'}.`);
  process.exitCode = 1;
} else console.log('Every package can be published, installed alone, imported, required and type-checked.');
