/* global document, createImageBitmap, atob, Blob */
/**
 * Takes the screenshots of docs/guide/inspector.md in headless Chromium, as WebP.
 *
 *   node site/inspector-pictures.mjs [--runs runs/start] [--output docs/guide/inspector]
 *
 * Needs built packages, the runs of `npm start`, and a Chromium (`CHROMIUM` names one).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { chromium as executablePath } from '../tooling/build/browser-page.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const { chromium } = createRequire(join(root, 'apps/cli/package.json'))('playwright-core');
const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: join(root, 'runs/start') },
    output: { type: 'string', default: join(root, 'docs/guide/inspector') },
  },
});
if (executablePath === undefined) throw new Error('There is no Chromium here: install one, or name it in CHROMIUM.');
const runs = resolve(options.runs);
if (!existsSync(join(runs, 'reasoner')))
  throw new Error(`${runs} has no reasoner: run \`npm start\` first, or give --runs.`);

/** Milliseconds: longer than any view takes to compute on a busy machine. */
const patience = 180_000;
/** Milliseconds in which what is read of an answer's thoughts is drawn after the answer. */
const settled = 6_000;
const swapped = encodeURIComponent('[{"kind":"another","stage":"caption"}]');
const question = 'example=0&another=1';
/** From where the start's runs are called as after `npm start`: pages show the paths that were given. */
const home = resolve(runs, '../..');
const start = relative(home, runs);
const models = ['--model', `${start}/reasoner`, '--model', `${start}/heima-published/reasoner`, '--runs', start];

const pictures = [
  { name: 'strip', args: models, link: `view=strip&${question}&edits=${swapped}`, shown: '[data-testid=verdict]' },
  { name: 'compare', args: models, link: `view=compare&${question}`, shown: '.sides section >> nth=1' },
  { name: 'sees', args: models, link: `view=sees&${question}`, shown: 'text=The same summed by part' },
  { name: 'early', args: models, link: `view=early&${question}`, shown: 'text=Needed for the answer' },
  { name: 'lens', args: models, link: `view=lens&${question}`, shown: 'text=Numbers are percentages' },
  {
    name: 'graph',
    args: ['--model', 'docs/results/checkpoints/graphs'],
    home: root,
    link: 'view=lens&example=0',
    shown: '[aria-label="The thoughts on the graph"] figure:nth-of-type(4) circle',
  },
];

/** Serves the inspector until what is done with its address is done. */
async function served({ args, home: cwd = home }, use) {
  const words = [join(root, 'apps/cli/bin/subtext.js'), 'inspect', '--no-open', '--json', '--port', '0', ...args];
  const child = spawn(process.execPath, words, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let told = '';
    const address = await new Promise((found, fail) => {
      child.on('exit', (code) => fail(new Error(`subtext inspect ended with exit code ${code}.`)));
      child.stdout.on('data', (data) => {
        told += data.toString();
        const [, one] = /"address":"([^"]+)"/.exec(told) ?? [];
        if (one) found(one);
      });
    });
    await use(address);
  } finally {
    child.removeAllListeners('exit');
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await once(child, 'exit');
    }
  }
}

/** The same picture as WebP, which browsers encode. */
async function webpOf({ page, png }) {
  const address = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.85);
  }, png.toString('base64'));
  return Buffer.from(address.split(',')[1], 'base64');
}

mkdirSync(options.output, { recursive: true });
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
try {
  const blank = await browser.newPage();
  for (const { name, link, shown, ...place } of pictures)
    await served(place, async (address) => {
      const page = await browser.newPage({ viewport: { width: name === 'graph' ? 1280 : 1100, height: 640 } });
      page.setDefaultTimeout(patience);
      await page.goto(`${address}#${link}`);
      await page.waitForSelector(shown);
      await page.waitForTimeout(settled);
      const bytes = await webpOf({ page: blank, png: await page.screenshot({ fullPage: true }) });
      writeFileSync(join(options.output, `${name}.webp`), bytes);
      console.log(`${name}.webp: ${(bytes.length / 1000).toFixed(0)} kB`);
      await page.close();
    });
} finally {
  await browser.close();
}
