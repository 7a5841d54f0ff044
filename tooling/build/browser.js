import { copyFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { build } = require(createRequire(require.resolve('tsup')).resolve('esbuild'));
const shims = fileURLToPath(new URL('./browser/files.js', import.meta.url));

/** Functions of Node that work under the same name in a browser, by module; anything else throws when it is called. */
const available = {
  'fs/promises': [
    'stat',
    'lstat',
    'access',
    'realpath',
    'readdir',
    'readFile',
    'open',
    'mkdir',
    'writeFile',
    'rename',
    'rm',
    'unlink',
    'constants',
  ],
  fs: ['constants', 'existsSync'],
  path: [
    'sep',
    'delimiter',
    'isAbsolute',
    'join',
    'normalize',
    'resolve',
    'dirname',
    'basename',
    'extname',
    'relative',
    'posix',
  ],
  crypto: ['randomBytes', 'randomUUID'],
  os: ['hostname', 'cpus', 'homedir'],
  buffer: ['Buffer'],
};

/** The text of a module that stands for one of Node's, or for a package that needs Node. */
async function standIn(name, names) {
  const known = available[name] ?? [];
  const lines = [
    `const absent = (name) => function () { throw new Error(\`\${name} needs Node; it is not there in a browser.\`); };`,
  ];
  if (name === 'timers/promises') {
    lines.push(
      'export const setTimeout = (delay, value, { signal } = {}) => new Promise((resolve, reject) => { signal?.throwIfAborted(); const timer = globalThis.setTimeout(() => resolve(value), delay); signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }); });',
    );
  }
  if (known.length > 0) lines.push(`export { ${known.join(', ')} } from ${JSON.stringify(shims)};`);
  for (const one of names) {
    if (
      known.includes(one) ||
      (name === 'timers/promises' && one === 'setTimeout') ||
      one === 'default' ||
      !/^[A-Za-z_$][\w$]*$/.test(one)
    )
      continue;
    lines.push(`export const ${one} = /* @__PURE__ */ absent(${JSON.stringify(`${name}.${one}`)});`);
  }
  lines.push(`export default /* @__PURE__ */ absent(${JSON.stringify(name)});`);
  return lines.join('\n');
}

/**
 * A package's entries for browsers, into `dist/browser`: no `node:` import is left in them. Node's modules are played by
 * `browser/files.js`; a file `X.browser.ts` stands for `X.ts` beside it; packages that need Node are left out.
 */
export async function buildForBrowser({ entry, nodeOnly = [], assets = [] }) {
  const folder = process.cwd();
  const plugin = {
    name: 'browser',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:/ }, ({ path }) => ({
        path: path.slice('node:'.length),
        namespace: 'stand-in',
        sideEffects: false,
      }));
      onResolve({ filter: /^[a-z@]/ }, ({ path, kind }) => {
        if (kind === 'entry-point') return undefined;
        // Other packages stay outside, ours too: the page has one copy of each.
        return nodeOnly.includes(path) ? { path, namespace: 'stand-in', sideEffects: false } : { path, external: true };
      });
      onLoad({ filter: /./, namespace: 'stand-in' }, async ({ path }) => {
        const names = nodeOnly.includes(path)
          ? path === 'csv-parse'
            ? ['parse']
            : ['openPromise']
          : Object.keys(await import(`node:${path}`));
        return { contents: await standIn(path, names), loader: 'js', resolveDir: dirname(shims) };
      });
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const own = join(resolveDir, `${path}.browser.ts`);
        return existsSync(own) ? { path: own } : undefined;
      });
    },
  };
  await build({
    entryPoints: entry,
    outdir: join(folder, 'dist', 'browser'),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    splitting: true,
    sourcemap: true,
    inject: [fileURLToPath(new URL('./browser/globals.js', import.meta.url))],
    plugins: [plugin],
    logLevel: 'warning',
  });
  for (const asset of assets) copyFileSync(asset, join(folder, 'dist', 'browser', basename(asset)));
}
