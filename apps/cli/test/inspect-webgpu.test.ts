/// <reference lib="dom" />
import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../../packages/reasoner/test/number-world';
import {
  answered,
  browserName,
  copiedTrace,
  differenceOf,
  launch,
  noBrowser,
  openPage,
  served,
} from './inspector-page';
import { subtext } from './run-command';

/** Chromium's own Vulkan, which the processor imitates; its zeros of workgroup memory take seconds to compile. */
const imitated = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--enable-dawn-features=disable_workgroup_init',
];

/** Why pages have no WebGPU here; null where they have. */
async function lacking(): Promise<string | null> {
  if (noBrowser) return browserName;
  // As the suite of the engine itself: a processor takes minutes for what a GPU does at once.
  if (process.env.SUBTEXT_TEST_SOFTWARE_GPU !== '1') return 'set SUBTEXT_TEST_SOFTWARE_GPU=1 to try an imitated GPU';
  const browser = await launch(imitated);
  try {
    const page = await browser.newPage();
    // Only pages of this machine, or of https, have a `navigator.gpu`.
    await page.route('http://127.0.0.1/', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
    await page.goto('http://127.0.0.1/');
    return await page.evaluate(async () => {
      const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<object | null> } };
      if (gpu === undefined) return 'this Chromium has no navigator.gpu';
      return (await gpu.requestAdapter()) === null ? 'this Chromium gives no adapter, not even an imitated one' : null;
    });
  } finally {
    await browser.close();
  }
}

const lacks = await lacking();

describe.skipIf(noBrowser)(`engines of ${browserName}`, () => {
  let folder: string;
  const examples = drawExamples({ count: 6, seed: 2 });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-inspect-webgpu-'));
    await useEngine({ engine: 'wasm' });
    const reasoner = trainNumberReasoner({ visibility: 'chain', fromWords: 0.5 });
    await reasoner.save({ folder: join(folder, 'numbers') });
    reasoner.dispose();
    await writeFile(
      join(folder, 'numbers.jsonl'),
      examples
        .map(({ id, question, steps, answer }) => `${JSON.stringify({ id, question, steps, answer })}\n`)
        .join(''),
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const place = 'example=0&another=1&edits=[{"kind":"another","stage":"step_1"}]';
  const computedOn = (page: Page) => page.getAttribute('[data-testid=engine]', 'data-engine');
  /** What a page tells of an engine that it was asked for. */
  async function asked({ args, address, engine }: { args: readonly string[]; address: string; engine: string }) {
    const browser = await launch(args);
    try {
      const { page, faults } = await openPage(browser, `${address}engine=${engine}#${place}`);
      await answered(page);
      await page.waitForSelector('[data-testid=engine]');
      await page.waitForSelector('[data-testid=verdict]');
      const shown = {
        faults,
        engine: await computedOn(page),
        says: (await page.textContent('[data-testid=engine]'))!,
        answer: await page.textContent('[data-testid=answer]'),
      };
      // A page from a file may not read the clipboard.
      return { ...shown, ...(address.startsWith('http') && { trace: await copiedTrace(page) }) };
    } finally {
      await browser.close();
    }
  }
  const args = ['--model', 'numbers', '--data', 'numbers.jsonl'];

  it('fall back to WebAssembly where there is no GPU, and the page says why', async () => {
    await served({
      folder,
      args,
      async use(address) {
        const shown = await asked({ args: ['--disable-gpu'], address: `${address}&`, engine: 'webgpu' });
        expect(shown).toMatchObject({ engine: 'wasm', faults: [] });
        expect(shown.says).toMatch(/this browser (has no WebGPU|provides no graphics adapter)/);
      },
    });
  });

  it.skipIf(lacks)(
    `on WebGPU give the numbers of WebAssembly${lacks === null ? '' : `: ${lacks}`}`,
    async () => {
      await served({
        folder,
        args,
        async use(address) {
          const of = (engine: string) => asked({ args: imitated, address: `${address}&`, engine });
          const [wasm, webgpu, auto] = [await of('wasm'), await of('webgpu'), await of('auto')];
          expect(wasm).toMatchObject({ engine: 'wasm', faults: [] });
          expect(webgpu).toMatchObject({ engine: 'webgpu', faults: [], answer: wasm.answer });
          expect(webgpu.says).toContain('software-emulated: asked for');
          expect(webgpu.trace!.positions).toEqual(wasm.trace!.positions);
          expect(differenceOf(webgpu.trace!, wasm.trace!)).toBeLessThan(1e-4);
          expect(auto.engine).toBe('wasm');
        },
      });
      // The same from one file.
      const exported = await subtext(['inspect', ...args, '--export', 'page.html'], { folder });
      expect(exported).toMatchObject({ code: 0 });
      const file = `${pathToFileURL(join(folder, 'page.html')).href}?`;
      expect(await asked({ args: imitated, address: file, engine: 'webgpu' })).toMatchObject({
        engine: 'webgpu',
        faults: [],
      });
    },
    600_000,
  );
});
