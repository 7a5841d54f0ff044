/// <reference lib="dom" />
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  accessFaultsOfSizes,
  answered,
  browserName,
  commandedTrace,
  copiedTrace,
  differenceOf,
  launch,
  noBrowser,
  openPage,
  served as servedIn,
} from './inspector-page';
import { subtext } from './run-command';
import { tinyConfiguration } from './tiny-run';

const hostile = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
/** What `npm start` trains, in miniature, with continuous thoughts, which are there however little has been learnt. */
const model = () => at('run', 'reasoner');
const served = <Result>(args: string[], use: (address: string) => Promise<Result>) => servedIn({ folder, args, use });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-inspect-'));
  const run = (args: string[]) => subtext(args, { folder });
  expect((await run(['data', 'generate', 'scenes', 'data', '--train', '24', '--test', '6'])).code).toBe(0);
  await writeFile(
    at('tiny.yaml'),
    tinyConfiguration.replace('{ name: heima, thinkingTokens: 1 }', '{ name: coconut }'),
  );
  expect(await run(['train', 'tiny.yaml', 'workers=0'])).toMatchObject({ code: 0 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A request as a program makes it, with headers of its own. */
function request(address: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get(address, { headers }, (response) => {
      let body = '';
      response.on('data', (data: Buffer) => (body += data.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    }).on('error', reject);
  });
}

describe('the server of subtext inspect', () => {
  it('answers its own page with its token, and nobody else; it reads what it was given and no path', async () => {
    await served(['--model', model()], async (address) => {
      const { origin, searchParams } = new URL(address);
      const token = { 'x-subtext-token': searchParams.get('token')! };
      expect((await request(origin)).body).toContain('Content-Security-Policy');
      const offer = await request(`${origin}/api/offer`, token);
      expect(offer.status).toBe(200);
      const { models, examples } = JSON.parse(offer.body) as {
        models: { files: { path: string }[] }[];
        examples: unknown[];
      };
      expect(models[0]!.files.map(({ path }) => path)).toEqual(
        expect.arrayContaining(['config.json', 'model.safetensors']),
      );
      // Beside the model is the run, beside that the data: it was not given.
      expect(examples).toEqual([]);
      const status = async (path: string, headers: Record<string, string>) =>
        (await request(`${origin}${path}`, headers)).status;
      expect(await status('/api/file/0/0', token)).toBe(200);
      expect(await status('/api/offer', {})).toBe(403);
      expect(await status('/api/offer', { 'x-subtext-token': 'x'.repeat(24) })).toBe(403);
      expect(await status('/api/offer', { ...token, host: 'evil.example' })).toBe(403);
      expect(await status('/', { host: 'evil.example' })).toBe(403);
      expect(await status('/api/offer', { ...token, origin: 'http://evil.example' })).toBe(403);
      expect(await status('/api/offer', { ...token, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' })).toBe(
        403,
      );
      for (const path of [
        '/api/file/0/999',
        '/api/file/9/0',
        '/api/file/../../etc/passwd',
        '/assets/../index.html/..%2f..%2fpackage.json',
        '/api/image/0',
      ])
        expect(await status(path, token), path).toBe(404);
    });
  });

  it('refuses in one line what it cannot serve', async () => {
    const refused = async (args: string[]) => (await subtext(['inspect', '--no-open', ...args], { folder })).stderr;
    expect(await refused(['--model', 'nowhere'])).toMatch(/nowhere/);
    expect(await refused(['--model', model(), '--data', 'tiny.yaml'])).toMatch(/tiny.yaml/);
    expect(await refused(['--view', 'view=map'])).toMatch(/give it with --export/);
    expect(await refused(['--port', '70000'])).toMatch(/at most 65535/);
  });
});

describe.skipIf(noBrowser)(browserName, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  const open = (address: string, options?: Parameters<Browser['newPage']>[0]) => openPage(browser, address, options);
  const text = async (page: Page, selector: string) => (await page.textContent(selector))?.trim();

  it('asks, swaps, puts back, goes on by the keyboard; a link brings it back; its numbers are the command’s', async () => {
    await served(['--model', model(), '--data', 'data'], async (address) => {
      const { page, faults } = await open(address);
      await answered(page);
      expect(await page.locator('[data-stage]').count()).toBeGreaterThan(0);
      const stage = (await page.locator('[data-stage]').first().getAttribute('data-stage'))!;
      await page.waitForSelector(`[data-testid="read-${stage}"]`);
      await page.click(`[data-stage="${stage}"] >> text=Change this stage`);
      // By the keyboard alone.
      await page.focus('text=Swap in its thought');
      await page.keyboard.press('Enter');
      await page.waitForSelector('[data-testid=verdict]');
      expect(page.url()).toContain('edits=');
      const [seen, trace] = [await copiedTrace(page), await commandedTrace({ page, folder })];
      expect(seen.positions).toEqual(trace.positions);
      expect(differenceOf(seen, trace)).toBeLessThan(1e-4);
      const [answer, verdict] = [await text(page, '[data-testid=answer]'), await text(page, '[data-testid=verdict]')];
      const again = await open(page.url());
      await again.page.waitForSelector('[data-testid=verdict]');
      expect(await text(again.page, '[data-testid=answer]')).toBe(answer);
      expect(await text(again.page, '[data-testid=verdict]')).toBe(verdict);
      await page.click('text=Reset all changes');
      await page.waitForSelector('[data-testid=verdict]', { state: 'detached' });
      await page.goBack();
      await page.waitForSelector('[data-testid=verdict]');
      expect([...faults, ...again.faults]).toEqual([]);
      await Promise.all([page.close(), again.page.close()]);
    });
  });

  it('shows each view without an error and without a serious fault of access, wide, narrow and dark; two models beside each other', async () => {
    await served(['--model', model(), '--model', model(), '--data', 'data', '--runs', 'run'], async (address) => {
      const { page, faults } = await open(address);
      await answered(page);
      for (const [name, shown] of [
        ['Thoughts', 'section[aria-label="The answer"]'],
        ['Attention', 'text=The same summed by part'],
        ['Lens', 'text=Numbers are percentages'],
        ['Early answer', 'text=Needed for the answer'],
        ['Map', '[aria-label^="Example 1,"]'],
        ['Compare', '.sides section >> nth=1'],
        ['Runs', 'td:has-text("coconut")'],
      ] as const) {
        await page.click(`nav >> text=${name}`);
        await page.waitForSelector(shown);
        expect(await accessFaultsOfSizes(page), name).toEqual([]);
      }
      expect(faults.filter((fault) => !/Content Security Policy/.test(fault))).toEqual([]);
      await page.close();
    });
  }, 400_000);

  it('is one file that opens from the disk and runs; what is hostile in it shows as text', async () => {
    await cp(at('data'), at('hostile'), { recursive: true });
    const lines = (await readFile(at('data', 'test.jsonl'), 'utf8')).trim().split('\n');
    const first = JSON.parse(lines[0]!) as { conversations: { value: string }[] };
    first.conversations[0]!.value = hostile;
    await writeFile(at('hostile', 'test.jsonl'), `${[JSON.stringify(first), ...lines.slice(1)].join('\n')}\n`);
    const exported = await subtext(
      [
        'inspect',
        '--model',
        model(),
        '--data',
        'hostile',
        '--export',
        'page.html',
        '--view',
        'example=0&another=1',
        '--json',
      ],
      { folder },
    );
    expect(exported).toMatchObject({ code: 0 });
    const { page, faults } = await open(pathToFileURL(at('page.html')).href);
    await answered(page);
    expect(await page.locator('[role=alert]').allTextContents()).toEqual([]);
    expect(await page.textContent('section[aria-label="The question"]')).toContain(hostile);
    await page.click('text=Swap in its thought');
    await page.waitForSelector('[data-testid=verdict]');
    expect(await page.title()).toBe('Subtext inspector');
    expect(faults).toEqual([]);
    // A script that was put in would not run.
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.title = "ran"';
      document.body.append(script);
      return document.title;
    });
    expect(ran).toBe('Subtext inspector');
    await page.close();
  });

  it('opens a folder from the disk: a foreign one, a broken one, one that is too large', async () => {
    const { folder: foreign } = { folder: at('foreign') };
    await mkdir(foreign);
    const golden = fileURLToPath(new URL('../../../packages/model/fixtures/golden/llama/', import.meta.url));
    for (const name of ['config.json', 'model.safetensors']) await cp(join(golden, name), join(foreign, name));
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) await cp(join(model(), name), join(foreign, name));
    await cp(model(), at('broken'), { recursive: true });
    await writeFile(at('broken', 'subtext.json'), `{ "format": 2, "method": "${hostile.replaceAll('"', '\\"')}" }`);
    await mkdir(at('large'));
    await writeFile(at('large', 'config.json'), '{}');
    await writeFile(at('large', 'model.safetensors'), '');
    await truncate(at('large', 'model.safetensors'), 3 * 2 ** 30);
    await mkdir(at('empty'));
    await writeFile(at('empty', 'notes.txt'), 'nothing');
    await served([], async (address) => {
      const { page, faults } = await open(address);
      const choose = async (name: string) => {
        await page.locator('input[webkitdirectory]').first().setInputFiles(at(name));
      };
      for (const [name, message] of [
        ['empty', /has no config.json/],
        ['broken', /subtext.json|method/],
        ['large', /too large for a page: its weights are 3.0 GiB/],
      ] as const) {
        await choose(name);
        await page.waitForFunction(
          (pattern) => new RegExp(pattern).test(document.querySelector('[role=alert]')?.textContent ?? ''),
          message.source,
        );
      }
      await choose('foreign');
      await page.waitForSelector('text=The model has no hidden thoughts', { state: 'attached' }).catch(() => undefined);
      await page.fill('input[name=question]', 'what shape is there ?');
      await page.keyboard.press('Enter');
      await page.waitForSelector('[data-testid=answer]');
      await page.click('nav >> text=Lens');
      await page.waitForSelector('text=Numbers are percentages');
      await choose('run/reasoner');
      await page.waitForSelector('option:has-text("reasoner")', { state: 'attached' });
      expect(await page.title()).toBe('Subtext inspector');
      expect(faults).toEqual([]);
      await page.close();
    });
  });
});
