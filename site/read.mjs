/* global document, location, getComputedStyle */
/**
 * Reads the built site in headless Chromium, wide and as on a phone: no page may be wider than its window, make an error, or
 * lead to what is not there; search finds words; the model on the landing page answers.
 *
 *   node site/read.mjs [--pictures FOLDER] [--without-demo]
 *
 * Needs `npm run site` and a Chromium (`CHROMIUM` names one). `--pictures` keeps a picture of some pages.
 */
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { chromium as executablePath } from '../tooling/build/browser-page.js';

const site = fileURLToPath(new URL('./', import.meta.url));
const dist = join(site, 'dist');
const { chromium } = createRequire(join(site, '../apps/cli/package.json'))('playwright-core');
const { values: options } = parseArgs({
  options: { pictures: { type: 'string' }, 'without-demo': { type: 'boolean', default: false } },
});
if (executablePath === undefined) throw new Error('There is no Chromium here: install one, or name it in CHROMIUM.');
if (!existsSync(join(dist, 'index.html'))) throw new Error('site/dist holds no site: run `npm run site` first.');

const windows = { wide: { width: 1280, height: 900 }, narrow: { width: 375, height: 760 } };
/** Pages of which a picture is kept. */
const pictured = ['/', '/guide/quick-start', '/results/start'];
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
const base = process.env.SITE_BASE ?? '/';
const faults = [];

/** The file that a path leads to, as GitHub Pages finds it. */
function fileOf(path) {
  const inside = decodeURIComponent(path).slice(base.length - 1);
  return [inside, `${inside}.html`, join(inside, 'index.html')]
    .map((one) => join(dist, one))
    .find((one) => existsSync(one) && statSync(one).isFile());
}

const server = createServer((request, response) => {
  const file = fileOf(new URL(request.url, 'http://localhost').pathname);
  if (file === undefined) return void response.writeHead(404).end();
  response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
  createReadStream(file).pipe(response);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

/** Every page of the guide and the results; of the reference its first. */
const pages = readdirSync(dist, { recursive: true })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.html') && !/^(404|demo)\.html$/.test(path))
  // Reports of runs are pages of their own, with tests of their own.
  .filter((path) => readFileSync(join(dist, path), 'utf8').includes('VPContent') || path === 'api/index.html')
  .map((path) => `${base}${path.replace(/(^|\/)index\.html$/, '$1').replace(/\.html$/, '')}`)
  .sort();

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/** What is wrong with a page as it stands in its window. */
const faultsIn = (page) =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const scrolls = (element) =>
      element !== null &&
      (/auto|scroll|hidden/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const widest = [...document.querySelectorAll('main *')].find(
      (element) => element.getBoundingClientRect().right > clientWidth + 1 && !scrolls(element),
    );
    return [
      ...(scrollWidth > clientWidth + 1
        ? [`is wider than its window by ${scrollWidth - clientWidth}: ${widest?.outerHTML.slice(0, 120) ?? '?'}`]
        : []),
      ...[...document.images]
        .filter((image) => image.complete && image.naturalWidth === 0)
        .map(({ src }) => `shows no ${src}`),
    ];
  });

const linksIn = (page) =>
  page.$$eval('a[href]', (anchors) =>
    anchors.map(({ href }) => href).filter((href) => href.startsWith(location.origin)),
  );

/** Every link once, with a page that has it. */
const links = new Map();
for (const [name, viewport] of Object.entries(windows)) {
  const page = await browser.newPage({ viewport });
  page.on('pageerror', ({ message }) => faults.push(`${page.url()} (${name}): ${message}`));
  for (const path of pages) {
    const answer = await page.goto(origin + path, { waitUntil: 'load' });
    if (!answer.ok()) faults.push(`${path}: ${answer.status()}`);
    faults.push(...(await faultsIn(page)).map((fault) => `${path} (${name}) ${fault}`));
    if (name === 'wide') for (const link of await linksIn(page)) if (!links.has(link)) links.set(link, path);
    if (options.pictures !== undefined && pictured.includes(path)) {
      mkdirSync(options.pictures, { recursive: true });
      const file = `${path === '/' ? 'landing' : path.split('/').at(-1)}-${name}.png`;
      await page.screenshot({ path: join(options.pictures, file) });
    }
  }
  await page.close();
}
for (const [link, from] of links) {
  const { pathname, hash } = new URL(link);
  const file = fileOf(pathname);
  if (file === undefined) faults.push(`${from}: ${pathname} is not there`);
  else if (hash !== '' && !readFileSync(file, 'utf8').includes(`id="${decodeURIComponent(hash.slice(1))}"`))
    faults.push(`${from}: ${pathname} has no ${hash}`);
}

{
  const page = await browser.newPage({ viewport: windows.wide });
  await page.goto(origin + base);
  await page.click('.VPNavBarSearch button');
  await page.fill('.VPLocalSearchBox input', 'visibility');
  await page
    .waitForSelector('.VPLocalSearchBox .result', { timeout: 30_000 })
    .catch(() => faults.push('search finds nothing'));
  await page.close();
}
if (!options['without-demo'])
  for (const [name, viewport] of Object.entries(windows)) {
    const page = await browser.newPage({ viewport });
    await page.goto(origin + base);
    await page.locator('iframe.demo').scrollIntoViewIfNeeded();
    const demo = page.frameLocator('iframe.demo');
    await demo
      .locator('[data-testid=answer]')
      .waitFor({ timeout: 180_000 })
      .catch(() => faults.push(`the model on the landing page does not answer (${name})`));
    if (options.pictures !== undefined) await page.screenshot({ path: join(options.pictures, `demo-${name}.png`) });
    await page.close();
  }
await browser.close();
server.close();
for (const fault of faults) console.error(fault);
console.log(
  `${pages.length} pages, wide and narrow, ${links.size} links: ${faults.length === 0 ? 'nothing is wrong' : `${faults.length} faults`}.`,
);
process.exitCode = faults.length > 0 ? 1 : 0;
