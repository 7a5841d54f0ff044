/* global document, MutationObserver, requestAnimationFrame */
/**
 * How long the inspector takes, in headless Chromium, on a model such as `npm start` trains: from its address to the first
 * answer, in a browser that was just started; and a change of thoughts, in its worker and from the click to the screen. Also
 * how large the page is, compressed, and one exported with the model and 20 examples.
 *
 *     node tooling/bench/inspector.mjs [--model runs/start/reasoner] [--data FOLDER] [--rounds 5] [--changes 20] [--output FILE]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import { chromium as executablePath } from '../build/browser-page.js';
import { madeWith } from '../results/made-with.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(join(root, 'apps/cli/package.json'));
const { chromium } = require('playwright-core');
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'runs/start/reasoner' },
    data: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    changes: { type: 'string', default: '20' },
    output: { type: 'string' },
  },
});
if (executablePath === undefined) throw new Error('There is no Chromium here: install one, or name it in CHROMIUM.');

const command = [join(root, 'apps/cli/bin/subtext.js'), 'inspect', '--model', values.model];
if (values.data !== undefined) command.push('--data', values.data);

/** The compressed bytes of the page's parts: what a visit without a GPU loads, and the worker with a GPU's. */
function sizes() {
  const assets = join(root, 'apps/inspector/dist/assets');
  const bytes = (pattern) =>
    readdirSync(assets)
      .filter((name) => pattern.test(name))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(assets, name))).length, 0);
  const html = gzipSync(readFileSync(join(assets, '../index.html'))).length;
  const parts = { page: html + bytes(/^index-/), worker: bytes(/^worker-/), wasm: bytes(/wasm-simd-.*\.wasm$/) };
  const all = Object.values(parts).reduce((sum, one) => sum + one, 0);
  return { ...parts, all, gpuWorker: bytes(/^webgpu-worker-/) };
}

/** The bytes of a page exported with the model and 20 examples. */
function exported() {
  const folder = mkdtempSync(join(tmpdir(), 'subtext-inspector-'));
  const file = join(folder, 'page.html');
  const { status, stderr } = spawnSync(process.execPath, [...command, '--limit', '20', '--export', file]);
  if (status !== 0) throw new Error(String(stderr));
  const { size } = statSync(file);
  rmSync(folder, { recursive: true });
  return size;
}

function serve() {
  const child = spawn(process.execPath, [...command, '--no-open', '--json', '--port', '0']);
  let told = '';
  return new Promise((resolve, reject) => {
    child.on('exit', () => reject(new Error('The inspector did not start.')));
    child.stdout.on('data', (data) => {
      told += data;
      const address = /"address":"([^"]+)"/.exec(told)?.[1];
      if (address !== undefined) resolve({ address, child });
    });
  });
}

const measured = { start: [], worker: [], screen: [] };
let version = '';
const began = loadavg()[0];
const { address, child } = await serve();
for (let round = 0; round < Number(values.rounds); round++) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  version = browser.version();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(120_000);
  await page.goto(`${address}#example=0&another=1`);
  await page.waitForSelector('main[data-started]');
  measured.start.push(Number(await page.getAttribute('main', 'data-started')));
  // What the page reads and goes through after its first answer is done before a change is timed.
  await page.waitForSelector('.tiny:has-text("≈")');
  for (let change = 0; change < Number(values.changes); change++) {
    const { screen, worker } = await page.evaluate(
      async (name) => {
        const button = [...document.querySelectorAll('button')].find(({ textContent }) => textContent.trim() === name);
        const card = document.querySelector('section[aria-label="The answer"]');
        const began = performance.now();
        const changed = new Promise((resolve) => {
          new MutationObserver((_, observer) => {
            observer.disconnect();
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
          }).observe(card, { subtree: true, childList: true, characterData: true, attributes: true });
        });
        button.click();
        const screen = await changed;
        return { screen, worker: Number.parseFloat(card.querySelector('[data-testid=milliseconds]').textContent) };
      },
      change % 2 === 0 ? 'Swap in its thought' : 'Zeros',
    );
    measured.screen.push(screen);
    measured.worker.push(worker);
    // What reads the changed thoughts, so that the next change does not wait for it.
    await page.waitForTimeout(1500);
  }
  await browser.close();
}
child.kill('SIGINT');
await once(child, 'exit');

const told = (list) => {
  const sorted = list.toSorted((one, other) => one - other).map((one) => Math.round(one));
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { median: at(0.5), least: sorted[0], most: sorted.at(-1), count: sorted.length };
};
const result = {
  format: 1,
  kind: 'inspector',
  command: `node tooling/bench/inspector.mjs --rounds ${values.rounds} --changes ${values.changes}`,
  made: madeWith(),
  browser: `Chromium ${version}, headless`,
  engine: 'wasm',
  load: [began, loadavg()[0]],
  milliseconds: {
    start: told(measured.start),
    changeInWorker: told(measured.worker),
    changeOnScreen: told(measured.screen),
  },
  compressedBytes: sizes(),
  exportedBytes: exported(),
};
const text = `${JSON.stringify(result, null, 2)}\n`;
if (values.output !== undefined) writeFileSync(values.output, text);
process.stdout.write(text);
