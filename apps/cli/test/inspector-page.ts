/// <reference lib="dom" />
import { chromium as chromiumPath } from '@subtext/build/browser-page';
import type { Trace } from '@subtext/decoder';
import axe from 'axe-core';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

import { subtext } from './run-command';

const command = fileURLToPath(new URL('../bin/subtext.js', import.meta.url));

/** The name of a group of tests that need a browser, which says why they are skipped. */
export const browserName = `the inspector in ${chromiumPath ?? 'a browser: there is no Chromium here (set CHROMIUM to one)'}`;
export const noBrowser = chromiumPath === undefined;

/** @param args what else the browser is told; without any it does not imitate a GPU, which takes most of its processor time. */
export function launch(args: readonly string[] = ['--disable-gpu']): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...args],
  });
}

/** Serves the inspector until what is done with its address is done. */
export async function served<Result>({
  folder,
  args,
  use,
}: {
  /** Where the command runs. */
  folder: string;
  args: readonly string[];
  use: (address: string) => Promise<Result>;
}): Promise<Result> {
  const child = spawn(process.execPath, [command, 'inspect', '--no-open', '--json', '--port', '0', ...args], {
    cwd: folder,
  });
  let told = '';
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  try {
    const address = await new Promise<string>((resolve, reject) => {
      child.on('exit', () => reject(new Error(errors)));
      child.stdout.on('data', (data: Buffer) => {
        told += data.toString();
        const found = /"address":"([^"]+)"/.exec(told)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    return await use(address);
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await once(child, 'exit');
    }
  }
}

/** Opens a page, and takes every error that it makes. */
export async function openPage(
  browser: Browser,
  address: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.setDefaultTimeout(90_000);
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(address);
  return { page, faults };
}

export const answered = (page: Page) => page.waitForSelector('[data-testid=answer], [role=alert]');

/** What axe takes for a serious or critical fault of access in what a page shows, and whether it is wider than its window. */
async function accessFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const wide = scrollWidth > clientWidth + 1 ? [`wider than the window by ${scrollWidth - clientWidth}`] : [];
    const run = (globalThis as unknown as { axe?: typeof axe }).axe;
    if (run === undefined) return ['axe is not there'];
    const { violations } = await run.run(document, { resultTypes: ['violations'] });
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const places = (nodes: { html: string }[]) => nodes.slice(0, 2).map(({ html }) => html);
    return [...wide, ...serious.map(({ id, nodes }) => `${id}: ${places(nodes).join(' ')}`)];
  });
}

/** The same of a page on a desk and of one on a phone in the dark, each with its size; the page is then as it was. */
export async function accessFaultsOfSizes(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const [viewport, colorScheme] of [
    [{ width: 390, height: 800 }, 'dark'],
    [{ width: 1280, height: 900 }, 'light'],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    // What is drawn for a size is drawn anew a frame later.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    faults.push(
      ...(await accessFaults(page)).map((fault) => `${viewport.width} pixels wide, ${colorScheme}: ${fault}`),
    );
  }
  return faults;
}

/** What the page copies as JSON: the trace of the answer that is shown. */
export async function copiedTrace(page: Page): Promise<Trace> {
  return (JSON.parse(await copied(page, 'JSON')) as { trace: Trace }).trace;
}

/** What the command that the page copies answers. */
export async function commandedTrace({
  page,
  folder,
  more = [],
}: {
  page: Page;
  folder: string;
  /** Further words of the command. */
  more?: readonly string[];
}): Promise<Trace> {
  const told = await copied(page, 'Command');
  const words = [...told.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/g, '$1'),
  );
  if (words.slice(0, 3).join(' ') !== 'npx subtext think') throw new Error(`The page copied another command: ${told}`);
  const { events, stderr } = await subtext([...words.slice(2), ...more], { folder });
  const { trace } = (events.at(-1) ?? {}) as { trace?: Trace };
  if (trace === undefined) throw new Error(stderr);
  return trace;
}

async function copied(page: Page, what: 'JSON' | 'Command'): Promise<string> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  // What was copied before may still stand there, and be told.
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await page.click(`text=Copy as ${what === 'JSON' ? what : 'command'}`);
  await page.waitForSelector(`text=${what} copied.`);
  for (;;) {
    const text = await page.evaluate(() => navigator.clipboard.readText());
    if (text !== '') return text;
  }
}

/** The largest difference of two traces of the same positions: in thoughts, attention and the answer's distribution. */
export function differenceOf(one: Trace, other: Trace): number {
  const numbers = ({ thoughts, attention, distribution }: Trace) => [
    ...thoughts.flatMap(({ hidden, norm }) => [...hidden, norm]),
    ...attention!.flat(2),
    ...distribution.map(({ probability }) => probability),
  ];
  const [mine, theirs] = [numbers(one), numbers(other)];
  if (mine.length !== theirs.length || mine.length < 100) return Number.POSITIVE_INFINITY;
  return mine.reduce((most, value, index) => Math.max(most, Math.abs(value - theirs[index]!)), 0);
}
