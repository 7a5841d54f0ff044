/* global clearTimeout */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, extname, join } from 'node:path';
import { build } from 'vite';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const places = [
  process.env.CHROMIUM,
  ...(process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name))),
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** A browser that pages can be run in, or undefined. `CHROMIUM` names one. */
export const chromium = places.find((path) => path !== undefined && path !== '' && existsSync(path));

/**
 * Bundles a page with Vite, serves it, runs it in headless Chromium and gives what it posts to `/results`.
 * `seconds`: how long the page may take to post; without it there is no limit.
 */
export async function runPage({ packageFolder, page, site, seconds }) {
  const warnings = [];
  const built = await mkdtemp(join(tmpdir(), 'subtext-page-'));
  // The source lies in the package, so that the bundler finds what it depends on.
  const source = await mkdtemp(join(packageFolder, 'node_modules', '.browser-test-'));
  try {
    await writeFile(join(source, 'main.js'), page);
    await writeFile(join(source, 'index.html'), '<!doctype html><script type="module" src="./main.js"></script>');
    await build({
      root: source,
      configFile: false,
      logLevel: 'silent',
      build: {
        outDir: built,
        emptyOutDir: false,
        target: 'es2022',
        rollupOptions: { onwarn: ({ message }) => warnings.push(message) },
      },
    });
  } finally {
    await rm(source, { recursive: true });
  }
  let posted;
  const finished = new Promise((resolve) => (posted = resolve));
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      let body = '';
      for await (const part of request) body += part;
      response.end();
      return void posted(body);
    }
    const path = request.url === '/' ? '/index.html' : new URL(request.url, 'http://localhost').pathname;
    const bytes = await readFile(join(built, path))
      .catch(() => readFile(join(site, path)))
      .catch(() => undefined);
    if (bytes === undefined) return void response.writeHead(404).end();
    const type = types[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': bytes.byteLength });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const browser = spawn(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      `--user-data-dir=${join(built, 'profile')}`,
      `http://127.0.0.1:${server.address().port}/`,
    ],
    { stdio: 'ignore' },
  );
  const died = once(browser, 'exit').then(([code]) => {
    throw new Error(`Chromium ended with ${code} before the page was done.`);
  });
  died.catch(() => undefined);
  let timer;
  const late = new Promise((_, reject) => {
    if (seconds === undefined) return;
    timer = setTimeout(() => reject(new Error(`The page posted nothing within ${seconds} s.`)), 1000 * seconds);
  });
  try {
    return { results: JSON.parse(await Promise.race([finished, died, late])), warnings };
  } finally {
    clearTimeout(timer);
    if (browser.exitCode === null) {
      browser.kill('SIGKILL');
      await once(browser, 'exit').catch(() => undefined);
    }
    server.close();
    await rm(built, { recursive: true, force: true, maxRetries: 5 });
  }
}
