import { createImageProcessor } from '@subtext/encoders';
import { useEngine } from '@subtext/tensor';
import { loadTokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generate } from '../src/generation/generate';
import { loadModel } from '../src/load-model';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const places = [
  process.env.CHROMIUM,
  ...(process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name))),
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
const chromium = places.find((path) => path !== undefined && path !== '' && existsSync(path));

/** What a page does with the packages as they are published: dist, by the condition that bundlers for browsers set. */
const page = `
import { openFiles } from '@subtext/core';
import { createImageProcessor } from '@subtext/encoders';
import { generate, loadModel } from '@subtext/model';
import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { loadTokenizer } from '@subtext/tokenizer';

const results = { errors: [] };
window.addEventListener('error', ({ message }) => results.errors.push(message));
window.addEventListener('unhandledrejection', ({ reason }) => results.errors.push(String(reason)));
async function answers(folder) {
  const [model, tokenizer] = [await loadModel({ folder }), await loadTokenizer(folder)];
  const inputs = [tokenizer.encode('cat sees dog').ids, tokenizer.encode('dog').ids];
  const { ids } = await generate({ model, inputs, maxNewTokens: 8 });
  return { inputs, ids };
}
try {
  results.engine = (await useEngine('auto')).name;
  const address = new URL('/model', location.href).href;
  results.overHttp = await answers(address);
  const files = await Promise.all(['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(async (name) => new File([await (await fetch(address + '/' + name)).blob()], name)));
  results.fromFiles = await answers(openFiles(files));
  await useEngine('cpu');
  results.onCpu = await answers(address);
  const { value, gradients } = tf.tidy(() => { const grad = tf.grad((x) => x.square().sum())(tf.tensor1d([1, 2])); return { value: 0, gradients: [...grad.dataSync()] }; });
  results.gradient = gradients;
  const processor = createImageProcessor({ config: { image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 4 }, crop_size: { height: 4, width: 4 } } });
  const { pixelValues } = await processor.process([{ data: Uint8Array.from({ length: 6 * 5 * 3 }, (_, index) => index * 2), width: 6, height: 5 }]);
  results.pixels = [...pixelValues.data];
  results.missing = await loadModel({ folder: new URL('/nowhere', location.href).href }).catch((error) => error.message);
} catch (error) {
  results.errors.push(String(error.stack ?? error));
}
await fetch('/results', { method: 'POST', body: JSON.stringify(results) });
`;

describe.skipIf(chromium === undefined)(
  `in ${chromium ?? 'a browser: there is no Chromium here (set CHROMIUM to one)'}`,
  () => {
    let folder: string;
    let server: Server;
    let browser: ChildProcess | undefined;
    let results: Record<string, unknown>;
    const warnings: string[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'subtext-browser-'));
      const model = join(folder, 'site', 'model');
      await mkdir(model, { recursive: true });
      for (const name of ['config.json', 'generation_config.json', 'model.safetensors'])
        await cp(join(packageFolder, 'fixtures', 'golden', 'llama', name), join(model, name));
      await trainWordLevelTokenizer({ texts: ['cat sees dog', 'dog sees bird'] }).save(model);
      // The sources lie in the package, so that the bundler finds what it depends on.
      const source = await mkdtemp(join(packageFolder, 'node_modules', '.browser-test-'));
      try {
        await writeFile(join(source, 'main.js'), page);
        await writeFile(join(source, 'index.html'), '<!doctype html><script type="module" src="./main.js"></script>');
        await build({
          root: source,
          configFile: false,
          logLevel: 'silent',
          build: {
            outDir: join(folder, 'site'),
            emptyOutDir: false,
            target: 'es2022',
            rollupOptions: { onwarn: ({ message }) => warnings.push(message) },
          },
        });
      } finally {
        await rm(source, { recursive: true });
      }
      const finished = new Promise<string>((resolve) => {
        server = createServer((request, response) => {
          if (request.method === 'POST') {
            let body = '';
            request
              .on('data', (part: Buffer) => (body += part.toString()))
              .on('end', () => {
                response.end();
                resolve(body);
              });
            return;
          }
          const path = request.url === '/' ? '/index.html' : new URL(request.url!, 'http://localhost').pathname;
          readFile(join(folder, 'site', path)).then(
            (bytes) =>
              response
                .writeHead(200, {
                  'content-type': types[extname(path)] ?? 'application/octet-stream',
                  'content-length': bytes.byteLength,
                })
                .end(request.method === 'HEAD' ? undefined : bytes),
            () => response.writeHead(404).end(),
          );
        });
      });
      server!.listen(0, '127.0.0.1');
      await once(server!, 'listening');
      const address = `http://127.0.0.1:${(server!.address() as AddressInfo).port}/`;
      browser = spawn(
        chromium!,
        [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--disable-dev-shm-usage',
          `--user-data-dir=${join(folder, 'profile')}`,
          address,
        ],
        { stdio: 'ignore' },
      );
      const died = once(browser, 'exit').then(([code]) =>
        Promise.reject(new Error(`Chromium ended with ${String(code)} before the page was done.`)),
      );
      results = JSON.parse(await Promise.race([finished, died])) as typeof results;
    });

    afterAll(async () => {
      if (browser !== undefined && browser.exitCode === null) {
        browser.kill('SIGKILL');
        await once(browser, 'exit');
      }
      server?.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    it('is bundled without stand-ins for Node’s modules, and runs without an error', () => {
      expect(warnings.filter((message) => /externalized|node:/.test(message))).toEqual([]);
      expect(results['errors']).toEqual([]);
      expect(results['engine']).toBe('wasm');
    });

    it('generates the ids that Node generates: from an address, from File objects, on wasm and cpu', async () => {
      await useEngine('wasm');
      const site = join(folder, 'site', 'model');
      const [model, tokenizer] = [await loadModel({ folder: site }), await loadTokenizer(site)];
      const inputs = [tokenizer.encode('cat sees dog').ids, tokenizer.encode('dog').ids];
      const { ids } = await generate({ model, inputs, maxNewTokens: 8 });
      expect(ids[0]).toHaveLength(8);
      for (const way of ['overHttp', 'fromFiles', 'onCpu']) expect(results[way], way).toEqual({ inputs, ids });
    });

    it('computes gradients, prepares raw pixels as Node does, and says what an address lacks', async () => {
      expect(results['gradient']).toEqual([2, 4]);
      const processor = createImageProcessor({
        config: {
          image_processor_type: 'CLIPImageProcessor',
          size: { shortest_edge: 4 },
          crop_size: { height: 4, width: 4 },
        },
      });
      const { pixelValues } = await processor.process([
        { data: Uint8Array.from({ length: 6 * 5 * 3 }, (_, index) => index * 2), width: 6, height: 5 },
      ]);
      expect(results['pixels']).toEqual([...pixelValues.data]);
      expect(results['missing']).toMatch(/nowhere/);
    });
  },
);
